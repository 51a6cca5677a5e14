"""The report `seeds`: how much of a comparison of two recipes is the recipe, and how much the seed of a training.

Every network that ships is one training. Here those of a few cheap comparisons are trained with three seeds each, which
decide initial weights, order, augmentation and attack starts; the first are the ones that ship.

Rows of `kind` "network", one per training and measure: `model`, `seed`, `sha256` of its weights, `measure`, and `value`
with `value_low`, `value_high` (Wilson) and `value_n` images.

Rows of `kind` "comparison", one per claim and measure: `claim`, `model`, `against`, `measure`; `difference`, the mean
over the seeds of what the claim says is larger minus what it says is smaller, each pair of one seed and on the same
images; `difference_low`, `difference_high`, its interval at 95 % over trainings (Student's t, so wide for three);
`difference_n` seeds; `least` and `most` of the seeds' differences; and `holds`: "yes" where the interval lies above
zero, "no" where below, else "undecided". Seeds that differ by exactly the same, as where no image stands with either
network, say nothing of how others would: the interval is null, and nothing is decided.

Measures are "clean accuracy" and "accuracy under PGD" at the radii of the report `robustness` in L-infinity.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from core.attacks.pgd import Pgd
from core.attacks.robust_at import robust_at
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.errors import ConfigError, InputError
from core.metrics.intervals import student
from core.models.zoo import ZooModel, load_weights
from core.norms import radius_words
from core.reports.claims.robustness import SALIENCY, WITH_PGD
from core.reports.form.measuring import Measurer, Request, batch_seed, measured_at_once
from core.reports.form.provenance import refuse_uncommitted
from core.reports.form.report import Report, Row, common_task, share
from core.reports.form.resume import Part
from core.reports.form.settings import ReportSettings
from core.reports.robustness.measurements import grid, right

NAME = "seeds"
FOLDER = Path(__file__).resolve().parents[3] / "runs" / "seeds"
BATCH = 100
CLEAN = "clean accuracy"

WITHSTANDS = "adversarial training withstands more than standard training (Madry et al. 2018)"
COSTS = "adversarial training costs clean accuracy (Tsipras et al. 2019)"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a claim says of two recipes: that the first has more of a measure; `clean` or under PGD."""

    claim: str
    model: str
    against: str
    clean: bool = False


COMPARISONS: Mapping[str, tuple[Comparison, ...]] = {
    "fashion-mnist": (
        Comparison(WITHSTANDS, "pgd-linf", "standard"),
        Comparison(COSTS, "standard", "pgd-linf", clean=True),
    ),
    "pasted": (Comparison(SALIENCY, "sat-mask", "noise-sign"), Comparison(WITH_PGD, "sat-mask-pgd", "pgd-linf")),
}
"""By task."""


@dataclass(frozen=True, slots=True)
class SeedsSettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: the first so many test images.
        steps: PGD steps, of size 2.5 epsilon / steps, from one random start.
        seeds: of the trainings; the first is that of the networks that ship.

    Raises:
        ConfigError: a count below 1, or fewer than two seeds.
    """

    counts: ClassVar = ("images", "steps")

    images: int = 300
    steps: int = 50
    seeds: tuple[int, ...] = (0, 1, 2)

    def __post_init__(self) -> None:
        ReportSettings.__post_init__(self)
        if len(set(self.seeds)) < 2 or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(f"need two seeds or more, each once; got {self.seeds}")


def networks(task: str) -> tuple[str, ...]:
    """The keys that are trained with several seeds."""
    return tuple(dict.fromkeys(key for one in COMPARISONS.get(task, ()) for key in (one.model, one.against)))


def trained(task: str, key: str, seed: int, folder: Path = FOLDER) -> ZooModel:
    """The network of a recipe and seed, as `robustscope train TASK KEY --seed SEED --out FOLDER/SEED` leaves it.

    Raises:
        InputError: it is not there, damaged, or of another seed.
    """
    path = folder / str(seed) / task / f"{key}.safetensors"
    if not path.exists():
        raise InputError(
            f"{task} {key} of seed {seed} is not trained yet: robustscope train {task} {key} --seed {seed} "
            f"--out {folder / str(seed)}"
        )
    model = load_weights(path)
    if (model.card.task, model.card.key, model.card.seed) != (task, key, seed):
        raise InputError(f"{path.name} is {model.card.task} {model.card.key} of seed {model.card.seed}")
    return model


def seeds_report(request: Request[SeedsSettings], trainings: Mapping[int, Mapping[str, ZooModel]]) -> Report:
    """The report over the networks of one task.

    Args:
        request: what is asked.
        trainings: by seed and key, all networks of the task's comparisons for each of the settings' seeds.
    """
    refuse_uncommitted(request.path, request.allow_uncommitted)
    settings = request.settings
    task = common_task([model for each in trainings.values() for model in each.values()], request.data)
    stated = {**asdict(settings), "seeds": list(settings.seeds), "data": request.data.origin}
    stated |= {"grid": grid(task, "linf"), "precision": "float32, fast form", "interval": "Student's t over trainings"}
    bench = Measurer(request, {"report": NAME} | stated, BATCH)
    data = request.data.first(settings.images)
    found: dict[tuple[str, int], Part] = {}
    seconds = 0.0
    for seed in settings.seeds:
        for key in networks(task.key):
            measure = partial(_batch, trainings[seed][key], data, settings)
            found[key, seed], spent = bench.over(trainings[seed][key], str(seed), len(data), measure)
            seconds += spent
    hashes = {(key, seed): trainings[seed][key].card.sha256 for key, seed in found}
    rows = (*_networks(found, hashes), *_comparisons(task, found, settings))
    return measured_at_once(request, NAME, stated, seconds, rows)


def network_rows(model: ZooModel, data: LabelledImages, settings: SeedsSettings) -> list[Row]:
    """The rows of one training on some images; nothing is kept."""
    key = (model.card.key, model.card.seed)
    bench = Measurer(Request([model], data, settings), {}, BATCH)
    found, _ = bench.over(model, str(model.card.seed), len(data), partial(_batch, model, data, settings))
    return list(_networks({key: found}, {key: model.card.sha256}))


def _batch(model: ZooModel, data: LabelledImages, settings: SeedsSettings, start: int, stop: int) -> Part:
    """Who is right on what of the images from `start` to `stop`, bool (n,) by measure."""
    radii = grid(model.task, "linf")
    x, labels = data.images(start, stop), data.labels[start:stop]
    generator = torch.Generator().manual_seed(batch_seed(settings.seed, start))
    stands = robust_at(model.fast, x, labels, radii, Pgd(radii[0], "linf", settings.steps), generator)
    under = {_under(radius): stands[:, column].cpu().numpy() for column, radius in enumerate(radii)}
    return {CLEAN: right(model.fast, x, labels).cpu().numpy()} | under


def _under(radius: float) -> str:
    return f"accuracy under PGD, L-infinity {radius_words('linf', radius)}"


def _networks(found: Mapping[tuple[str, int], Part], hashes: Mapping[tuple[str, int], str]) -> Iterator[Row]:
    for (key, seed), measures in found.items():
        for measure, hits in measures.items():
            head = {
                "kind": "network",
                "model": key,
                "seed": seed,
                "sha256": hashes[key, seed],
                "measure": measure,
            }
            yield head | share("value", int(hits.sum()), len(hits))


def _comparisons(task: Task, found: Mapping[tuple[str, int], Part], settings: SeedsSettings) -> Iterator[Row]:
    for one in COMPARISONS[task.key]:
        first = found[one.model, settings.seeds[0]]
        for measure in first:
            if (measure == CLEAN) == one.clean:
                pairs = [
                    (found[one.model, seed][measure], found[one.against, seed][measure]) for seed in settings.seeds
                ]
                yield comparison(one, measure, [float(ours.mean() - theirs.mean()) for ours, theirs in pairs])


def comparison(one: Comparison, measure: str, differences: Sequence[float]) -> Row:
    """The row of a claim and measure, from the difference of each seed."""
    values: NDArray[np.float64] = np.array(differences, np.float64)
    low, high = student(values) if np.ptp(values) > 0 else (None, None)
    head: dict[str, Any] = {"kind": "comparison", "claim": one.claim, "model": one.model, "against": one.against}
    return head | {
        "measure": measure,
        "difference": float(values.mean()),
        "difference_low": low,
        "difference_high": high,
        "difference_n": len(values),
        "least": float(values.min()),
        "most": float(values.max()),
        "holds": "undecided" if low is None or high is None or low <= 0 <= high else "yes" if low > 0 else "no",
    }
