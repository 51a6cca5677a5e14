"""How far maps are off whose gradients were averaged in bfloat16, as measured, and how that is said."""

from collections.abc import Mapping

from core.saliency.grid import SaliencyMap

IMAGES = 20
MEASURED: Mapping[str, tuple[float, float, float]] = {
    "smooth-grad": (0.088, 0.016, 0.119),
    "smooth-grad-squared": (0.060, 0.022, 0.104),
    "var-grad": (0.062, 0.032, 0.105),
    "integrated-gradients": (0.057, 0.018, 0.076),
    "expected-gradients": (0.065, 0.022, 0.091),
    "gradient-shap": (0.129, 0.023, 0.162),
}
"""By method the L2 distance of attributions from those in float64, over the length of these: the median on `standard`,
that on `pgd-l2` or `pgd-linf`, whichever is larger, and the largest of all.

`python -m benchmarks.map_precision --images 20`: CIFAR-10, the first images of `val`, seed 0.
"""
HELP = (
    "Integrated gradients, SmoothGrad and their kin average 32 gradients, 16 on large pictures. In bfloat16 that takes "
    "about two thirds of the time; how far a map is off for it stands under “What does one map say?”. Networks of "
    "depthwise convolutions stay in float32."
)


def words(one: SaliencyMap) -> str:
    """What is to be known of a map whose gradients were averaged in bfloat16; "" of any other."""
    if one.settings["precision"] == "float32":
        return ""
    standard, robust, most = (f"{100 * share:.0f} %" for share in MEASURED[one.method])
    return (
        f"Gradients in bfloat16: off the map in float64 by {standard} of its length for the standard network, "
        f"{robust} for robust ones (medians), at most {most} (CIFAR-10, {IMAGES} images). "
    )
