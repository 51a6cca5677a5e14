"""What whoever runs this has set in `robustscope.toml`: which code is trusted, and what visitors may have fetched."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.data.tasks.own import user_folder
from core.errors import ConfigError, InputError
from core.files import read_limited
from core.text import shorten

MAX_BYTES = 100_000


def config_file() -> Path:
    """Where it is: `ROBUSTSCOPE_CONFIG`, or `robustscope.toml` in the user's folder."""
    configured = os.environ.get("ROBUSTSCOPE_CONFIG")
    return Path(configured).expanduser() if configured else user_folder() / "robustscope.toml"


def configured(section: str) -> Mapping[str, Any]:
    """The settings of a section; none where there is no such file.

    Raises:
        ConfigError: the file can't be read as such.
    """
    path = config_file()
    if not path.exists():
        return {}
    try:
        found = tomllib.loads(read_limited(path, MAX_BYTES).decode()).get(section, {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, InputError) as error:
        raise ConfigError(f"{path.name} can't be read ({shorten(error, 80)})") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path.name}: {section} must be a section")
    return found


def visitors_may_fetch() -> bool:
    """Whether a visitor's press of a button makes this server fetch published networks: `fetch` under `[visitors]`.

    Raises:
        ConfigError: it is neither true nor false.
    """
    found = configured("visitors").get("fetch", False)
    if not isinstance(found, bool):
        raise ConfigError(f"{config_file().name}: fetch must be true or false")
    return found
