"""The search for the smallest change of a code that makes its picture wrong, or for any within a bound."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import ConfigError, InputError
from core.latent.decoder import Classifier, Decoder
from core.latent.finish import at_the_edge
from core.latent.margin import OBJECTIVES, Objective, margin, misclassified
from core.latent.noise import decayed, scaled_norm
from core.latent.starts import random_starts, unit
from core.norms import rmse
from core.progress import OnProgress, ShouldStop, never, silent

Start = Literal["centre", "random"]
STARTS: tuple[Start, ...] = ("centre", "random")
PUSHES = (1.001, 1.01)
"""A last pass sees a code beside others than the search did; rounding may lay it on the boundary's other side. It is
pushed on by so much, and the push counts."""


@dataclass(frozen=True, slots=True)
class Search:
    """How the search goes (Buzhinsky et al. 2020, arXiv:2003.01993, in the form of the authors' code).

    Up to `restarts` runs of steps of length `step * rho` along the gradient of J, the lead of the strongest other class
    over the right one, within a ball of scaled radius rho around the decayed code. A run ends at its first wrong
    picture. The default is the minimum search; `BOUNDED` and `FAST` are the paper's two others.

    Attributes:
        rho: the first radius; codes further away are never looked at.
        steps: of each run. (The code never tests the point after the last step; here it is tested.)
        step: length of a step, in units of the radius.
        restarts: runs for each code. Within one search, before it is finished, a further run never makes the smallest
            norm larger; of two searches the one with more runs may have the larger one, as random starts are others
            for another number of runs. The change found is an upper bound: of a standard network's codes four runs
            left it 5 to 8 % longer than the paper's twelve.
        start: "centre": each run starts at the decayed code. "random": in a uniform direction, at a uniform share of
            the radius; but of several runs the last starts at the decayed code. (In the code it is meant to, but its
            flag is set too late.)
        shrinking: after a success its norm becomes the radius, and all runs are made. Otherwise the first success ends
            the search.
        bisection: bring what was found to the edge of the right pictures, see `core.latent.finish`. (Our addition.)
        objective: J on logits, or on probabilities, as in the code. Where a network is certain the latter has no
            gradient in float32: of a distilled network's codes a third then seem to be safe from any change.

    Raises:
        ConfigError: a value out of range.
    """

    rho: float = 2.5
    steps: int = 50
    step: float = 0.05
    restarts: int = 12
    start: Start = "random"
    shrinking: bool = True
    bisection: bool = True
    objective: Objective = "logit"

    def __post_init__(self) -> None:
        if not (0 < self.rho < float("inf") and self.steps >= 0 and 0 < self.step <= 1 and self.restarts >= 1):
            raise ConfigError(f"need rho > 0, steps >= 0, 0 < step <= 1 and restarts >= 1; got {self}")
        if self.start not in STARTS or self.objective not in OBJECTIVES:
            raise ConfigError(f"start is one of {STARTS}, objective one of {OBJECTIVES}; got {self}")


BOUNDED = Search(rho=0.3, restarts=12, shrinking=False, bisection=False)
"""Whether any code within rho is wrong: the paper's accuracies; rho is 0.3 on MNIST, 0.1 on its photographs."""
FAST = Search(steps=1250, step=0.002, restarts=1, start="centre", shrinking=False, bisection=False)
"""One slow walk from the decayed code: the paper's minimum search on CelebA and LSUN."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found, an entry a code. Norms of codes are scaled, `||v||_2 / sqrt(n)`.

    Attributes:
        settings: those of `Search`, with `epsilon` and `seed`.
        labels: the right classes (N,).
        z: codes (N, n).
        z_decayed: the centres of the search (N, n).
        z_adv: the nearest wrong code found; without any, the end of the first run (N, n).
        found: whether the picture of `z_adv` is wrong, by a pass of its own (N,).
        already_wrong: whether that of `z_decayed` is (N,); then `z_adv` is that code.
        norm: of `z_adv - z_decayed` (N,).
        norm_plain: the same before the final bisection (N,): what the authors' code gives.
        outward: norm of `z_adv` less that of `z_decayed` (N,): above 0 where it is the less likely one.
        x_decayed: pictures of `z_decayed` (N, C, H, W), in [0, 1].
        x_adv: pictures of `z_adv` (N, C, H, W), in [0, 1].
        l2: root mean square of `x_adv - x_decayed` (N,), in [0, 1] pixel units.
        l1: its mean size (N,), in [0, 1] pixel units.
        path: codes of the run that led to `z_adv`, which is its last (N, T, n); NaN behind a path's end.
        path_margin: J on `path`, above 0 where a picture is wrong (N, T); NaN behind a path's end.
    """

    settings: dict[str, Any]
    labels: NDArray[np.int64]
    z: NDArray[np.float32]
    z_decayed: NDArray[np.float32]
    z_adv: NDArray[np.float32]
    found: NDArray[np.bool_]
    already_wrong: NDArray[np.bool_]
    norm: NDArray[np.float32]
    norm_plain: NDArray[np.float32]
    outward: NDArray[np.float32]
    x_decayed: NDArray[np.float32]
    x_adv: NDArray[np.float32]
    l2: NDArray[np.float32]
    l1: NDArray[np.float32]
    path: NDArray[np.float32]
    path_margin: NDArray[np.float32]


def search(  # noqa: PLR0913, PLR0917  # what is searched, how, and how it is watched
    decoder: Decoder,
    classifier: Classifier,
    z: Tensor,
    labels: Tensor,
    epsilon: float,
    settings: Search,
    seed: int = 0,
    on_progress: OnProgress = silent,
    should_stop: ShouldStop = never,
) -> SearchResult:
    """The nearest code around each decayed code whose picture is wrong; each code is searched as if it were alone.

    Args:
        decoder: codes and classes to pictures.
        classifier: pictures (B, C, H, W) to logits (B, K), in eval mode.
        z: codes (N, n), float32, N at least 1.
        labels: their classes (N,), int64: those that the pictures show.
        epsilon: noise magnitude whose decay is applied; 0 searches around the codes themselves.
        settings: of the search.
        seed: of the random starts.
        on_progress: called with runs ended and of how many.
        should_stop: asked before each step; True ends the search with the best found so far.

    Raises:
        ConfigError: epsilon < 0.
        InputError: no codes, codes of another length or number than the classes, or values that are not finite.
    """
    if z.ndim != 2 or z.shape[1] != decoder.latent or labels.shape != z.shape[:1] or len(z) == 0:
        raise InputError(
            f"need codes of length {decoder.latent}, a class each; got {tuple(z.shape)} and {tuple(labels.shape)}"
        )
    walk = _Walk(decoder, classifier, z.detach(), labels, epsilon, settings)
    starts = random_starts(z, labels, settings.restarts, seed)
    if settings.start == "centre":
        starts.zero_()
    elif settings.restarts > 1:
        starts[-1] = 0.0
    for run, start in enumerate(starts):
        walk.run(start, run == 0, should_stop)
        on_progress(run + 1, settings.restarts)
    walk.norm_plain = walk.norm.clone()
    if settings.bisection:
        walk.finish()
    return walk.found({**asdict(settings), "eps": epsilon, "seed": seed})


class _Walk:
    """All searches side by side: a row a code, each with its own radius; offsets are counted from the decayed codes."""

    def __init__(
        self, decoder: Decoder, classifier: Classifier, z: Tensor, labels: Tensor, epsilon: float, settings: Search
    ) -> None:
        self.decoder, self.classifier, self.settings = decoder, classifier, settings
        self.z, self.centre, self.labels = z, decayed(z, epsilon), labels
        self.best, self.safe = torch.zeros_like(z), torch.zeros_like(z)  # nearest wrong offset, and the one before it
        self.path = z.new_full((len(z), settings.steps + 2, z.shape[1]), torch.nan)
        self.path_margin = self.path[:, :, 0].clone()
        with torch.no_grad():
            logits = self.logits(self.best, torch.arange(len(z), device=z.device))
        self.already_wrong = misclassified(logits, labels)
        self.path[:, 0], self.path_margin[:, 0] = self.centre, margin(logits, labels, settings.objective)
        self.norm = z.new_full((len(z),), torch.inf).masked_fill(self.already_wrong, 0.0)
        self.norm_plain = self.norm
        self.radius = z.new_full((len(z),), settings.rho)

    def logits(self, offset: Tensor, rows: Tensor) -> Tensor:
        """Logits (A, K) of the pictures at offsets (A, n) from the centres of some rows (A,)."""
        logits = self.classifier(self.decoder.decode(self.centre[rows] + offset, self.labels[rows])).float()
        if not bool(logits.detach().isfinite().all()):  # a search that went on would take the code for one that stands
            raise InputError("the classifier answers these codes with values that are not finite")
        return logits

    def run(self, start: Tensor, first: bool, should_stop: ShouldStop) -> None:
        """One run of each row that is still searched, from offsets (N, n) in the ball of radius 1."""
        settings = self.settings
        rows = (~self.already_wrong if settings.shrinking else self.norm.isinf()).nonzero()[:, 0]
        offset = start[rows] * self.radius[rows, None]
        before = torch.zeros_like(offset)
        path, path_margin = torch.full_like(self.path, torch.nan), torch.full_like(self.path_margin, torch.nan)
        for step in range(settings.steps + 1):
            if len(rows) == 0 or should_stop():
                break
            offset = offset.requires_grad_()
            logits = self.logits(offset, rows)
            lead = margin(logits, self.labels[rows], settings.objective)
            (gradient,) = torch.autograd.grad(lead.sum(), offset)
            offset, won = offset.detach(), misclassified(logits.detach(), self.labels[rows])
            path[rows, step], path_margin[rows, step] = self.centre[rows] + offset, lead.detach()
            self.norm[rows[won]] = scaled_norm(offset)[won]  # the smallest so far: the ball has shrunk to the last
            kept = torch.ones_like(won) if first and step == settings.steps else won
            self.best[rows[kept]], self.safe[rows[kept]] = offset[kept], before[kept]
            self.path[rows[kept]], self.path_margin[rows[kept]] = path[rows[kept]], path_margin[rows[kept]]
            rows, before, gradient = rows[~won], offset[~won], gradient[~won]
            radius = self.radius[rows, None]
            offset = before + settings.step * radius * unit(gradient)
            offset = offset * (radius / scaled_norm(offset)[:, None].clamp_min(1e-12)).clamp_max(1.0)
        if settings.shrinking:
            self.radius = torch.minimum(self.radius, self.norm)

    def finish(self) -> None:
        """Bring what was found to the edge; a path gets one more point."""
        rows = (self.norm.isfinite() & ~self.already_wrong).nonzero()[:, 0]
        if len(rows) == 0:
            return
        edge = at_the_edge(lambda o: self.logits(o, rows), self.labels[rows], self.best[rows], self.safe[rows])
        self.best[rows], self.norm[rows] = edge, scaled_norm(edge)
        end = self.path_margin[rows].isfinite().sum(1)
        self.path[rows, end], self.path_margin[rows, end] = self.centre[rows] + edge, 0.0

    @torch.no_grad()
    def found(self, settings: dict[str, Any]) -> SearchResult:
        """The result, judged by a pass of its own."""
        every = torch.arange(len(self.z), device=self.z.device)
        reached, offset = self.norm.isfinite(), self.best
        logits = self.logits(offset, every)
        for push in PUSHES:
            short = reached & ~misclassified(logits, self.labels)
            if not bool(short.any()):
                break
            offset = torch.where(short[:, None], push * self.best, offset)
            logits = self.logits(offset, every)
        z_adv = self.centre + offset
        end = self.path_margin.isfinite().sum(1) - 1
        self.path[every, end] = z_adv
        self.path_margin[every, end] = margin(logits, self.labels, self.settings.objective)
        longest = int(end.max()) + 1
        x, x_adv = (self.decoder.decode(z, self.labels) for z in (self.centre, z_adv))
        tensors = {
            "labels": self.labels,
            "z": self.z,
            "z_decayed": self.centre,
            "z_adv": z_adv,
            "found": misclassified(logits, self.labels),
            "already_wrong": self.already_wrong,
            "norm": scaled_norm(offset),
            "norm_plain": torch.where(reached, self.norm_plain, scaled_norm(offset)),
            "outward": scaled_norm(z_adv) - scaled_norm(self.centre),
            "x_decayed": x,
            "x_adv": x_adv,
            "l2": rmse(x_adv - x),
            "l1": (x_adv - x).abs().flatten(1).mean(1),
            "path": self.path[:, :longest],
            "path_margin": self.path_margin[:, :longest],
        }
        return SearchResult(settings, **{name: value.contiguous().cpu().numpy() for name, value in tensors.items()})
