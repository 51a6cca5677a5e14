"""Normal or odd: people judge a picture before a detector's score is shown."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from core.anomaly.calibration import ASSETS, Calibration, calibration_path, read_calibration
from core.anomaly.catalogue import DEFAULT
from core.anomaly.verdict import PGD_STEPS, judge
from core.attacks.attack import AttackRequest
from core.attacks.catalogue import run_attack
from core.data.corruptions import corrupt
from core.errors import InputError
from core.metrics.intervals import wilson
from core.models.step_precision import stepping
from core.models.zoo import ZooModel
from core.workshop.items import Item, Option
from core.workshop.rounds.bars import Measure, Share, among_values, in_a_row, percent, under
from core.workshop.rounds.kind import Kind, Preparation, Rules, full_blocks, known_by_all
from core.workshop.rounds.pictures import Album
from core.workshop.state import PreparedRound, Round, Tallies

EACH, WANTED = 6, 12
ALPHA = 0.05  # share of normal pictures that the detector may flag
CHANGES = ("normal", "attacked", "noisy")
SEVERITY = 3  # of the noise, 1 to 5
PROMPT = "Is this picture normal, or was it tampered with?"


def prepare(preparation: Preparation) -> PreparedRound:
    """Each picture as it is, attacked, and noisy; with the p-value of the first network's detector for each.

    Raises:
        InputError: the network has no calibrated detectors, or too few pictures.
    """
    model = preparation.networks[0]
    detectors = _detectors(model, ASSETS)
    subjects = known_by_all(preparation)
    subjects = subjects[: full_blocks(len(subjects), EACH, WANTED)]
    versions = _versions(model, torch.cat([subject.x for subject in subjects]), preparation)
    options = (Option("normal", "Normal"), Option("odd", "Odd"))
    album, items = Album(), []
    for number, subject in enumerate(subjects):
        for condition, made in versions.items():
            x = made[number : number + 1]
            p = float(judge(model, detectors, x).p_values[DEFAULT][0])
            truth = "normal" if condition == "normal" else "odd"
            facts = {"p": p, "class": subject.title}
            items.append(Item(number, condition, truth, PROMPT, (album.picture(x),), options, facts))
        preparation.on_progress(number + 1, len(subjects))
    settings = preparation.stated(each=EACH, detector=DEFAULT, alpha=ALPHA, precision=preparation.precision)
    return PreparedRound("odd", settings, tuple(items), album.pictures)


def _versions(model: ZooModel, x: Tensor, preparation: Preparation) -> dict[str, Tensor]:
    """The pictures (N, C, H, W) by what was done to them."""
    with torch.no_grad():
        answers = model.fast(x).argmax(1)
    seed, network = preparation.seed, stepping(model.fast, preparation.precision)
    generator = torch.Generator().manual_seed(seed)
    radius = model.task.radii["linf"]
    attacked = run_attack("pgd", AttackRequest(network, x, answers, radius, PGD_STEPS, generator))
    noisy = corrupt((x * 255).round().to(torch.uint8), "gaussian-noise", SEVERITY, seed).float() / 255
    return {"normal": x, "attacked": attacked, "noisy": noisy}


def _detectors(model: ZooModel, folder: Path) -> Calibration:
    path = calibration_path(model.card.task, model.card.key, folder)
    if not path.exists():
        raise InputError(f"{model.card.key} has no calibrated detectors: put another network first.")
    return read_calibration(model, path)


def measures(round_: Round) -> tuple[Measure, ...]:
    """By change, the share called odd."""
    return tuple(Measure("called odd", key, f"{key}: called odd", among_values("odd"), under(key)) for key in CHANGES)


def machines(round_: Round) -> tuple[Share, ...]:
    """By change, the share of the items that the detector flags."""
    found = []
    for key in CHANGES:
        values = [item.facts["p"] for item in round_.items if item.condition == key]
        hits = sum(p <= round_.settings["alpha"] for p in values)
        label, n = f"{key}: flagged by the detector", len(values)
        found.append(Share("flagged", key, label, hits, n, *wilson(hits, n)))
    return tuple(found)


def words(round_: Round, shares: Sequence[Share], tallies: Tallies) -> str:
    """What the room and the detector call odd."""
    normal, attacked, noisy = shares
    flagged = {share.group: percent(share) for share in machines(round_)}
    given = [share for share in (attacked, noisy, normal) if share.n]
    room = in_a_row([f"{percent(share)} of the {share.group}" for share in given])
    return f"The room called {room} pictures odd; the detector {in_a_row([flagged[share.group] for share in given])}."


ODD = Kind(
    key="odd",
    title="Normal or odd?",
    sentence="People say whether a picture was tampered with, before the detector speaks.",
    source=f"Detector “{DEFAULT}” at {ALPHA:.0%} of normal pictures; attacks are PGD-20 at the task's radius",
    rules=Rules(prepare, measures, words, compared=lambda round_: ((0, 1), (0, 2)), machines=machines),
)
