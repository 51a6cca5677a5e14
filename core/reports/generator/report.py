"""The report `generator`: how well a generator rebuilds test images, and how its samples compare with real ones."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor

from core.data.datasets import LabelledImages
from core.errors import ConfigError, InputError
from core.latent.autoencoder import Autoencoder
from core.latent.perceptual import feature_distance, taps
from core.metrics.intervals import bootstrap
from core.metrics.samples import NEIGHBOUR, frechet_distance, kernel_distance, precision_recall
from core.models.head import head_of
from core.models.zoo import ZooModel
from core.reports.form.measuring import Request, measured_at_once
from core.reports.form.provenance import refuse_uncommitted
from core.reports.form.report import Report, Row, share
from core.reports.form.settings import ReportSettings

NAME = "generator"
BATCH = 250
BLOCK = 1000  # pictures a block of the kernel distance, of which the interval is made


@dataclass(frozen=True, slots=True)
class GeneratorSettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: the first so many test images, and as many samples; None takes all.
        folder: where the generator lies; empty for the one that ships.

    Raises:
        ConfigError: fewer images than the regions of precision and recall need.
    """

    images: int | None = None
    folder: str = ""

    def __post_init__(self) -> None:
        if self.images is not None and self.images <= NEIGHBOUR:
            raise ConfigError(f"images must be above {NEIGHBOUR}; got {self.images}")


def generator_report(request: Request[GeneratorSettings], autoencoder: Autoencoder, others: LabelledImages) -> Report:
    """Figures of a generator's reconstructions and of its samples under the full prior, one row each.

    Rows have the keys `of` ("reconstructions", "samples", "other images": real ones held out, as a scale to read the
    samples by), `metric`, `model` (whose features or predictions are meant; empty for none), `trained_with` (whether
    the generator learned from that network), `class` (empty for all) and `value`, `value_n`, mostly `value_low` and
    `value_high`:

    - `code_norm`: norm of an image's code over sqrt(n), mean;
    - `mse`, `ssim` (Wang et al. 2004, Gaussian window), `distance` (`feature_distance` in the model's eyes), means;
    - `accuracy` on the images themselves, `LRA` on reconstructions, `LGA` on samples of the images' classes, none
      left out or drawn towards the mean;
    - `variance_ratio`: the per-pixel variance of a class's samples over that of its images, mean over pixels each;
    - `fid`, `kid`, `precision`, `recall` against the images in the features that the model's linear layer reads. A
      kernel distance is the mean over blocks of 1,000 pictures, its interval that of the blocks.

    Args:
        request: what is asked; progress is of networks.
        autoencoder: what is measured.
        others: further real images of the task that the generator did not learn from.

    Raises:
        InputError: a generator of another task than the networks'.
    """
    task, settings, models = request.task, request.settings, request.models
    if task.key != autoencoder.card.task:
        raise InputError(f"the generator makes pictures of {autoencoder.card.task}, the models look at {task.key}")
    refuse_uncommitted(request.path, request.allow_uncommitted)
    began = time.perf_counter()
    data = request.data if settings.images is None else request.data.first(settings.images)
    others = others.first(len(data))
    generator = torch.Generator().manual_seed(settings.seed)
    z = autoencoder.sample(len(data), generator)
    sets = {
        "images": data.images(),
        "reconstructions": _through(
            lambda x, y: autoencoder.decode(autoencoder.encode(x, y), y), data.images(), data.labels
        ),
        "samples": _through(autoencoder.decode, z, data.labels),
        "other images": others.images(),
    }
    rows = [
        *_rebuilt(autoencoder, sets, data.labels, settings.seed),
        *_variances(sets, data.labels, task.class_names),
    ]
    for index, model in enumerate(models):
        marks = {"model": model.card.key, "trained_with": model.card.key == _teacher(autoencoder)}
        rows += [{**row, **marks} for row in _views(model, sets, data.labels, settings.seed)]
        request.on_progress(f"samples and reconstructions as {model.card.key} sees them", index + 1, len(models))
    stated: dict[str, Any] = {
        **{name: value for name, value in asdict(settings).items() if name != "folder"},
        "images": len(data),
        "data": data.origin,
        "others": others.origin,
        "generator": autoencoder.card.sha256,
        "models": {model.card.key: model.card.sha256 for model in models},
        "neighbour": NEIGHBOUR,
    }
    empty = {"model": "", "trained_with": False, "class": ""}
    return measured_at_once(request, NAME, stated, time.perf_counter() - began, (empty | row for row in rows))


def _teacher(autoencoder: Autoencoder) -> str:
    """The key of the classifier that the generator learned from; empty where it learned from none."""
    recipe: Mapping[str, Any] = autoencoder.card.settings.get("recipe", {})
    used = any(recipe.get(name) for name in ("features", "critic", "agreement"))
    return str(recipe["classifier"]) if used else ""


@torch.no_grad()
def _through(work: Callable[[Tensor, Tensor], Tensor], first: Tensor, second: Tensor) -> Tensor:
    """The results of `work` on batches of two tensors with as many rows, in one tensor."""
    starts = range(0, len(first), BATCH)
    return torch.cat([work(first[start : start + BATCH], second[start : start + BATCH]) for start in starts])


def _mean(metric: str, values: NDArray[np.floating], of: str, seed: int) -> Row:
    """A mean over images, with its bootstrap interval."""
    values = values.astype(np.float64)
    low, high = bootstrap(values, lambda drawn: float(drawn.mean()), seed)
    mean = float(values.mean())
    return {"of": of, "metric": metric, "value": mean, "value_low": low, "value_high": high, "value_n": len(values)}


def _rebuilt(autoencoder: Autoencoder, sets: Mapping[str, Tensor], labels: Tensor, seed: int) -> Iterator[Row]:
    """What needs no classifier, of the reconstructions."""
    x, x_hat = sets["images"], sets["reconstructions"]
    codes = _through(autoencoder.encode, x, labels)
    yield _mean("code_norm", (codes.norm(dim=1) / autoencoder.latent**0.5).cpu().numpy(), "reconstructions", seed)
    yield _mean("mse", (x_hat - x).square().mean((1, 2, 3)).cpu().numpy(), "reconstructions", seed)
    pairs = zip(x.cpu().numpy(), x_hat.cpu().numpy(), strict=True)
    yield _mean("ssim", np.array([ssim(one, other) for one, other in pairs]), "reconstructions", seed)


def ssim(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Structural similarity in [-1, 1] of two images (C, H, W) in [0, 1], through scikit-image.

    Wang et al. 2004 (IEEE TIP 13:600): Gaussian window of deviation 1.5, mean over channels.
    """
    return float(
        structural_similarity(
            one, other, channel_axis=0, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )


def _variances(sets: Mapping[str, Tensor], labels: Tensor, names: Sequence[str]) -> Iterator[Row]:
    """For each class with at least two images, the spread of its samples over the spread of its images."""
    for label in labels.unique().tolist():
        mine = labels == label
        count = int(mine.sum())
        if count > 1:
            made, real = (float(sets[of][mine].var(0).mean()) for of in ("samples", "images"))
            row = {"of": "samples", "metric": "variance_ratio", "class": names[label], "value_n": count}
            yield row | {"value": made / real}


def _views(model: ZooModel, sets: Mapping[str, Tensor], labels: Tensor, seed: int) -> Iterator[Row]:
    """What one classifier says of all sets."""
    seen: dict[str, NDArray[np.float32]] = {}
    for of, x in sets.items():
        features, logits = _look(model, x)
        seen[of] = features
        name = {"images": "accuracy", "reconstructions": "LRA", "samples": "LGA"}.get(of)
        if name is not None:
            yield {"of": of, "metric": name, **share("value", int((logits.argmax(1) == labels).sum()), len(x))}
    distances = _through(
        lambda x, x_hat: feature_distance(taps(model.fast, x), taps(model.fast, x_hat)),
        sets["images"],
        sets["reconstructions"],
    )
    yield _mean("distance", distances.cpu().numpy(), "reconstructions", seed)
    for of in ("samples", "other images"):
        yield from _compared(seen["images"], seen[of], of, seed)


def _compared(real: NDArray[np.float32], made: NDArray[np.float32], of: str, seed: int) -> Iterator[Row]:
    """The distance of two sets of features."""
    yield {"of": of, "metric": "fid", "value": frechet_distance(real, made), "value_n": len(made)}
    size = min(BLOCK, len(real), len(made))
    starts = range(0, min(len(real), len(made)) - size + 1, size)
    blocks = np.array([kernel_distance(real[at : at + size], made[at : at + size]) for at in starts])
    yield _mean("kid", blocks, of, seed) | {"value_n": len(blocks) * size}
    precise, recalled = precision_recall(real, made)
    for name, flags in (("precision", precise), ("recall", recalled)):
        yield {"of": of, "metric": name, **share("value", int(flags.sum()), len(flags))}


def _look(model: ZooModel, x: Tensor) -> tuple[NDArray[np.float32], Tensor]:
    """The pooled features (N, width) that the model's linear layer reads, and the logits (N, K)."""
    head = head_of(model.fast, model.task.shape)
    means = _through(lambda part, _: head.features(part), x, x)
    with torch.no_grad():
        return means.cpu().numpy(), head.linear(means)
