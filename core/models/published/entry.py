"""What is known of a published network before it is here."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.models.foreign.formats import MOST_FILE_BYTES
from core.models.foreign.tensors import MOST_VALUES

TASK = "imagenet"
"""The key of the task that all of them solve."""
SETTING = "published"
"""The name in a card's settings of what was published about its network."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What somebody else published about a network; nothing of it was measured here.

    Attributes:
        clean: share of ImageNet's validation photographs that it is right on, 0 to 1.
        top5: share with the right class among its first five; None where that was not published.
        robust: share that it is right on under `attack`; None where that was not published.
        attack: with its radius.
        source: where the figures are from.
    """

    clean: float
    top5: float | None = None
    robust: float | None = None
    attack: str = ""
    source: str = ""

    def words(self) -> str:
        """The figures in one line."""
        parts = [f"{self.clean:.1%} clean"]
        parts += [f"{self.top5:.1%} among five"] if self.top5 is not None else []
        parts += [f"{self.robust:.1%} under {self.attack}"] if self.robust is not None else []
        return ", ".join(parts).replace("%", " %")


@dataclass(frozen=True, slots=True)
class PublishedNetwork:
    """A published network of 1,000 classes.

    Attributes:
        name: what it is fetched by, `origin/network.weights`.
        network: its architecture, `library/name`; "" where no library has it.
        address: of its file; of a page that says where it is, where `obstacle` says that it can't be fetched.
        source: who published it.
        licence: of the weights, in words.
        preprocess: see `core.models.foreign.presets.preprocessing_of`.
        sha256: its first hexadecimal digits, 8 to 64, as they were published; "" where none were.
        accuracy: as published; None where the origin states none.
        size: of its file in bytes; 0 where it is not known beforehand.
        parameters: its values; 0 where they are not known beforehand.
        note: what a reader must know besides.
        obstacle: why it is not fetched here, and what to do; "" where it is.
    """

    name: str
    network: str
    address: str
    source: str
    licence: str
    preprocess: str
    sha256: str = ""
    accuracy: Accuracy | None = None
    size: int = 0
    parameters: int = 0
    note: str = ""
    obstacle: str = ""

    @property
    def key(self) -> str:
        """What it is called in the zoo."""
        return key_of(self.name)

    @property
    def hindrance(self) -> str:
        """Why it can't be had here; "" where nothing is known that speaks against it."""
        if self.obstacle:
            return self.obstacle
        if self.parameters > MOST_VALUES:
            return f"It has {self.parameters:,} values; at most {MOST_VALUES:,} are taken."
        if self.size > MOST_FILE_BYTES:
            return f"Its file has {self.size / 1e6:.0f} MB; at most {MOST_FILE_BYTES / 1e6:.0f} MB are taken."
        return ""

    @property
    def import_command(self) -> str:
        """What brings its file, once somebody has downloaded it by hand."""
        architecture = f" --architecture {self.network}" if self.network else ""
        preprocess = f" --preprocess {self.preprocess}" if self.preprocess else ""
        return f"robustscope import FILE{architecture} --classes {TASK}{preprocess}"

    def accuracy_words(self) -> str:
        """The published accuracy in one line, or that none is stated."""
        return self.accuracy.words() if self.accuracy else "no accuracy stated by its origin"

    def facts(self, file_sha256: str) -> dict[str, Any]:
        """What its card keeps of this, as plain values, with the checksum of the file that was fetched."""
        kept = {name: getattr(self, name) for name in ("name", "address", "source", "licence", "note")}
        accuracy = {name: value for name, value in asdict(self.accuracy).items() if value} if self.accuracy else {}
        return kept | {"file_sha256": file_sha256, "checksum_known": bool(self.sha256), "accuracy": accuracy}


@dataclass(frozen=True, slots=True)
class Publication:
    """What a card says of where its network was published."""

    source: str
    licence: str
    address: str
    accuracy: str
    accuracy_source: str


def publication_of(settings: Mapping[str, Any]) -> Publication | None:
    """What the settings of a card, which may come from anywhere, say of its publication; None for other networks."""
    found = settings.get(SETTING)
    if not isinstance(found, Mapping):
        return None
    source, licence, address = (str(found.get(name, "")) for name in ("source", "licence", "address"))
    stated = found.get("accuracy")
    try:
        accuracy = Accuracy(**stated) if stated else None
        words = accuracy.words() if accuracy else "no accuracy stated by its origin"
    except (TypeError, ValueError):
        return None
    return Publication(source, licence, address, words, accuracy.source if accuracy else "")


def key_of(name: str) -> str:
    """What the published network of a name is called in the zoo."""
    return "-".join(re.findall(r"[a-z0-9]+", name.casefold()))
