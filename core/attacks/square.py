"""Square attack: a random search that asks for answers alone, for networks without gradients."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.models.asking import CheckedNetwork, differentiating
from core.norms import precise, round_towards

_HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # queries of 10,000, by the authors' code
_AUTHORS_QUERIES = 10_000


@dataclass(frozen=True, slots=True)
class Square:
    """The Square attack in L-infinity (Andriushchenko et al. 2020, arXiv:1912.00049, Alg. 1 and 2).

    It begins with vertical stripes of plus or minus epsilon, and then sets squares of the change to plus or minus
    epsilon, each where it lowers the margin of the label over the best other class. An image whose label is no longer
    the answer stays as it is.

    Attributes:
        epsilon: radius in [0, 1] pixel units.
        queries: how often the network is asked.
        share: of the pixels in the first square; it is halved as the authors do, with the queries.

    Raises:
        ConfigError: epsilon < 0, queries < 1 or a share outside (0, 1].
    """

    epsilon: float
    queries: int = 300
    share: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon < float("inf") or self.queries < 1 or not 0 < self.share <= 1:
            raise ConfigError(f"need epsilon >= 0, queries >= 1 and a share in (0, 1]; got {self}")

    @differentiating
    def __call__(self, model: nn.Module, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The changed images, within [0, 1] and within epsilon of `x` in every entry.

        Args:
            model: images (B, C, H, W) to logits (B, K), in eval mode.
            x: clean images (B, C, H, W), float in [0, 1]; left unchanged.
            labels: class indices (B,), int64.
            generator: of stripes and squares.

        Raises:
            ConfigError: a label of no class.
            InputError: pixels, or answers, that are no numbers.
        """
        clean, checked = x.detach(), CheckedNetwork(model, x, labels)
        x = precise(clean)
        with torch.no_grad():
            margin = _margin(checked(x), labels)
            stripes = self.epsilon * _signs((len(x), x.shape[1], 1, x.shape[3]), generator)
            best, margin = self._better(checked, x, labels, x, margin, (x + stripes).clamp(0.0, 1.0))
            for query in range(1, self.queries):
                if not bool((margin > 0).any()):
                    break
                tried = self._with_square(x, best, query, generator)
                best, margin = self._better(checked, x, labels, best, margin, tried)
        return round_towards(best, clean)

    def _with_square(self, x: Tensor, best: Tensor, query: int, generator: torch.Generator) -> Tensor:
        """The images with one square of the change drawn anew, at a place and in colours of each image's own."""
        height, width = x.shape[2:]
        halvings = sum(query * _AUTHORS_QUERIES / self.queries > at for at in _HALVED_AT)
        side = max(1, min(height, width, round((self.share / 2**halvings * height * width) ** 0.5)))
        tried = best.clone()
        tops = torch.randint(height - side + 1, (len(x),), generator=generator).tolist()
        lefts = torch.randint(width - side + 1, (len(x),), generator=generator).tolist()
        change = self.epsilon * _signs((len(x), x.shape[1], 1, 1), generator)
        for index, (top, left) in enumerate(zip(tops, lefts, strict=True)):
            place = (index, slice(None), slice(top, top + side), slice(left, left + side))
            tried[place] = (x[place] + change[index]).clamp(0.0, 1.0)
        return tried

    def _better(
        self, model: nn.Module, x: Tensor, labels: Tensor, best: Tensor, margin: Tensor, tried: Tensor
    ) -> tuple[Tensor, Tensor]:
        """For each image the better of two, with its margin; one that is wrong already stays."""
        found = _margin(model(tried), labels)
        take = (found < margin) & (margin > 0)
        return torch.where(take.view(-1, 1, 1, 1), tried, best), torch.where(take, found, margin)


def _margin(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the label's logit lies above the best other one (B,); at most 0 where it is not the answer."""
    scores = precise(logits)
    own = scores.gather(1, labels[:, None])[:, 0]
    return own - scores.scatter(1, labels[:, None], float("-inf")).amax(1)


def _signs(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=generator).float() * 2 - 1
