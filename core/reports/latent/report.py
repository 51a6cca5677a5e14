"""The report `latent`: the latent space performance metrics of Buzhinsky et al. 2020 (arXiv:2003.01993).

Rows, each a metric of a network: `model`, `sha256` of its weights, `metric`, `codes`, `setting`, `search`, `epsilon`,
`rho`, `value`; figures `f` come with `f_low`, `f_high` at 95 % and `f_n` (null where a figure has no value). `codes`
are "reconstruction" (of test images, by the encoder), "generation" (of the prior, the classes in turn) or "images" (no
codes: the images themselves). `epsilon` is the latent noise whose decay is applied, `rho` a scaled radius in the latent
space, `||v|| / sqrt(n)`; each is null where a metric has none.

- `accuracy`, `gaussian-accuracy`: on test images, and on those with Gaussian noise (deviation 0.4, not clamped);
- `LRA`, `LGA`: on reconstructions (with the mean `distance` of these to their images, root mean square), on samples;
- `LLNA`: under latent noise, a mean over codes of shares of draws;
- `decayed-accuracy`: on decayed codes, where the searches start;
- `LARS`, `LAGS`: severity, the mean smallest scaled norm of a latent change that fools, of those that the minimum and
  the bounded search found; what was wrong already counts as 0, what was not found as `rho`. With it `median`; `plain`,
  that of the minimum search alone before its bisection, as in the authors' code (but for J, here on logits); the shares
  `not_found`, `already_wrong` and `likely` (fooled by a change shorter than the noise of that `epsilon` typically is);
  and, means over what was found and was not wrong already, `outward` (change of the code's own norm), `l2` and `l1`
  (root mean square and mean size of the picture's change, in [0, 1] pixel units);
- `LARA`, `LAGA`: the share that no change within `rho` fools: by the bounded search (`search` "bounded"), or read off
  the minima ("minimum"). Changes longer than `rho` have a log likelihood under the noise below `log_tau`, in nats;
- `severity-l2`, `severity-linf`: the image-space counterparts, clamped to [0, 1], in pixel units: `l2` as root mean
  square; what was not found counts as the largest found.

`setting` is "default", or "paper" (600 codes, 12 runs each, and also eps 0.5) for the networks in
`core.reports.latent.report.measurements.PAPER`; "" where nothing is searched in the latent space.

Arrays, in the order of test images or of codes, for `<part>` = `<codes>_<setting>_<epsilon>`:

- `rebuilt` float32 (N,): distance of each test image to its reconstruction;
- `right__<model>`, `right_gaussian__<model>`, `right_<codes>__<model>`, `decayed_<codes>_<epsilon>__<model>` bool (N,);
  `noise_<codes>_<epsilon>__<model>` float32 (N,), the share of draws that are right;
- `distance_<part>__<model>`, `plain_<part>__<model>` float32 (n,): 0 where wrong already, inf where nothing was found;
  `outward_`, `l2_`, `l1_<part>__<model>` float32 (n,): NaN where there is no change to speak of;
- `fooled_<part>__<model>` bool (n,): by the bounded search;
- `image_l2__<model>`, `image_linf__<model>` float32 (n,): smallest size, 0 where wrong already, inf where not found.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from core.attacks.softened import LEAD
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.errors import InputError
from core.latent.finish import HALVINGS, ROUNDS
from core.latent.generator import Generator
from core.latent.search import Search
from core.models.zoo import ZooModel
from core.progress import OnPartProgress, silent_on_parts
from core.reports.form.parts_cache import PartsCache
from core.reports.form.report import Report, common_task
from core.reports.form.resume import Measured, Part, ReportDraft, joined
from core.reports.latent.measurements import (
    KINDS,
    LINF_STEPS,
    NOISE,
    PAPER,
    SIGMA,
    Codes,
    LatentSettings,
    Setting,
    accuracies,
    codes_of,
    image_space,
    linf_grid,
    rebuilt,
    searched,
)
from core.reports.latent.rows import RHOS, counted, rows_of

NAME = "latent"
BATCH = 100


class Latent(Measured):
    """The report with its arrays per image; the module's text says what is in both."""

    def excess(self, key: str, kind: str) -> float | None:
        """How much longer the default setting's changes are on average than those of the paper's number of runs.

        As a share, of the codes that a network was searched on in both; None where there are none, or where the
        settings have as many runs. What neither found counts at the search's radius.
        """
        settings, eps = self.report.settings, self.report.settings["eps"]
        both = [f"distance_{kind}_{name}_{eps:g}__{key}" for name in ("default", "paper")]
        if settings.get("restarts") == settings.get("paper_restarts") or not all(name in self.arrays for name in both):
            return None
        n = min(len(self.arrays[name]) for name in both)
        few, many = (float(counted(self.arrays[name][:n], Search().rho).mean()) for name in both)
        return few / many - 1 if many else None


def latent_report(
    generator: Generator,
    models: Sequence[ZooModel],
    data: LabelledImages,
    settings: LatentSettings,
    scratch: Path,
    path: Path | None = None,
    on_progress: OnPartProgress = silent_on_parts,
    allow_uncommitted: bool = False,
) -> Latent:
    """The report over the networks of one task.

    Args:
        generator: of that task.
        models: classifiers of one task.
        data: labelled images of that task.
        settings: what to measure.
        scratch: folder for what is measured so far, a file for each batch of each search, so that a killed run goes on
            within minutes of where it stopped; several runs may share it.
        path: where the report is kept, its arrays beside it. What is there already with the same settings, data,
            generator and weights is kept, other networks' rows too. None keeps nothing.
        on_progress: called with what is measured, images done, and of how many.
        allow_uncommitted: keep the report also where no commit stands for the code.

    Raises:
        InputError: no images, networks of several tasks, images of another shape, a generator of another task, or a
            folder can't be written.
        ConfigError: the report is to be kept, the code is uncommitted, and that is not allowed.
    """
    task = common_task(models, data)
    if generator.card.task != task.key:
        raise InputError(f"the generator makes pictures of {generator.card.task}; the networks solve {task.key}")
    stated = _stated(task, generator, data, settings)
    bench = _Bench(generator, data, settings, PartsCache(scratch / task.key, {"report": NAME} | stated), on_progress)
    book = ReportDraft(path, stated, models, allow_uncommitted)
    for model in models:
        if model not in book:
            arrays, seconds = bench.network(model)
            book.add_arrays(*bench.distances())
            book.add(model, arrays, seconds, [{"sha256": model.card.sha256}])
            _result(task, book, settings).write(path)
    for model in models:
        if any(f"distance_{part}__{model.card.key}" not in book.arrays for part in _parts(settings, model.card.key)):
            book.add_arrays(*bench.searches(model, settings.settings_of(model.card.key)[1:]))
            _result(task, book, settings).write(path)
    return _result(task, book, settings)


def _parts(settings: LatentSettings, key: str) -> Iterator[str]:
    """The names of a network's searches."""
    for setting in settings.settings_of(key):
        for eps in setting.eps:
            yield from (setting.part(kind, eps) for kind in KINDS)


def _stated(task: Task, generator: Generator, data: LabelledImages, settings: LatentSettings) -> dict[str, Any]:
    """Everything that decides the figures, as plain values."""
    return {
        **asdict(settings),
        "paper_eps": list(settings.paper_eps),
        "data": data.origin,
        "test_images": len(data),
        "generator": generator.card.sha256,
        "latent": generator.latent,
        "search": asdict(Search()),
        "halvings": HALVINGS,
        "rounds": ROUNDS,
        "noise": list(NOISE),
        "sigma": SIGMA,
        "rhos": list(RHOS),
        "paper_models": list(PAPER),
        "linf_radii": linf_grid(task),
        "linf_steps": LINF_STEPS,
        "image_space_lead": LEAD,
        "batch": BATCH,
        "precision": "float32, fast form",
    }


class _Bench:
    """Measures, looking into the scratch folder first; gives arrays by their full names, and the seconds they took."""

    def __init__(
        self,
        generator: Generator,
        data: LabelledImages,
        settings: LatentSettings,
        scratch: PartsCache,
        on_progress: OnPartProgress,
    ) -> None:
        self.generator, self.data, self.settings = generator, data, settings
        self.scratch, self.on_progress = scratch, on_progress
        self.codes = codes_of(generator, data, settings)

    def distances(self) -> tuple[Part, float]:
        """The array that belongs to no network."""
        few = self.codes["reconstruction"].first(0, self.settings.accuracy_images)
        return joined([self.scratch.get("rebuilt", "", lambda: rebuilt(self.generator, self.data, few))])

    def network(self, model: ZooModel) -> tuple[Part, float]:
        """Everything but the paper's setting, for one network."""
        arrays, seconds = self.searches(model, self.settings.settings_of(model.card.key)[:1])
        net, key, images = model.fast, model.card.key, min(self.settings.images, len(self.data))
        make = partial(accuracies, self.generator, net, self.data, self.codes, self.settings)
        right, spent = joined([self.scratch.get(f"{key}-accuracies", model.card.sha256, make)])
        distance, more = self._batches(model, "image-space", images, self._image_space(model))
        arrays |= {f"{name}__{key}": values for name, values in (right | distance).items()}
        return arrays, seconds + spent + more

    def searches(self, model: ZooModel, settings: Sequence[Setting]) -> tuple[Part, float]:
        """The searches of one network in some settings."""
        arrays: Part = {}
        seconds = 0.0
        for setting in settings:
            for eps in setting.eps:
                for kind in KINDS:
                    part = setting.part(kind, eps)
                    codes = self.codes[kind].first(0, setting.images)
                    measure = self._search(model, codes, eps, setting)
                    found, spent = self._batches(model, part, len(codes.z), measure)
                    arrays |= {f"{name}_{part}__{model.card.key}": values for name, values in found.items()}
                    seconds += spent
        return arrays, seconds

    def _search(self, model: ZooModel, codes: Codes, eps: float, setting: Setting) -> Callable[[int, int], Part]:
        def measure(start: int, stop: int) -> Part:
            part, seed = codes.first(start, stop), self.settings.seed
            return searched(self.generator, model.fast, part, eps, setting, self.settings.bound, seed)

        return measure

    def _image_space(self, model: ZooModel) -> Callable[[int, int], Part]:
        def measure(start: int, stop: int) -> Part:
            x, labels = self.data.images(start, stop), self.data.labels[start:stop]
            return image_space(model.fast, model.task, x, labels, self.settings.seed * 1_000_003 + start)

        return measure

    def _batches(
        self, model: ZooModel, name: str, count: int, measure: Callable[[int, int], Part]
    ) -> tuple[Part, float]:
        """A part over the first `count` images or codes, in batches that are kept one by one."""
        parts = []
        for start in range(0, count, BATCH):
            stop = min(start + BATCH, count)
            unit = f"{model.card.key}-{name}-{start}-{stop}"
            parts.append(self.scratch.get(unit, model.card.sha256, partial(measure, start, stop)))
            self.on_progress(f"{model.card.key} {name}", stop, count)
        return joined(parts)


def _result(task: Task, book: ReportDraft, settings: LatentSettings) -> Latent:
    """Report and arrays."""
    latent = int(book.settings["latent"])
    rows = book.signed(
        row for key in book.keys for row in rows_of(key, book.weights[key], settings, latent, book.arrays)
    )
    return Latent(Report(task.key, NAME, book.settings, book.provenance(), rows), dict(book.arrays))
