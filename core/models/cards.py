"""Cards: a frozen dataclass as a JSON file beside its weights, read from anywhere and checked to the last value."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from core.checksums import read_checked, with_checksum
from core.data.tasks import Task, task_named
from core.errors import CoreError, InputError
from core.files import write_atomically
from core.text import shorten

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    C = TypeVar("C", bound=DataclassInstance)
else:
    C = TypeVar("C")

MAX_BYTES = 1_000_000
MAX_TEXT = 10_000
MAX_DIGITS = 18  # so that a whole number fits into 64 bits
CLASS_OF = "class of"
"""In a field's metadata: from the object that stands there to the dataclass it is of; refuses it by a `CoreError`."""
OPTIONAL = "optional"
"""In a field's metadata: left out of the file where it has its default."""
_CHECKSUM = re.compile(r"[0-9a-f]{64}")
_NAMES = {str: "text", int: "a whole number", bool: "true or false", dict: "an object", list: "a list"}


def card_bytes(card: "DataclassInstance") -> bytes:
    """A card as JSON with its checksum; errors as of `card_of`, so that what is written can be read.

    Raises:
        InputError: a value that JSON does not have, such as NaN.
    """
    values = asdict(card)
    for one in fields(card):
        if one.metadata.get(OPTIONAL) and values[one.name] == one.default:
            del values[one.name]
    try:
        text = json.dumps(values, indent=1, sort_keys=True, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise InputError(f"the card could not be written: {error}") from error
    return with_checksum(f"{text}\n".encode())


def write_card(card: "DataclassInstance", path: Path) -> None:
    """Write a card in one move.

    Raises:
        InputError: a value that JSON does not have, or the folder can't be written.
    """
    write_atomically(path, card_bytes(card))


def read_card(path: Path, kind: type[C], what: str, check: Callable[[C], None]) -> C:
    """The card in a JSON file from anywhere; see `card_of`.

    Args:
        path: the file.
        kind: as for `card_of`.
        what: what the file should be, for people.
        check: as for `card_of`.

    Raises:
        InputError: the file is missing, larger than `MAX_BYTES` or without its checksum, or `card_of` refuses what is
            in it.
    """
    return card_of(read_checked(path, MAX_BYTES), kind, f"{shorten(path.name)} is not {what}", check)


def card_of(data: bytes, kind: type[C], complaint: str, check: Callable[[C], None]) -> C:
    """The card in JSON from anywhere.

    A field of several possible dataclasses says in its metadata, under `CLASS_OF`, which one an object is of.

    Types are exact: true is no number, a number no text; a whole number may stand for a real one. Numbers are finite
    and whole ones have at most 18 digits, texts at most `MAX_TEXT` characters. Names may neither miss, unless they have
    a default, nor be unknown, nor come twice.

    Args:
        data: JSON.
        kind: a dataclass of text, numbers, `Literal`s, tuples, mappings of plain values, and dataclasses of these.
        complaint: how an error begins.
        check: refuses by a `CoreError` what types do not.

    Raises:
        InputError: no JSON, a value of the wrong kind, or one that the dataclass or `check` refuses.
    """
    try:
        found = json.loads(
            data, parse_constant=_no_number, parse_int=_whole, parse_float=_real, object_pairs_hook=_once
        )
        _check_texts(found)
        card = _built(kind, found, "the card")
        check(card)
    except (ValueError, CoreError) as error:
        raise InputError(f"{complaint}: {error}") from error
    except RecursionError as error:
        raise InputError(f"{complaint}: it is nested too deeply") from error
    return card


def check_facts(task: str, seed: int, parameters: int, sha256: str, figures: tuple[Mapping[str, Any], ...]) -> Task:
    """The task of a card, whose values of these names can be what they say.

    Raises:
        InputError: an unknown task, a number below 0, a checksum that is none, or rows that are not flat as those of
            reports are.
    """
    known = task_named(shorten(task, 80))
    if min(seed, parameters) < 0:
        raise InputError(f"seed and parameters must be at least 0; got {seed} and {parameters}")
    if not _CHECKSUM.fullmatch(sha256):
        raise InputError(f"sha256 must be 64 hexadecimal digits; got {shorten(sha256, 40)}")
    for row in figures:
        for name, value in row.items():
            if isinstance(value, list | dict):
                raise InputError(f"rows of figures must be flat; {shorten(name, 40)} holds {_NAMES[type(value)]}")
    return known


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number that a card may hold")


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"whole numbers must have at most {MAX_DIGITS} digits; one has {len(text)}")
    return int(text)


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shorten(text, 20)} is too large a number")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice in an object")
    return found


def _check_texts(value: object) -> None:
    """Refuse texts that are long, or that no encoding can show."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise ValueError(f"texts must have at most {MAX_TEXT:,} characters; one has {len(value):,}")
        if any("\ud800" <= sign <= "\udfff" for sign in value):
            raise ValueError("a text holds half a character")
    elif isinstance(value, list):
        for each in value:
            _check_texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            _check_texts(name)
            _check_texts(each)


def _built(kind: type[C], found: object, where: str) -> C:
    """The dataclass with the values of an object."""
    if not isinstance(found, dict):
        raise ValueError(f"{where} must be an object")
    known = {field.name: field for field in fields(kind)}
    needed = {name for name, field in known.items() if field.default is MISSING and field.default_factory is MISSING}
    if unknown := sorted(found.keys() - known.keys()):
        raise ValueError(f"{where} has the unknown field {shorten(unknown[0], 40)}")
    if missing := sorted(needed - found.keys()):
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    hints = get_type_hints(kind)
    values = {}
    for name, value in found.items():
        if class_of := known[name].metadata.get(CLASS_OF):
            _check_kind(dict, value, name)
            values[name] = _built(class_of(value), value, name)
        else:
            values[name] = _value(hints[name], value, name)
    return kind(**values)


def _value(kind: Any, value: Any, where: str) -> Any:
    """A value as a field wants it."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is tuple:
        value = _entries(inside, value, where)
    elif origin is Literal:
        if not isinstance(value, str) or value not in inside:
            raise ValueError(f"{where} must be one of {', '.join(inside)}; got {shorten(value, 40)}")
    elif origin is not None:  # a mapping
        _check_kind(dict, value, where)
        value = {name: _value(inside[1], one, where) for name, one in value.items()}
    elif is_dataclass(kind):
        value = _built(kind, value, where)  # type: ignore[arg-type]
    elif kind is float:
        if type(value) not in (int, float):
            raise ValueError(f"{where} must be a number; got {shorten(value, 40)}")
        value = float(value)
    elif kind is not Any:
        _check_kind(kind, value, where)
    return value


def _entries(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    """The entries of a list, each as a tuple of these kinds wants it; a second kind of ... means any number."""
    _check_kind(list, value, where)
    each = kinds[:1] * len(value) if kinds[1:] == (...,) else kinds
    if len(each) != len(value):
        raise ValueError(f"{where} must have {len(each)} entries; it has {len(value)}")
    return tuple(_value(kind, one, where) for kind, one in zip(each, value, strict=True))


def _check_kind(kind: type, value: object, where: str) -> None:
    if type(value) is not kind:
        raise ValueError(f"{where} must be {_NAMES[kind]}; got {shorten(value, 40)}")
