"""What models are called on screen."""

OWN = "own-"  # the key of a visitor's own network begins so, and goes on with its name, words joined by hyphens

_NAMES = {
    "standard": "Standard",
    "oneepoch": "One epoch",
    "pgd-linf": "Robust, L∞",
    "pgd-l2": "Robust, L2",
    "pgd-l2-large": "Robust, large L2",
    "pgd-l2-radii": "Robust, all radii",
    "trades": "TRADES",
    "adversarial": "Single-step attacks",
    "distilled": "Distilled",
    "noise": "Gaussian noise",
    "noise-sign": "Sign noise",
    "double-backprop": "Double backprop",
    "insensitive": "Insensitive",
    "adversarial-double-backprop": "Double backprop + attacks",
    "lipschitz": "Lipschitz",
    "lipschitz-all": "Lipschitz, all",
    "sat-strong-standard": "Saliency of standard",
    "sat-strong-robust": "Saliency of robust",
    "sat-pgd": "Saliency + PGD",
    "sat-box": "Boxes",
    "sat-box-pgd": "Boxes + PGD",
    "sat-mask": "Masks",
    "sat-mask-pgd": "Masks + PGD",
}


def model_name(key: str) -> str:
    """The model's name for people; its key where it has no other."""
    if key.startswith(OWN):
        return key.removeprefix(OWN).replace("-", " ")
    return _NAMES.get(key, key)
