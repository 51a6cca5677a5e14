"""Errors raised on purpose; their message is one sentence that a user can act on."""

from collections.abc import Iterable
from typing import TypeVar

Name = TypeVar("Name", bound=str)


class CoreError(Exception):
    """Base of every error the engine raises on purpose: safe to show to a user as it is."""


class ConfigError(CoreError):
    """A setting is impossible; the message names it, the value got and what is allowed."""


class InputError(CoreError):
    """A file, an image or a tensor from outside is not usable; the message says why."""


class DataMissingError(CoreError):
    """A data set is not on this machine; the message says where to put it."""


def choice_of(what: str, known: Iterable[Name], given: str) -> Name:
    """The name given, if it is one of those known.

    Raises:
        ConfigError: any other name; the message begins with `what` is chosen.
    """
    names = list(known)
    for name in names:
        if given == name:
            return name
    raise ConfigError(f"{what} must be one of {', '.join(names)}; got {given!r}")
