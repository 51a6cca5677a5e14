"""Is this mistake reasonable: which label do people see in an adversarial image, the true one, the target, neither?"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from core.attacks.attack import AttackRequest
from core.attacks.catalogue import run_attack
from core.attacks.jsma import Jsma
from core.models.step_precision import Precision, stepping
from core.models.zoo import ZooModel
from core.workshop.items import Item, Option
from core.workshop.rounds.bars import Measure, Share, among_values, percent, under
from core.workshop.rounds.kind import Kind, Preparation, Rules, Subject, full_blocks, known_by_all
from core.workshop.rounds.pictures import Album
from core.workshop.state import PreparedRound, Round, Tallies

PER_NETWORK = 2
WANTED = 12
TARGETS = 3  # classes tried one after the other: label + 1 as in the paper, then + 2, then + 3
STEPS, STEP = 10, 0.025  # of iterated TGSM: ten of 0.1 standard deviations of a pixel, which are about 0.25
DRAWN = 14  # subjects that are attacked: JSMA takes a third of a second for each

PAPER = {
    "fashion-mnist": (
        "MNIST, JSMA",
        {"standard": (2.0, 26.0), "distilled": (0.0, 23.5), "double-backprop": (16.4, 41.8)},
    ),
    "cifar10": ("SVHN, TGSM", {"standard": (40.0, 63.3), "distilled": (1.7, 25.4), "double-backprop": (46.3, 81.5)}),
}
"""Human-fooled and mistake-reasonable rates of the paper in percent, for the task nearest to its own, by network.

As remembered of Ross, Doshi-Velez 2018, and not read again in it; about a dozen people, each judging an unknown number.
"""


def attacked(
    model: ZooModel, subjects: Sequence[Subject], precision: Precision = "float32"
) -> list[tuple[Tensor, int] | None]:
    """For each subject an image that the network takes for another class, and that class; None where none was reached.

    Grey images by JSMA, as the paper's MNIST; colour ones by iterated TGSM, as its SVHN. The target is label + 1, and
    where that is not reached the next ones, which is our addition: the paper says nothing of failed attacks.
    Steps of TGSM are taken in `precision`.
    """
    labels = torch.tensor([subject.label for subject in subjects])
    x = torch.cat([subject.x for subject in subjects])
    found: list[tuple[Tensor, int] | None] = [None] * len(subjects)
    network = stepping(model.fast, precision)
    for shift in range(1, TARGETS + 1):
        open_ = [index for index, one in enumerate(found) if one is None]
        if not open_:
            break
        target = (labels[open_] + shift) % model.task.classes
        if model.task.grey:
            x_adv = Jsma()(model.fast, x[open_], target)
        else:
            x_adv = run_attack("iterated-tgsm", AttackRequest(network, x[open_], target, STEP * STEPS, STEPS))
        with torch.no_grad():
            reached = model.fast(x_adv).argmax(1) == target
        for index, image, label, there in zip(open_, x_adv, target.tolist(), reached.tolist(), strict=True):
            if there:
                found[index] = (image[None], label)
    return found


def prepare(preparation: Preparation) -> PreparedRound:
    """Images made against each network, of the same pictures; blind as to the network.

    Raises:
        InputError: too few pictures that every network mistakes.
    """
    names, album = preparation.task.class_names, Album()
    subjects = known_by_all(preparation)[:DRAWN]
    made = []
    for number, model in enumerate(preparation.networks):
        made.append(attacked(model, subjects, preparation.precision) if subjects else [])
        preparation.on_progress(number + 1, len(preparation.networks))
    whole = [index for index in range(len(subjects)) if all(images[index] is not None for images in made)]
    each = PER_NETWORK * len(preparation.networks)
    items = []
    for number, index in enumerate(whole[: full_blocks(len(whole), each, max(each, WANTED))]):
        label = subjects[index].label
        assert label is not None
        for model, images in zip(preparation.networks, made, strict=True):
            image = images[index]
            assert image is not None
            options = (
                Option("true", names[label]), Option("target", names[image[1]]), Option("neither", "Neither of them"),
            )  # fmt: skip
            items.append(
                Item(
                    number, model.card.key, "", "Which label do you see?", (album.picture(image[0]),), options,
                    {"picture": album.picture(subjects[index].x).digest, "class": names[label]},
                )
            )  # fmt: skip
    attack = "JSMA" if preparation.task.grey else "iterated TGSM"
    return PreparedRound(
        "mistake",
        preparation.stated(each=each, attack=attack, precision=preparation.precision),
        tuple(items),
        album.pictures,
    )


def measures(round_: Round) -> tuple[Measure, ...]:
    """By network, the share of answers that take the target, and of those that take it or recognise nothing."""
    names = round_.settings["names"]
    rows = (("human fooled", ("target",)), ("mistake reasonable", ("target", "neither")))
    return tuple(
        Measure(name, key, f"{name}: {names[key]}", among_values(*values), under(key))
        for name, values in rows
        for key in round_.settings["networks"]
    )


def words(round_: Round, shares: Sequence[Share], tallies: Tallies) -> str:
    """Whose mistakes the room finds reasonable."""
    names, given = round_.settings["names"], [share for share in shares if share.n]
    parts = [
        f"{percent(share)} of the mistakes of “{names[share.group]}”" for share in given if "reason" in share.measure
    ]
    fooled = [f"{percent(share)}" for share in given if share.measure == "human fooled"]
    return f"The room finds {' and '.join(parts)} reasonable, and is itself fooled by {' and '.join(fooled)} of them."


def _compared(round_: Round) -> tuple[tuple[int, int], ...]:
    count = len(round_.settings["networks"])
    return tuple(pairwise(range(count, 2 * count)))


MISTAKE = Kind(
    key="mistake",
    title="Is this mistake reasonable?",
    sentence="People see an image that fools a network, and say which label they see: its own, the network's, neither.",
    source="Ross, Doshi-Velez 2018, arXiv:1711.09404, human-subject study",
    rules=Rules(prepare, measures, words, compared=_compared),
    shuffled=2,
    networks=(1, 3),
)
