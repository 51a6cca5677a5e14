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
  square; what was not found counts as the largest found; null where none above 0 was found, and some not.

`setting` is "default", or "paper" (600 codes, 12 runs each, and also epsilon 0.5) for the networks in
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

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from typing import Any

from torch import nn

from core.attacks.softened import LEAD
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.errors import InputError
from core.latent.autoencoder import Autoencoder
from core.latent.finish import HALVINGS, ROUNDS
from core.latent.search import Search
from core.models.zoo import ZooModel
from core.reports.form.measuring import Measurer, Measuring, Request
from core.reports.form.report import Row
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
DISTANCES = "rebuilt"
"""The array that belongs to no network."""


class Latent(Measured):
    """The report with its arrays per image; the module's text says what is in both."""

    def excess(self, key: str, kind: str) -> float | None:
        """How much longer the default setting's changes are on average than those of the paper's number of runs.

        As a share, of the codes that a network was searched on in both; None where there are none, or where the
        settings have as many runs. What neither found counts at the search's radius.
        """
        settings, epsilon = self.report.settings, self.report.settings["eps"]
        both = [f"distance_{kind}_{name}_{epsilon:g}__{key}" for name in ("default", "paper")]
        if settings.get("restarts") == settings.get("paper_restarts") or not all(name in self.arrays for name in both):
            return None
        n = min(len(self.arrays[name]) for name in both)
        few, many = (float(counted(self.arrays[name][:n], Search().rho).mean()) for name in both)
        return few / many - 1 if many else None


def latent_report(request: Request[LatentSettings], autoencoder: Autoencoder) -> Latent:
    """The report over the networks of one task.

    Args:
        request: what is asked. What its file holds is good only for the same generator.
        autoencoder: of that task.

    Raises:
        InputError: a generator of another task.
    """
    settings, task = request.settings, request.task
    if autoencoder.card.task != task.key:
        raise InputError(f"the generator makes pictures of {autoencoder.card.task}; the networks solve {task.key}")
    stated = _stated(task, autoencoder, request.data, settings)
    bench = LatentMeasurer(request, stated, autoencoder)
    draft = request.draft(stated)

    def result(draft: ReportDraft) -> Latent:
        found = (rows_of(key, draft.weights[key], settings, autoencoder.latent, draft.arrays) for key in draft.keys)
        rows = draft.signed(row for rows in found for row in rows)
        return Latent(draft.report(task.key, NAME, rows), dict(draft.arrays))

    def lacking(model: ZooModel) -> Sequence[Setting]:
        key, beyond = model.card.key, settings.settings_of(model.card.key)[1:]
        names = [
            f"distance_{each.part(kind, epsilon)}__{key}"
            for each in beyond
            for epsilon in each.epsilon
            for kind in KINDS
        ]
        return () if all(name in draft.arrays for name in names) else beyond

    if DISTANCES not in draft.arrays:
        draft.add_arrays(*bench.distances())
    measuring = Measuring(request, draft, result)
    measuring.networks(bench.network)
    return measuring.more(lacking, bench.searches)


def _stated(task: Task, autoencoder: Autoencoder, data: LabelledImages, settings: LatentSettings) -> dict[str, Any]:
    """Everything that decides the figures, as plain values."""
    return {
        **asdict(settings),
        "paper_eps": list(settings.paper_eps),
        "data": data.origin,
        "test_images": len(data),
        "generator": autoencoder.card.sha256,
        "latent": autoencoder.latent,
        "search": {name: value for name, value in asdict(Search()).items() if name != "restarts"},  # stated by setting
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


class LatentMeasurer(Measurer[LatentSettings]):
    """Measures networks on a generator's codes; gives arrays by their full names, and the seconds they took."""

    def __init__(self, request: Request[LatentSettings], stated: Mapping[str, Any], autoencoder: Autoencoder) -> None:
        """Measure with what the report states."""
        super().__init__(request, {"report": NAME} | dict(stated), BATCH)
        self.autoencoder = autoencoder

    @cached_property
    def codes(self) -> dict[str, Codes]:
        """By kind, the codes that all networks are measured on; made when something is to be measured."""
        return codes_of(self.autoencoder, self.data, self.settings)

    def distances(self) -> tuple[Part, float]:
        """The array that belongs to no network."""
        few = self.codes["reconstruction"].first(0, self.settings.accuracy_images)
        return joined([self.parts.get(DISTANCES, "", lambda: rebuilt(self.autoencoder, self.data, few))])

    def network(self, model: ZooModel) -> tuple[Part, float, list[Row]]:
        """Everything but the paper's setting, for one network, and what its rows say of its weights."""
        arrays, seconds = self.searches(model, self.settings.settings_of(model.card.key)[:1])
        net, key, images = model.fast, model.card.key, min(self.settings.images, len(self.data))
        make = partial(accuracies, self.autoencoder, net, self.data, self.codes, self.settings)
        right, spent = joined([self.parts.get(f"{key}-accuracies", model.card.sha256, make)])
        distance, more = self.over(model, "image-space", images, partial(self._image_space, model.fast))
        arrays |= {f"{name}__{key}": values for name, values in (right | distance).items()}
        return arrays, seconds + spent + more, [{"sha256": model.card.sha256}]

    def searches(self, model: ZooModel, settings: Sequence[Setting]) -> tuple[Part, float]:
        """The searches of one network in some settings."""
        arrays: Part = {}
        seconds = 0.0
        for setting in settings:
            for epsilon in setting.epsilon:
                for kind in KINDS:
                    part = setting.part(kind, epsilon)
                    codes = self.codes[kind].first(0, setting.images)
                    measure = partial(self._search, model.fast, codes, epsilon, setting)
                    found, spent = self.over(model, part, len(codes.z), measure)
                    arrays |= {f"{name}_{part}__{model.card.key}": values for name, values in found.items()}
                    seconds += spent
        return arrays, seconds

    def _search(
        self, network: nn.Module, codes: Codes, epsilon: float, setting: Setting, start: int, stop: int
    ) -> Part:
        part, seed = codes.first(start, stop), self.settings.seed
        return searched(self.autoencoder, network, part, epsilon, setting, self.settings.bound, seed)

    def _image_space(self, network: nn.Module, start: int, stop: int) -> Part:
        x, labels = self.data.images(start, stop), self.data.labels[start:stop]
        return image_space(network, self.task, x, labels, self.seed(start))
