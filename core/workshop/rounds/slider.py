"""At which slider position does it stop being a shoe: people against networks."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from core.errors import InputError
from core.latent.autoencoder import load_autoencoder, shipped
from core.metrics.intervals import wilson
from core.workshop.items import Item, Option
from core.workshop.rounds.bars import Measure, Share, percent
from core.workshop.rounds.kind import Kind, Preparation, Rules
from core.workshop.rounds.pictures import Album
from core.workshop.state import PreparedRound, Round, Tallies

POSITIONS = 9
EACH = 3
TRIES = 60
NEVER = str(POSITIONS + 1)


def prepare(preparation: Preparation) -> PreparedRound:
    """Three sliders from one class to another: the pictures that one code has in both classes, mixed pixel by pixel.

    A decoder of a class hardly leaves it along a step of its code, so the slider mixes its pictures: at position p of
    the P they are (1 - t) and t of a pixel, t = (p - 1) / (P - 1). Codes are taken whose first picture every network
    answers with its class, and whose last one with another.

    Raises:
        InputError: the task has no generator, or no such codes are found.
    """
    if not shipped(preparation.task.key):
        raise InputError(f"{preparation.task.title} has no generator: choose another task for this round.")
    decoder = load_autoencoder(preparation.task.key)
    generator = torch.Generator().manual_seed(preparation.seed)
    names, album = preparation.task.class_names, Album()
    items: list[Item] = []
    used: set[int] = set()
    for _ in range(TRIES):
        z = torch.randn(1, decoder.latent, generator=generator) * 0.7
        start, end = torch.randperm(len(names), generator=generator)[:2].tolist()
        with torch.no_grad():
            ends = decoder.decode(z.expand(2, -1), torch.tensor([start, end]))
            t = torch.linspace(0, 1, POSITIONS).view(-1, 1, 1, 1)
            x = ((1 - t) * ends[:1] + t * ends[1:]).clamp(0, 1)
            answers = {model.card.key: model.fast(x).argmax(1) == start for model in preparation.networks}
        if start in used or any(not bool(own[0]) or bool(own[-1]) for own in answers.values()):
            continue
        used.add(start)
        left = {key: int((~own).int().argmax()) + 1 for key, own in answers.items()}
        pictures = tuple(album.picture(x[place : place + 1], str(place + 1)) for place in range(POSITIONS))
        numbers = (Option(str(place), str(place)) for place in range(1, POSITIONS + 1))
        options = (*numbers, Option(NEVER, "It never stops"))
        prompt = f"At which number does it stop being: {names[start]}?"
        items.append(Item(len(items), "", "", prompt, pictures, options, {"left": left, "class": names[start]}))
        preparation.on_progress(len(items), EACH)
        if len(items) == EACH:
            return PreparedRound("slider", preparation.stated(each=EACH), tuple(items), album.pictures)
    raise InputError("No sliders were found that all of these networks follow: choose others.")


def measures(round_: Round) -> tuple[Measure, ...]:
    """By network, how often people had let go by where the network does; half means it is like them."""
    names = round_.settings["names"]
    return tuple(
        Measure("let go by then", key, f"gone for people where “{names[key]}” changes its answer", _gone(key))
        for key in round_.settings["networks"]
    )


def _gone(key: str) -> Callable[[Item, str], bool]:
    return lambda item, value: int(value) <= item.facts["left"][key]


def machines(round_: Round) -> tuple[Share, ...]:
    """By network, the mean share of the slider at which it lets go."""
    found = []
    for key, name in round_.settings["names"].items():
        passed = sum(item.facts["left"][key] - 1 for item in round_.items)
        n = len(round_.items) * POSITIONS
        label = f"{name}: positions in which it still sees the class"
        found.append(Share("position", key, label, passed, n, *wilson(passed, n)))
    return tuple(found)


def words(round_: Round, shares: Sequence[Share], tallies: Tallies) -> str:
    """Where people and where networks let go, as means over the sliders of the median position."""
    medians = []
    for index in range(len(round_.items)):
        given = [int(value) for (item, value), count in tallies.items() if item == index for _ in range(count)]
        if given:
            medians.append(float(np.median(given)))
    room = f"at position {np.mean(medians):.1f}" if medians else "nowhere yet"
    networks = [
        f"“{name}” at {np.mean([item.facts['left'][key] for item in round_.items]):.1f}"
        for key, name in round_.settings["names"].items()
    ]
    least = min(shares, key=lambda share: abs(share.share - 0.5))
    return (
        f"People let go {room} of {POSITIONS}, {' and '.join(networks)} (means over {len(round_.items)} sliders). "
        f"Nearest to the room: “{round_.settings['names'][least.group]}” ({percent(least)} had let go by then)."
    )


SLIDER = Kind(
    key="slider",
    title="Where does it stop being a shoe?",
    sentence="A picture turns into another; people say where it stops being what it was, and so do networks.",
    source="Pictures of one code in two classes (this project's generator), mixed pixel by pixel",
    rules=Rules(prepare, measures, words, machines=machines),
    networks=(1, 3),
)
