"""What models are called on screen."""

_NAMES = {
    "standard": "Standard",
    "pgd-linf": "Robust, L∞",
    "pgd-l2": "Robust, L2",
}


def model_name(key: str) -> str:
    """The model's name for people; its key where it has no other."""
    return _NAMES.get(key, key)
