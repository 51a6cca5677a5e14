"""Networks that a Python function of whoever runs this makes: those that `robustscope.toml` names, and no others."""

import importlib.util
from dataclasses import dataclass
from typing import Literal

from torch import nn

from core.errors import ConfigError
from core.models.architectures.library import LibraryConfig, check_name
from core.models.preprocessing import PRESETS, Preprocessing
from core.models.server_settings import config_file, configured
from core.text import shorten


class Factories:
    """The functions that are trusted, each written `file.py:function`, the file beside `robustscope.toml`."""

    title = "robustscope.toml"
    sentence = "What a function of whoever runs this makes; it must be named in robustscope.toml."
    source = "whoever runs this"
    licence = "theirs"

    def names(self) -> list[str]:
        """Those of the list `factories` under `[trusted]`; none where there is no such file.

        Raises:
            ConfigError: the file can't be read as such.
        """
        path, found = config_file(), configured("trusted").get("factories", [])
        if not isinstance(found, list) or not all(isinstance(name, str) and ".py:" in name for name in found):
            raise ConfigError(f"{path.name}: factories must be a list of texts such as 'nets.py:make'")
        return found

    def make(self, name: str, classes: int, channels: int, side: int) -> nn.Module:
        """What the function gives for a number of classes; see `Library`."""
        file, _, function = name.partition(":")
        path = config_file().parent / file
        spec = importlib.util.spec_from_file_location(f"trusted_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise ConfigError(f"{shorten(file, 60)} is no Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        made = getattr(module, function)(classes)
        if not isinstance(made, nn.Module):
            raise ConfigError(f"{shorten(name, 60)} gives no torch.nn.Module")
        return made

    def usual_preprocessing(self, name: str) -> Preprocessing:
        """None: the function's network does it all, or it is said.

        Raises:
            ConfigError: no such function is trusted.
        """
        check_name(name, self)
        return PRESETS["none"]


FACTORIES = Factories()


@dataclass(frozen=True, slots=True)
class FactoryConfig(LibraryConfig):
    """A network of a trusted function; see `LibraryConfig`."""

    library = FACTORIES
    architecture: Literal["factory"] = "factory"
