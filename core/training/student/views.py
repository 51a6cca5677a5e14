"""What a student is shown: photographs enlarged by chance, or four of them side by side, cut at random."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Views:
    """Random square views of small photographs, mirrored half of the time.

    A photograph of 64 pixels that is enlarged has no fine detail. Four side by side, enlarged half as much, have more
    of it, and a student that is taught by answers instead of labels can learn from such a picture, too.

    Attributes:
        side: pixels of a view each way.
        enlarge: a picture is brought to a size drawn evenly from `side` to so many times `side`, and a view cut out.
        fours: the share of views that are of four photographs.

    Raises:
        ConfigError: a value out of range.
    """

    side: int = 128
    enlarge: float = 1.75
    fours: float = 0.25

    def __post_init__(self) -> None:
        if self.side < 32 or not 1 <= self.enlarge <= 4 or not 0 <= self.fours <= 1:
            raise ConfigError(f"need side >= 32, enlarge in [1, 4] and fours in [0, 1]; got {self}")

    def __call__(self, pixels: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """A view of each of some photographs, float (B, C, side, side) in [0, 1].

        Args:
            pixels: all photographs, uint8 (N, C, H, W).
            chosen: which of them (B,), int64.
            generator: of sizes, places, mirrors, and of the three others of a view of four.
        """
        return torch.stack([self._view(pixels, int(index), generator) for index in chosen])

    def _view(self, pixels: Tensor, index: int, generator: torch.Generator) -> Tensor:
        """One view (C, side, side)."""
        four, size, row, column, mirrored = torch.rand(5, generator=generator).tolist()
        others = torch.randint(len(pixels), (3,), generator=generator).tolist()
        if four < self.fours:
            a, b, c, d = pixels[[index, *others]].float() / 255.0
            picture = torch.cat([torch.cat([a, b], 2), torch.cat([c, d], 2)], 1)
        else:
            picture = pixels[index].float() / 255.0
        large = self.side + int(size * (1 + (self.enlarge - 1) * self.side))
        picture = enlarged(picture[None], large)[0]
        top, left = int(row * (large - self.side + 1)), int(column * (large - self.side + 1))
        view = picture[:, top : top + self.side, left : left + self.side]
        return view.flip(2) if mirrored < 0.5 else view


def enlarged(x: Tensor, side: int) -> Tensor:
    """Pictures (B, C, H, W) in [0, 1] at (B, C, side, side), bicubic, kept in [0, 1]."""
    return interpolate(x, (side, side), mode="bicubic", align_corners=False).clamp(0.0, 1.0)
