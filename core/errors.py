"""Errors raised on purpose; their message is one sentence that a user can act on."""


class CoreError(Exception):
    """Base of every error the engine raises on purpose: safe to show to a user as it is."""


class ConfigError(CoreError):
    """A setting is impossible; the message names it, the value got and what is allowed."""


class InputError(CoreError):
    """A file, an image or a tensor from outside is not usable; the message says why."""


class DataMissingError(CoreError):
    """A data set is not on this machine; the message says where to put it."""
