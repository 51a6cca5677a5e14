"""The natural changes by key, in the order in which several are made: the scene, its light, the lens, the file."""

from collections.abc import Mapping

from torch import Tensor

from core.natural.change import Change, Group
from core.natural.light import BRIGHTNESS, CONTRAST, HUE, SATURATION
from core.natural.quality import BLUR, FOG, JPEG, NOISE, OCCLUSION
from core.natural.view import PERSPECTIVE, RAISE, ROTATION, SCALE, SHIFT

CHANGES: dict[str, Change] = {
    change.key: change
    for change in (
        ROTATION, SCALE, SHIFT, RAISE, PERSPECTIVE,
        OCCLUSION, FOG,
        BRIGHTNESS, CONTRAST, SATURATION, HUE,
        BLUR, NOISE, JPEG,
    )
}  # fmt: skip

GROUPS: dict[Group, str] = {"view": "Point of view", "light": "Light", "quality": "Quality"}
"""What each group is called."""


def changes_of(channels: int) -> dict[str, Change]:
    """Those that images with so many channels can have."""
    return {key: change for key, change in CHANGES.items() if channels == 3 or not change.colour}


def changed(x: Tensor, amounts: Mapping[str, Tensor | float]) -> Tensor:
    """Images (B, C, H, W) in [0, 1] under several changes at once, in the order of `CHANGES`.

    Args:
        x: the images; left unchanged.
        amounts: by key, one for all images or one each (B,); changes that are not named are at rest.

    Raises:
        ConfigError: an amount out of range, or of colours where the images have none.
    """
    for key, change in CHANGES.items():
        if key in amounts:
            x = change(x, amounts[key])
    return x
