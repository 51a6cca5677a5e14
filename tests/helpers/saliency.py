"""A choice on the page Saliency that is nowhere the default, and maps whose values are given."""

import numpy as np

from app.saliency.choice import SaliencyChoice
from core.saliency.grid import SaliencyMap

PICTURE = np.linspace(0, 1, 3 * 4 * 4, dtype=np.float32).reshape(3, 4, 4)
PART = SaliencyChoice(
    ("lime", "gradient"), "cat", "dog", "networks", "own", "strength", "layer4.1", "float32", 40, "gradient",
    "pgd-linf", "noise-sign", ("sparsity", "deletion"), "ssim", "report", ("test:3", "photo:chelsea"), "guess",
)  # fmt: skip


def map_of(values: list[float], model: str = "standard", method: str = "gradient") -> SaliencyMap:
    """A map whose channels sum to the values, repeated."""
    heat = np.resize(np.array(values, np.float32), (4, 4))
    return SaliencyMap(
        "cifar10", model, method, {"precision": "float32"}, PICTURE, (3,), np.stack([heat, 0 * heat, 0 * heat])
    )
