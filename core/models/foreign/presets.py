"""What is done to pictures before a network from elsewhere sees them: presets, a line that says it, and variants."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast, get_args

from core.errors import ConfigError
from core.models.foreign.fitting import LIBRARIES, NetworkName
from core.models.preprocessing import MAX_SIDE, PRESETS, Order, Preprocessing, ValueRange
from core.text import shorten

USUAL = "usual"
TITLES: Mapping[str, str] = {
    USUAL: "As the library trains it",
    "imagenet": "ImageNet mean and deviation",
    "half": "-1 to 1",
    "tensorflow-lite": "-1 to 1, as TensorFlow Lite",
    "clip": "CLIP mean and deviation",
    "none": "0 to 1, as it is",
    "caffe": "0 to 255, BGR, means taken off (Caffe)",
}
"""Presets by name, for people."""
_LENGTH = 3


def preset(name: str, network: NetworkName | None, channels: int, side: int) -> Preprocessing:
    """A preset for pictures of so many channels and a network that sees them with `side` pixels (0: its usual, or any).

    Raises:
        ConfigError: no such preset, or one that grey pictures can't have.
    """
    if name not in TITLES:
        raise ConfigError(f"preprocess must begin with one of {', '.join(TITLES)}; got {shorten(name, 40)}")
    usual = LIBRARIES[network.library][0].usual_preprocessing(network.name) if network else PRESETS["imagenet"]
    chosen = usual if name == USUAL else PRESETS[name]
    side = side or (usual.side if network else 0)
    if channels == _LENGTH:
        return replace(chosen, side=side)
    if chosen.channel_order == "bgr":
        raise ConfigError(f"the preset {name} is for colour; this network takes {channels} channel")
    mean, std = (sum(values) / _LENGTH for values in (chosen.mean, chosen.std))
    return replace(chosen, mean=(mean,) * channels, std=(std,) * channels, side=side)


def preprocessing_of(text: str, network: NetworkName | None, channels: int, side: int = 0) -> Preprocessing:
    """What a line says: `imagenet`, `imagenet,side=128`, `mean=0.5:0.5:0.5,std=1:1:1,order=bgr`.

    Args:
        text: parts joined by commas; settings are mean, std, side, values (0..1 or 0..255) and order (rgb or bgr).
        network: whose usual settings count where nothing else is said.
        channels: of the pictures.
        side: pixels that the network must see, where its weights say so; 0 where they do not.

    Raises:
        ConfigError: a part that is none of these, or a value that can't be.
    """
    first, *rest = [part.strip() for part in text.split(",") if part.strip()] or [USUAL]
    name, parts = (USUAL, [first, *rest]) if "=" in first else (first, rest)
    found = preset(name, network, channels, side)
    for part in parts:
        setting, _, value = part.partition("=")
        match setting:
            case "mean":
                found = replace(found, mean=_numbers(value, setting))
            case "std":
                found = replace(found, std=_numbers(value, setting))
            case "side":
                found = replace(found, side=_pixels(value))
            case "values" if value in get_args(ValueRange):
                found = replace(found, values=cast(ValueRange, value))
            case "order" if value in get_args(Order):
                found = replace(found, channel_order=cast(Order, value))
            case _:
                raise ConfigError(
                    "preprocess is a preset and mean=…, std=…, side=…, values=0..1 or 0..255, order=rgb or bgr; got "
                    f"{shorten(part, 40)}"
                )
    if found.channels != channels:
        raise ConfigError(f"the network takes {channels} channels; preprocess names {found.channels}")
    return found


def _numbers(text: str, setting: str) -> tuple[float, ...]:
    return tuple(_number(one, setting) for one in text.split(":"))


def _pixels(text: str) -> int:
    side = _number(text, "side")
    if not 0 <= side <= MAX_SIDE:  # NaN is not, either
        raise ConfigError(f"side must be 0 or at most {MAX_SIDE} pixels; got {shorten(text, 30)}")
    return int(side)


def _number(text: str, setting: str) -> float:
    above, slash, below = text.partition("/")
    try:
        return float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError) as error:
        raise ConfigError(f"{setting} must be numbers joined by colons; got {shorten(text, 30)}") from error


def variants(given: Preprocessing) -> dict[str, Preprocessing]:
    """What a preprocessing is mistaken for most often, by what would be wrong; the first is the one given."""
    plain, ones = (0.0,) * given.channels, (1.0,) * given.channels
    found = {"as given": given}
    if given.channels == _LENGTH:
        other: Order = "rgb" if given.channel_order == "bgr" else "bgr"
        found[f"with the colours as {other.upper()}"] = replace(given, channel_order=other)
    found["without normalisation, 0 to 1"] = replace(given, mean=plain, std=ones, values="0..1")
    found["without normalisation, 0 to 255"] = replace(given, mean=plain, std=ones, values="0..255")
    for name in ("imagenet", "half"):
        chosen = preset(name, None, given.channels, given.side)
        found[f"with {TITLES[name]}"] = replace(chosen, channel_order=given.channel_order)
    distinct: dict[str, Preprocessing] = {}
    for words, one in found.items():
        if one not in distinct.values():
            distinct[words] = one
    return distinct
