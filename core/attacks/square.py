"""Square attack: random search over squares of changed pixels, which asks for answers and never for a gradient."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.attacks.attack import Attack, AttackRequest
from core.errors import ConfigError
from core.models.asking import CheckedNetwork
from core.norms import Norm, check_norm, norm_of, precise, project, round_towards

SCHEDULE = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Of 10,000 queries, those after which the share of changed pixels halves (Sec. 3.1, App. B)."""
QUERIES_PER_STEP = 10
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Square:
    """Square attack (Andriushchenko et al. 2020, arXiv:1912.00049, Alg. 1 to 3), on the margin loss, untargeted.

    A proposal is taken where it lowers the margin, the true class's logit minus the largest other; an image is left
    alone from the moment it falls. All images of a batch share the draws (the authors' code shares the squares and
    draws stripes and L2 signs for each), so that what comes out for an image does not depend on its neighbours.

    Attributes:
        epsilon: radius of the ball in input units.
        norm: "linf" or "l2".
        queries: answers asked for of each image at most, after that to the clean image.
        share: of pixels that the first squares change, p in the paper.

    Raises:
        ConfigError: epsilon < 0, queries < 1 or a share outside (0, 1].
    """

    epsilon: float
    norm: Norm = "linf"
    queries: int = 1000
    share: float = 0.8

    def __post_init__(self) -> None:
        check_norm(self.norm)
        if not 0 <= self.epsilon < float("inf") or self.queries < 1 or not 0 < self.share <= 1:
            raise ConfigError(f"need epsilon >= 0, queries >= 1, share in (0, 1]; got {self}")

    @torch.no_grad()
    def __call__(self, model: nn.Module, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Images within [0, 1] and within epsilon of `x`; those that the model gets wrong already are returned as is.

        Args:
            model: images (B, C, H, W) to logits (B, K), in eval mode.
            x: clean images (B, C, H, W), float in [0, 1]; left unchanged.
            labels: the right classes (B,), int64.
            generator: source of stripes, squares and signs.

        Raises:
            ConfigError: a label of no class.
            InputError: pixels, or answers, that are no numbers.
        """
        model = CheckedNetwork(model, x, labels)
        clean = precise(x)
        best = clean.clone()
        margin = margins(model(clean), labels)
        if self.epsilon == 0:
            return round_towards(best, x)
        margin[margin > 0] = torch.inf  # the first proposal is taken, whatever it does: the search begins at the edge
        for query in range(self.queries):
            standing = (margin > 0).nonzero()[:, 0]
            if len(standing) == 0:
                break
            origin = clean[standing]
            proposed = self._proposal(best[standing], origin, query, generator)
            found = margins(model(proposed), labels[standing])
            better = found < margin[standing]
            best[standing[better]] = proposed[better]
            margin[standing[better]] = found[better]
        return round_towards(best, x)

    def _proposal(self, best: Tensor, origin: Tensor, query: int, generator: torch.Generator) -> Tensor:
        """The next images to ask about (B, C, H, W), inside of the ball and of [0, 1]."""
        height, width = origin.shape[2:]
        if self.norm == "linf":
            delta = best - origin
            if query == 0:
                delta = self.epsilon * _signs((origin.shape[1], 1, width), origin, generator).expand_as(origin)
            else:
                side = min(max(round((self._share_at(query) * height * width) ** 0.5), 1), height, width)
                top, left = (_place(length, side, generator) for length in (height, width))
                value = 2 * self.epsilon * _signs((origin.shape[1], 1, 1), origin, generator)
                delta[:, :, top : top + side, left : left + side] += value
            return (origin + delta.clamp(-self.epsilon, self.epsilon)).clamp(0.0, 1.0)
        delta = self._tiles(origin, generator) if query == 0 else self._moved(best - origin, query, generator)
        delta = delta * (self.epsilon / norm_of(delta, "l2").clamp_min(_TINY)).view(-1, 1, 1, 1)
        inside = (origin + delta).clamp(0.0, 1.0)
        return origin + project(inside - origin, self.epsilon, "l2")

    def _share_at(self, query: int) -> float:
        """The share of pixels that a square changes at a query, on the schedule stretched to all queries."""
        at = query / self.queries * 10_000
        halvings = sum(at > limit for limit in SCHEDULE)
        return self.share / float(1 << halvings)

    def _tiles(self, origin: Tensor, generator: torch.Generator) -> Tensor:
        """The first change in L2: a grid of five by five bumps, each of either sign in each channel."""
        height, width = origin.shape[2:]
        side = max(min(height, width) // 5, 1)
        delta = torch.zeros_like(origin)
        for top in range((height % side) // 2, height - side + 1, side):
            for left in range((width % side) // 2, width - side + 1, side):
                signs = _signs((origin.shape[1], 1, 1), origin, generator)
                delta[:, :, top : top + side, left : left + side] = _bumps(side, origin, generator) * signs
        return delta

    def _moved(self, delta: Tensor, query: int, generator: torch.Generator) -> Tensor:
        """A change in L2 whose length in one square, and what clamping left unused, moves to another (Alg. 3)."""
        channels, height, width = delta.shape[1:]
        side = max(round((self._share_at(query) * height * width) ** 0.5), 3)
        side = min(side + 1 - side % 2, height, width)
        to, of = (tuple(_place(length, side, generator) for length in (height, width)) for _ in range(2))
        into, out = (
            (slice(None), slice(None), slice(top, top + side), slice(left, left + side)) for top, left in (to, of)
        )
        both = torch.zeros_like(delta[:1, :1])
        both[into] = both[out] = 1.0
        unused = (self.epsilon**2 - norm_of(delta, "l2").square()).clamp_min(0.0).view(-1, 1, 1, 1)
        budget = (unused / channels + (delta * both).square().sum((2, 3), keepdim=True)).sqrt()
        bump = _bumps(side, delta, generator) * _signs((channels, 1, 1), delta, generator)
        window = bump + delta[into] / _length(delta[into])
        delta = delta.clone()
        delta[out] = 0.0
        delta[into] = window / _length(window) * budget
        return delta


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """The logit of the right class minus the largest other (B,), in logits; at most 0 where the answer is wrong."""
    logits = precise(logits)
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    own = logits.gather(1, labels[:, None])[:, 0]
    return own - others


def _length(window: Tensor) -> Tensor:
    """The length of each channel of a window (B, C, s, s): (B, C, 1, 1)."""
    length: Tensor = window.square().sum((2, 3), keepdim=True).sqrt().clamp_min(_TINY)
    return length


def _bumps(side: int, like: Tensor, generator: torch.Generator) -> Tensor:
    """Two bumps of opposite sign that share a square (s, s), of length 1, one above the other or side by side."""
    upper = side // 2
    bumps = torch.cat([_bump(upper, side, like), -_bump(side - upper, side, like)])
    bumps /= bumps.norm().clamp_min(_TINY)
    turned = bool(torch.rand(1, generator=generator, device=generator.device) > 0.5)
    return bumps.t() if turned else bumps


def _bump(height: int, width: int, like: Tensor) -> Tensor:
    """A bump (h, w): squared reciprocals, added up over growing rectangles around its centre (Eq. 2 and App. B)."""
    bump = torch.zeros(height, width, dtype=like.dtype, device=like.device)
    top, left = height // 2, width // 2
    for size in range(max(height // 2 + 1, width // 2 + 1)):
        rows = slice(max(top - size, 0), min(top + size + 1, height))
        bump[rows, max(left - size, 0) : min(left + size + 1, width)] += 1.0 / (size + 1) ** 2
    found: Tensor = bump / bump.norm().clamp_min(_TINY)
    return found


def _signs(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    """Values of plus or minus 1."""
    drawn = torch.randint(0, 2, shape, generator=generator, device=generator.device)
    return (2 * drawn - 1).to(like)


def _place(length: int, side: int, generator: torch.Generator) -> int:
    """Where a square of a side begins, within a length."""
    return int(torch.randint(0, length - side + 1, (1,), generator=generator, device=generator.device))


def _square(request: AttackRequest, norm: Norm) -> Tensor:
    attack = Square(request.epsilon, norm, QUERIES_PER_STEP * request.steps)
    generator = request.generator or torch.Generator().manual_seed(0)
    return attack(request.model, request.x, request.labels, generator)


SQUARE_ATTACK = Attack(
    "square",
    "Square",
    "Andriushchenko et al. 2020, arXiv:1912.00049",
    lambda request: _square(request, "linf"),
    iterates=True,
    draws=True,
    queries=QUERIES_PER_STEP,
)

SQUARE_L2_ATTACK = Attack(
    "square-l2",
    "Square, L2",
    "Andriushchenko et al. 2020, arXiv:1912.00049",
    lambda request: _square(request, "l2"),
    norm="l2",
    iterates=True,
    draws=True,
    queries=QUERIES_PER_STEP,
)
