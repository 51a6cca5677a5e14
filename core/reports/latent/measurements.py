"""What the report `latent` measures, part by part: a generator, a network and codes in, arrays out."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.attacks.ddn import Ddn
from core.attacks.pgd import Pgd
from core.attacks.robust_at import robust_at
from core.attacks.softened import Softened
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.draws import gaussian
from core.errors import ConfigError
from core.latent.autoencoder import Autoencoder
from core.latent.metrics import right_on_codes, right_under_noise, right_when_decayed
from core.latent.noise import decayed, scaled_norm
from core.latent.search import Search, search
from core.norms import rmse
from core.reports.form.resume import Part
from core.reports.form.settings import ReportSettings

PAPER = ("standard", "pgd-l2")
"""Networks that are searched in the paper's setting, too."""
KINDS = ("reconstruction", "generation")
"""Where codes come from: real images through the encoder, or the prior."""
NOISE = (0.25, 0.5, 0.75, 1.0)
"""Magnitudes of the latent noise under which accuracy is measured."""
SIGMA = 0.4
"""Deviation of the Gaussian noise on pixels: the paper's 0.8 on pixels in [-1, 1]; not clamped, as there."""
LINF_STEPS = 20
BATCH = 250


@dataclass(frozen=True, slots=True)
class Setting:
    """How many codes are searched, how often, and at which noise.

    Attributes:
        name: "default" or "paper".
        images: the first so many test images, and as many codes of the prior.
        restarts: runs for each code.
        epsilon: noise magnitudes.
    """

    name: str
    images: int
    restarts: int
    epsilon: tuple[float, ...]

    def part(self, kind: str, epsilon: float) -> str:
        """How arrays of its searches end, before the network's key."""
        return f"{kind}_{self.name}_{epsilon:g}"


@dataclass(frozen=True, slots=True)
class LatentSettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: of the default setting,
        restarts: and its runs for each code. What a search finds is an upper bound, and fewer runs leave it higher.
        eps: its noise magnitude, under the name it has in reports.
        paper_images: of the paper's setting, for the networks in `PAPER`; 0 leaves it out,
        paper_restarts: and its runs for each code.
        paper_eps: its noise magnitudes.
        bound: scaled radius of the bounded searches.
        accuracy_images: accuracies are taken on the first so many test images, and as many codes of the prior,
        noise_images: those under latent noise on so many of them,
        draws: with so many draws for each.

    Raises:
        ConfigError: a count below 1, or a radius or magnitude that is not above 0.
    """

    counts: ClassVar = ("images", "restarts", "paper_restarts", "accuracy_images", "noise_images", "draws")

    images: int = 200
    restarts: int = 12
    eps: float = 1.0
    paper_images: int = 600
    paper_restarts: int = 12
    paper_eps: tuple[float, ...] = (0.5, 1.0)
    bound: float = 0.3
    accuracy_images: int = 2000
    noise_images: int = 500
    draws: int = 5

    def __post_init__(self) -> None:
        ReportSettings.__post_init__(self)
        if self.paper_images < 0 or min(self.eps, self.bound, *self.paper_eps) <= 0:
            raise ConfigError(f"paper_images must be at least 0, radii and magnitudes above 0; got {self}")

    def settings_of(self, key: str) -> tuple[Setting, ...]:
        """In which settings a network is searched."""
        default = Setting("default", self.images, self.restarts, (self.eps,))
        paper = Setting("paper", self.paper_images, self.paper_restarts, self.paper_eps)
        return (default, paper) if key in PAPER and self.paper_images else (default,)

    @property
    def codes(self) -> int:
        """How many codes of each kind are needed at most."""
        return max(self.images, self.paper_images, self.accuracy_images, self.noise_images)


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes (N, n) with their classes (N,)."""

    z: Tensor
    labels: Tensor

    def first(self, start: int, stop: int) -> "Codes":
        """Codes `start` to `stop`."""
        return Codes(self.z[start:stop], self.labels[start:stop])


def codes_of(autoencoder: Autoencoder, data: LabelledImages, settings: LatentSettings) -> dict[str, Codes]:
    """By kind, the codes that all networks are measured on; those of the prior take the classes in turn."""
    data = data.first(settings.codes)
    with torch.no_grad():
        starts = range(0, len(data), BATCH)
        z = torch.cat([autoencoder.encode(data.images(i, i + BATCH), data.labels[i : i + BATCH]) for i in starts])
    drawn = autoencoder.sample(settings.codes, torch.Generator().manual_seed(settings.seed))
    classes = torch.arange(settings.codes, device=drawn.device) % autoencoder.task.classes
    return {"reconstruction": Codes(z, data.labels), "generation": Codes(drawn, classes)}


def rebuilt(autoencoder: Autoencoder, data: LabelledImages, codes: Codes) -> Part:
    """`rebuilt`: root mean square distance of each image to its reconstruction (N,), in [0, 1] pixel units."""
    found = []
    for start in range(0, len(codes.z), BATCH):
        part = codes.first(start, start + BATCH)
        with torch.no_grad():
            found.append(rmse(autoencoder.decode(part.z, part.labels) - data.images(start, start + len(part.z))))
    return {"rebuilt": torch.cat(found).cpu().numpy()}


def accuracies(
    autoencoder: Autoencoder, model: nn.Module, data: LabelledImages, codes: dict[str, Codes], settings: LatentSettings
) -> Part:
    """Who is right on what, an entry an image.

    `right`, `right_gaussian` (on images with noise of `SIGMA`), and for each kind of codes `right_<kind>`,
    `decayed_<kind>_<epsilon>` for the magnitudes that are searched at, all bool, and `noise_<kind>_<epsilon>`, the
    share of draws that are right, for each of `NOISE`.
    """
    data = data.first(settings.accuracy_images)
    generator = torch.Generator().manual_seed(settings.seed)
    found: Part = {
        "right": _right_on(model, data, 0.0, generator),
        "right_gaussian": _right_on(model, data, SIGMA, generator),
    }
    for kind, every in codes.items():
        some = every.first(0, settings.accuracy_images)
        found[f"right_{kind}"] = right_on_codes(autoencoder, model, some.z, some.labels)
        for epsilon in sorted({settings.eps, *settings.paper_eps}):
            found[f"decayed_{kind}_{epsilon:g}"] = right_when_decayed(autoencoder, model, some.z, some.labels, epsilon)
        few = every.first(0, settings.noise_images)
        for epsilon in NOISE:
            right = right_under_noise(autoencoder, model, few.z, few.labels, epsilon, settings.draws, generator)
            found[f"noise_{kind}_{epsilon:g}"] = right.mean(1, dtype=np.float32)
    return found


def _right_on(model: nn.Module, data: LabelledImages, sigma: float, generator: torch.Generator) -> NDArray[np.bool_]:
    """Whether each image is classified as labelled once noise is added, bool (N,)."""
    right = []
    for start in range(0, len(data), BATCH):
        x = data.images(start, start + BATCH)
        x = x + sigma * gaussian(x.shape, generator, x)
        with torch.no_grad():
            right.append(model(x).argmax(1) == data.labels[start : start + BATCH])
    return np.asarray(torch.cat(right).cpu().numpy())


def searched(
    autoencoder: Autoencoder, model: nn.Module, codes: Codes, epsilon: float, setting: Setting, bound: float, seed: int
) -> Part:
    """What the minimum search and the bounded one find, an entry a code; judged here, from the codes that they give.

    `fooled` bool: whether the bounded search found a wrong picture within the bound. `distance` float32: the smallest
    scaled norm that either search found, 0 where the decayed picture is wrong already, inf where nothing was found (few
    runs of the minimum search miss what lies near, and the bounded one then finds it); `plain`: that of the minimum
    search alone, before its bisection. For what was found and not wrong already, else NaN: `outward`, `l2`, `l1`, as in
    `core.latent.search.Found`.
    """
    minimum = Search(restarts=setting.restarts)
    ball = replace(minimum, rho=bound, shrinking=False)
    found, within = (search(autoencoder, model, codes.z, codes.labels, epsilon, each, seed) for each in (minimum, ball))
    centre = decayed(codes.z, epsilon)
    with torch.no_grad():
        already = model(autoencoder.decode(centre, codes.labels)).argmax(1) != codes.labels
        first, second, unfinished = (
            torch.from_numpy(values).to(centre.device) for values in (found.z_adv, within.z_adv, found.norm_plain)
        )
        one, other = (_judged(autoencoder, model, codes, centre, z_adv) for z_adv in (first, second))
        z_adv = torch.where((other < one)[:, None], second, first)
        change = autoencoder.decode(z_adv, codes.labels) - autoencoder.decode(centre, codes.labels)
    distance = torch.where(already, 0.0, torch.minimum(one, other))
    plain = torch.where(already, 0.0, torch.where(one.isinf(), torch.inf, unfinished))
    moved = distance.isfinite() & ~already
    figures = {
        "outward": scaled_norm(z_adv) - scaled_norm(centre),
        "l2": rmse(change),
        "l1": change.abs().flatten(1).mean(1),
    }
    return {
        "fooled": (already | (other <= bound * (1 + 1e-5))).cpu().numpy(),
        "distance": distance.cpu().numpy(),
        "plain": plain.cpu().numpy(),
        **{name: torch.where(moved, values, torch.nan).cpu().numpy() for name, values in figures.items()},
    }


def _judged(autoencoder: Autoencoder, model: nn.Module, codes: Codes, centre: Tensor, z_adv: Tensor) -> Tensor:
    """The scaled norms of changed codes (N,), infinite where their picture is not wrong."""
    wrong = model(autoencoder.decode(z_adv, codes.labels)).argmax(1) != codes.labels
    return torch.where(wrong, scaled_norm(z_adv - centre), torch.inf)


def linf_grid(task: Task) -> list[float]:
    """Radii at which severity in L-infinity is looked for: 1/32 to 4 of the task's, a third of an octave apart."""
    return [task.radii["linf"] * 2 ** (k / 3) for k in range(-15, 7)]


def image_space(model: nn.Module, task: Task, x: Tensor, labels: Tensor, seed: int) -> Part:
    """The image-space counterparts of the distance, float32 (B,): 0 where wrong already, inf where nothing was found.

    `image_l2`: root mean square of the smallest change that DDN finds; `image_linf`: the smallest radius of `linf_grid`
    at which PGD broke the image. Both attack the network `Softened` (DDN does so itself), and keep images in [0, 1].
    (The paper's own search does not.)
    """
    x_adv = Ddn()(model, x, labels)
    with torch.no_grad():
        right, wrong = model(x).argmax(1) == labels, model(x_adv).argmax(1) != labels
    wrong &= (x_adv.flatten(1).amin(1) >= 0) & (x_adv.flatten(1).amax(1) <= 1)
    l2 = torch.where(wrong, rmse(x_adv - x), torch.inf)
    radii = linf_grid(task)
    attack = Pgd(radii[0], "linf", LINF_STEPS)
    stands = robust_at(Softened(model), x, labels, radii, attack, torch.Generator().manual_seed(seed))
    linf = torch.tensor([*radii, np.inf], dtype=torch.float32, device=x.device)[stands.sum(1)]
    return {
        "image_l2": torch.where(right, l2, 0.0).cpu().numpy(),
        "image_linf": torch.where(right, linf, 0.0).cpu().numpy(),
    }
