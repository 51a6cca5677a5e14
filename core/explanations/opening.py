"""The picture that a first visit opens with: chosen by a rule, so that it shows what the dashboard is about.

The rule. Of a task's pictures with a known class, those qualify that `RIGHT` networks all get right and of which only
the first loses the class to an attack at 2/255. Where the task has a generator, pictures come first that it rebuilds
best as their own class and of which one slider along a leading direction turns the first network's answer and none of
the others'. Among equals it is the picture whose class the least sure network gives the largest probability. Where no
such slider is found so, the page Latent opens with a picture of its own: chosen likewise, but for the attack.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.attacks.pgd import Pgd
from core.checksums import read_checked, write_checked
from core.data.galleries import ASSETS, Gallery
from core.errors import InputError
from core.explanations.attack_result import attack_result
from core.explanations.prediction import probabilities
from core.images import fit
from core.latent.autoencoder import Autoencoder
from core.latent.codes import round_code
from core.latent.directions import directions
from core.latent.ribbons import ribbon
from core.models.zoo import ZooModel
from core.norms import rmse

RIGHT = ("standard", "pgd-linf", "pgd-l2")
"""The networks asked, as far as a task has them; the first is the one that is to fail."""
MAX_BYTES = 100_000
NAME = "opening.json"


@dataclass(frozen=True, slots=True)
class OpeningSettings:
    """What the rule is applied with.

    Attributes:
        epsilon: radius of the attack (L-infinity), in [0, 1] pixel units.
        steps: of PGD.
        seed: of its random start.
        directions: how many leading directions are tried.
        tests: of so many test images, the first of the gallery's.
    """

    epsilon: float = 2 / 255
    steps: int = 20
    seed: int = 0
    directions: int = 5
    tests: int = 200


@dataclass(frozen=True, slots=True)
class Opening:
    """A picture that qualifies.

    Attributes:
        picture: its key in the gallery.
        least: the smallest probability that one of the networks gives its class.
        direction: number of the slider that turns the first network alone, from 1; 0 where none does.
        position: where that slider turns it, nearest to rest.
    """

    picture: str
    least: float
    direction: int = 0
    position: float = 0.0


@dataclass(frozen=True, slots=True)
class Openings:
    """What was chosen for a task.

    Attributes:
        task: its key.
        command: what chose.
        settings: of the rule.
        networks: checksums of the networks asked, by key; the choice says nothing about others.
        generator: checksum of the generator; empty where the task has none.
        chosen: the picture of each kind, by "test" (its test images) and "ships"; "test-latent" and "ships-latent" are
            those of the page Latent where it has one of its own.
    """

    task: str
    command: str
    settings: OpeningSettings
    networks: Mapping[str, str]
    generator: str
    chosen: Mapping[str, Opening]


def openings(
    pictures: Gallery,
    models: Sequence[ZooModel],
    autoencoder: Autoencoder | None,
    command: str,
    settings: OpeningSettings,
) -> Openings:
    """The choice for a task, of the test images and of what ships, as far as there are any that qualify."""
    kinds: dict[str, list[str]] = {"test": [], "ships": []}
    for key, item in pictures.items.items():
        if item.label is not None:
            kinds["test" if key.startswith("test:") else "ships"].append(key)
    chosen: dict[str, Opening] = {}
    for kind, keys in (("test", kinds["test"][: settings.tests]), ("ships", kinds["ships"])):
        best = choose(pictures, keys, models, autoencoder, settings)
        if best is not None:
            chosen[kind] = best
        if autoencoder is not None and (best is None or not best.direction):
            best = choose(pictures, keys, models, autoencoder, settings, attacked=False)
            if best is not None and best.direction:
                chosen[f"{kind}-latent"] = best
    networks = {model.card.key: model.card.sha256 for model in models}
    return Openings(
        pictures.task.key, command, settings, networks, autoencoder.card.sha256 if autoencoder else "", chosen
    )


def choose(
    pictures: Gallery,
    keys: Iterable[str],
    models: Sequence[ZooModel],
    autoencoder: Autoencoder | None,
    settings: OpeningSettings,
    attacked: bool = True,
) -> Opening | None:
    """The picture that the rule picks among some; None where none qualifies. Without `attacked` no attack is asked."""
    found = list(_qualifying(pictures, keys, models, autoencoder, settings, attacked))
    return max(found, key=lambda one: (one.direction > 0, one.least), default=None)


def _qualifying(
    pictures: Gallery,
    keys: Iterable[str],
    models: Sequence[ZooModel],
    autoencoder: Autoencoder | None,
    settings: OpeningSettings,
    attacked: bool,
) -> Iterator[Opening]:
    task = pictures.task
    for key in keys:
        label = pictures.items[key].label
        assert label is not None
        x = fit(pictures.picture(key).pixels, task.shape, "crop", task.background)
        least = least_sure(models, x, label, settings if attacked else None)
        if least is not None:
            yield Opening(key, least, *(turning(autoencoder, models, x, label, settings) if autoencoder else (0, 0.0)))


def least_sure(models: Sequence[ZooModel], x: Tensor, label: int, settings: OpeningSettings | None) -> float | None:
    """The smallest probability that one of the networks gives a picture's class (x: (1, C, H, W)).

    None where one is wrong; with settings also where the first one stands the attack, or one of the others does not.
    """
    with torch.no_grad():
        probs = [probabilities(model, model.fast(x))[0] for model in models]
    if any(int(each.argmax()) != label for each in probs):
        return None
    if settings is not None:
        attack = Pgd(settings.epsilon, "linf", settings.steps)
        for number, model in enumerate(models):
            if (attack_result(model, x, attack, settings.seed).after == label) != (number > 0):
                return None
    return min(float(each[label]) for each in probs)


def turning(
    autoencoder: Autoencoder, models: Sequence[ZooModel], x: Tensor, label: int, settings: OpeningSettings
) -> tuple[int, float]:
    """The slider, from 1, that turns the first network's answer and none of the others', and where, nearest to rest.

    (0, 0) where none does, where another class rebuilds the picture better, or where a network is wrong at rest.
    """
    with torch.no_grad():
        labels = torch.arange(autoencoder.task.classes, device=x.device)
        every = x.expand(len(labels), -1, -1, -1)
        codes = [round_code(z[None]) for z in autoencoder.encode(every, labels)]
        apart = rmse(autoencoder.decode(torch.cat(codes), labels) - every)
    if int(apart.argmin()) != label:
        return 0, 0.0
    z, own = codes[label], torch.tensor([label], device=x.device)
    ways = directions(autoencoder, z, own, min(settings.directions, autoencoder.latent))
    fast, found = [model.fast for model in models], []
    for which in range(len(ways)):
        row = ribbon(autoencoder, fast, z, own, ways, [0.0] * len(ways), which)
        answers = row.predicted
        rest = int(abs(row.positions).argmin())
        if (answers[:, rest] != label).any():
            return 0, 0.0
        turns = (answers[0] != label) & (answers[1:] == label).all(0)
        found += [(abs(float(at)), which + 1, float(at)) for at in row.positions[turns]]
    return min(found)[1:] if found else (0, 0.0)


def write_openings(made: Openings, folder: Path = ASSETS) -> Path:
    """Write the choice beside the task's gallery; its path."""
    path = folder / made.task / NAME
    write_checked(path, (json.dumps(asdict(made), indent=1, sort_keys=True) + "\n").encode())
    return path


def read_openings(task: str, folder: Path = ASSETS) -> Openings | None:
    """The choice for a task; None while there is none.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / task / NAME
    if not path.exists():
        return None
    data = read_checked(path, MAX_BYTES)
    try:
        fields: dict[str, Any] = json.loads(data)
        chosen = {str(kind): Opening(**one) for kind, one in fields.pop("chosen").items()}
        return Openings(settings=OpeningSettings(**fields.pop("settings")), chosen=chosen, **fields)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path.name} is not a choice of pictures: {error}") from error
