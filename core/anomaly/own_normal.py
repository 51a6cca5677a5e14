"""A calibration on somebody's own normal pictures, without labels, its promise checked on half of them."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.anomaly.baselines import UNFITTED
from core.anomaly.batch_file import FITTINGS, Fitting
from core.anomaly.calibrate import fitted_screen, measured_in_batches, whole_numbers
from core.anomaly.calibration import BATCH, Calibration
from core.anomaly.detector import FittingData
from core.anomaly.direction import mean_gradients
from core.anomaly.measurements import EVERY, MAIN, PROBES, as_tensors, weights_among
from core.anomaly.stated_normal import MAX_NAME, StatedNormal
from core.data.incoming import Incoming
from core.data.tasks import Task
from core.errors import ConfigError, InputError
from core.images import decode, fit
from core.models.architectures.catalogue import architecture_of
from core.models.asking import at_once
from core.models.zoo import ZooModel
from core.progress import OnProgress, silent

FEWEST = 200
MOST = 1_000
ALPHA = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class NormalPictures:
    """Pictures that somebody says are normal.

    Attributes:
        pixels: uint8 (n, C, H, W), all different.
        fitting: how they were brought to that shape.
        invert: light and dark were swapped.
        refused: files that could not be read, each with its reason.
        repeated: files that show what another did before.
    """

    pixels: Tensor
    fitting: Fitting
    invert: bool
    refused: tuple[str, ...]
    repeated: int


def fitting_named(name: str) -> Fitting:
    """The way of this name to bring a picture to a task's shape.

    Raises:
        ConfigError: there is none.
    """
    for known in FITTINGS:
        if known == name:
            return known
    raise ConfigError(f"fitting must be of {', '.join(FITTINGS)}; got {name!r}")


def read_normal_pictures(
    task: Task,
    files: Iterable[Incoming],
    fitting: Fitting = "crop",
    invert: bool = False,
    on_file: Callable[[int], None] = lambda done: None,
) -> NormalPictures:
    """The first 1,000 different pictures among files, at the task's shape.

    A picture that comes again is passed over: copies in both halves would make the check look better than it is.

    Args:
        task: whose shape and background they get.
        files: as `core.data.incoming` gives them.
        fitting: see `core.images.fit`.
        invert: swap light and dark.
        on_file: called after each with the number of files so far; what it raises ends this.

    Raises:
        InputError: fewer than 200; says how many there are and what was passed over.
    """
    levels: dict[bytes, Tensor] = {}
    refused, repeated = [], 0
    for number, file in enumerate(files, 1):
        try:
            if file.error:
                raise InputError(file.error)
            x = fit(decode(file.data).pixels, task.shape, fitting, task.background, invert)
        except InputError as error:
            refused.append(f"{file.path}: {error}")
        else:
            part = (x[0] * 255).round().to(torch.uint8)
            digest = hashlib.sha256(part.cpu().numpy().tobytes()).digest()
            repeated += digest in levels
            levels.setdefault(digest, part)
        on_file(number)
        if len(levels) == MOST:
            break
    if len(levels) < FEWEST:
        raise InputError(_too_few(len(levels), refused, repeated))
    return NormalPictures(torch.stack([*levels.values()]), fitting, invert, tuple(refused), repeated)


def _too_few(count: int, refused: list[str], repeated: int) -> str:
    told = f"a calibration needs at least {FEWEST} different pictures that are normal; these are {count}"
    passed = [f"{len(refused)} could not be read"] * bool(refused) + [f"{repeated} came twice"] * bool(repeated)
    return told + (f" ({', '.join(passed)})" if passed else "")


def calibrate_on_own(
    model: ZooModel, pictures: NormalPictures, name: str = "", seed: int = 0, on_progress: OnProgress = silent
) -> Calibration:
    """A network's detectors, fitted and calibrated on one half of the pictures, and checked on the other.

    In an order drawn from `seed` (a folder's is by name, and its halves may differ), a quarter fits, a quarter gives
    p-values, and a half is held out. How many of those held out each detector flags at 5 % is kept. The promise holds
    for pictures that are drawn as these were, and that the network did not learn from, as these.

    The pictures have no labels, so some detectors are left out: the perceptron, which learns from attacks on images
    that were right before; Mahalanobis, ViM and the other detectors that are fitted to training images, and what is
    joined with them, see `core.anomaly.detector.FittingData`. The means of `softmax` are by
    definition those of the network's own answers.

    Args:
        model: the network.
        pictures: what is normal.
        name: what they are called; shortened to 60 characters.
        seed: of the order.
        on_progress: called with pictures measured, and of how many; what it raises ends this.

    Raises:
        ConfigError: the network has no gradients.
        InputError: answers that are not finite.
    """
    if not architecture_of(model.card.network).gradients:
        raise ConfigError(
            f"{model.card.key} has no gradients, which the detectors measure: it can't be calibrated on pictures"
        )
    order = torch.randperm(len(pictures.pixels), generator=torch.Generator().manual_seed(seed))
    checked = len(order) // 2
    quarter = (len(order) - checked) // 2
    parts = order.split([quarter, len(order) - checked - quarter, checked])
    of = len(order) + quarter

    def told(before: int) -> OnProgress:
        return lambda done, _: on_progress(before + done, of)

    def images(part: Tensor) -> Tensor:
        return pictures.pixels[part].to(model.device).float() / 255.0

    on_progress(0, of)
    directions = whole_numbers(_mean_gradient(model, images(parts[0]), told(0)))
    tensors, before, measured = as_tensors(directions), quarter, []
    for part in parts:
        measured.append(measured_in_batches(model, images(part), tensors, UNFITTED, told(before)))
        before += len(part)
    fitting, normal, held_out = measured
    data = FittingData(fitting, {}, weights_among(model), model.task.classes, seed)
    settings = {
        "task": model.card.task,
        "model": model.card.key,
        "sha256": model.card.sha256,
        "fit_images": len(fitting),
        "p_value_images": len(normal),
        "data": "pictures of somebody's own",
        "seed": seed,
    }
    screen = fitted_screen(model, settings, data, UNFITTED, directions, normal)
    p_values = screen.p_values(screen.scores(held_out))
    flagged = {key: int((values <= ALPHA).sum()) for key, values in p_values.items()}
    stated = StatedNormal(
        name.strip()[:MAX_NAME], len(order), pictures.fitting, pictures.invert, checked, ALPHA, flagged
    )
    return replace(screen, settings=settings | stated.settings())


def _mean_gradient(model: ZooModel, x: Tensor, on_progress: OnProgress) -> Mapping[str, Tensor]:
    """The mean gradient of images under the main probe, batch by batch, so that it can be stopped."""
    total: dict[str, Tensor] = {}
    done = 0
    for part in x.split(at_once(x, BATCH)):
        for name, mean in mean_gradients(model.plain, part, PROBES[MAIN], EVERY).items():
            total[name] = total.get(name, torch.zeros_like(mean)) + mean * (len(part) / len(x))
        done += len(part)
        on_progress(done, len(x))
    return total
