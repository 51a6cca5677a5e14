"""All published networks by name, and finding one of them."""

from collections.abc import Mapping
from functools import cache

from core.errors import ConfigError
from core.models.published.entry import PublishedNetwork
from core.models.published.robust import robust_networks
from core.models.published.timm_weights import timm_networks
from core.models.published.torchvision_weights import torchvision_networks
from core.text import shorten

_NAMED = 8


@cache
def published_networks() -> Mapping[str, PublishedNetwork]:
    """Every one by its name: robust ones, torchvision's, timm's. The first call imports both libraries."""
    return {one.name: one for one in (*robust_networks(), *torchvision_networks(), *timm_networks())}


def matching(text: str, known: Mapping[str, PublishedNetwork] | None = None) -> list[PublishedNetwork]:
    """Those whose names hold every word of a text, in any case."""
    words = text.casefold().split()
    every = published_networks() if known is None else known
    return [one for name, one in every.items() if all(word in name.casefold() for word in words)]


def published_network(text: str, known: Mapping[str, PublishedNetwork] | None = None) -> PublishedNetwork:
    """The one that a name means: whole, without its origin, or without its weights where it has one kind alone.

    Raises:
        ConfigError: none, or more than one.
    """
    every = published_networks() if known is None else known
    plain = text.strip().casefold()
    ways = (
        lambda one: one.name.casefold() == plain,
        lambda one: one.name.casefold().partition("/")[2] == plain,
        lambda one: plain in (one.name.casefold().partition(".")[0], one.network.partition("/")[2].casefold()),
    )
    for way in ways:
        found = [one for one in every.values() if way(one)]
        if len(found) == 1:
            return found[0]
        if found:
            found.sort(key=lambda one: one.name.startswith("robust/"))
            raise ConfigError(f"{shorten(text, 60)} means several: {_some(found)}")
    near = matching(text, every)
    advice = f"there is {_some(near)}" if near else "robustscope fetch --list lists them"
    raise ConfigError(f"no published network is called {shorten(text, 60)}; {advice}")


def _some(found: list[PublishedNetwork]) -> str:
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return ", ".join(one.name for one in found[:_NAMED]) + more
