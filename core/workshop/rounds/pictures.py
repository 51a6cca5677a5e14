"""Pictures and signed maps as PNG for the database, each once, by digest."""

import hashlib

import numpy as np
from torch import Tensor

from core.images import to_png
from core.models.zoo import ZooModel
from core.saliency.gradient import gradient
from core.workshop.items import Picture

CLIP = 99.0  # percentile of the absolute values that gets the full colour (Ross, Doshi-Velez 2018, authors' code)


class Album:
    """The pictures of a round while it is prepared."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}

    def picture(self, x: Tensor, caption: str = "") -> Picture:
        """An image (1, C, H, W) in [0, 1]."""
        return Picture(self._keep(to_png(x[0])), "picture", caption)

    def gradient_map(self, model: ZooModel, x: Tensor, target: int, caption: str = "") -> Picture:
        """The input gradient of a class's logit, summed over channels, as grey levels: 128 is 0.

        Each map has a scale of its own, at the `CLIP` percentile: seen alone, a weak map is as visible as a strong one.
        """
        heat = gradient(model.fast, x, x.new_tensor([target]).long())[0][0].sum(0).double().numpy()
        scale = float(np.percentile(np.abs(heat), CLIP)) or 1.0
        levels = np.rint(128 + 127 * (heat / scale).clip(-1, 1)).astype(np.uint8)
        return Picture(self._keep(to_png(levels)), "map", caption)

    def _keep(self, png: bytes) -> str:
        digest = hashlib.blake2b(png, digest_size=16).hexdigest()
        self.pictures[digest] = png
        return digest
