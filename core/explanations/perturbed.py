"""What an image and its changed form have in common, whoever changed it."""

import numpy as np
from numpy.typing import NDArray


class PerturbedImage:
    """One image before and after a change, with a network's answers; a base for what says more of it.

    Attributes:
        x: the image (C, H, W), float32 in [0, 1].
        x_adv: the changed image (C, H, W), float32 in [0, 1].
        probs: softmax probabilities (K,) of `x`.
        probs_adv: softmax probabilities (K,) of `x_adv`.
    """

    __slots__ = ()
    x: NDArray[np.float32]
    x_adv: NDArray[np.float32]
    probs: NDArray[np.float32]
    probs_adv: NDArray[np.float32]

    @property
    def delta(self) -> NDArray[np.float32]:
        """`x_adv - x`, (C, H, W)."""
        return self.x_adv - self.x

    @property
    def linf(self) -> float:
        """The largest change of an entry, in units of the pixel range."""
        return float(np.abs(self.delta).max())

    @property
    def before(self) -> int:
        """The class predicted for `x`."""
        return int(self.probs.argmax())

    @property
    def after(self) -> int:
        """The class predicted for `x_adv`."""
        return int(self.probs_adv.argmax())

    @property
    def changed(self) -> bool:
        """Whether the answer is another."""
        return self.after != self.before
