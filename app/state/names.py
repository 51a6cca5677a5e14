"""What models are called on screen."""

from core.training.recipes.registry import name_of

OWN = "own-"  # the key of a visitor's own network begins so, and goes on with its name, words joined by hyphens


def model_name(key: str) -> str:
    """The model's name for people; its key where it has no other."""
    if key.startswith(OWN):
        return key.removeprefix(OWN).replace("-", " ")
    return name_of(key) or key
