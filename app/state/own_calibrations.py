"""A visitor's own calibrations: on pictures that they call normal, kept in their folder for a network's weights."""

from contextlib import suppress
from pathlib import Path

from app.state import visitors
from app.state.bounded_store import shared_store
from app.state.presence import owner
from core.anomaly.calibration import Calibration, calibration_bytes, calibration_in, read_calibration
from core.errors import InputError
from core.files import write_atomically
from core.models.zoo import Card, ZooModel

MOST = 24  # of one visitor
BYTES, OWN_BYTES = 500_000_000, 250_000_000  # in memory: of all visitors, and of one


def _path(visitor: str, card: Card) -> Path:
    return visitors.calibrations(visitor) / card.task / f"{card.key}.{card.sha256[:16]}.npz"


def path_of(card: Card) -> Path | None:
    """The file of this visitor's calibration of a network with these weights; None while there is none."""
    visitor = visitors.me()
    path = _path(visitor, card) if visitor else None
    return path if path is not None and path.exists() else None


def read(model: ZooModel, path: Path) -> Calibration:
    """This visitor's calibration in a file of theirs; in memory it is forgotten with them.

    Raises:
        InputError: it is damaged.
    """
    store, key = shared_store("own calibrations", BYTES, OWN_BYTES), (str(path), path.stat().st_mtime_ns)
    found: Calibration | None = store.get(key, owner())
    if found is None:
        found = read_calibration(model, path)
        store.put(key, found, owner())
    return found


def keep(visitor: str, card: Card, screen: Calibration) -> None:
    """Keep a visitor's calibration of a network, in place of the one before.

    Raises:
        InputError: they have too many, or no room.
    """
    path, data = _path(visitor, card), calibration_bytes(screen)
    there = [*visitors.calibrations(visitor).glob("*/*.npz")]
    if path not in there and len(there) >= MOST:
        raise InputError(f"This server keeps at most {MOST} calibrations of yours: remove one first.")
    visitors.check_room(visitor, more=0, size=len(data))
    write_atomically(path, data)


def loaded(models: list[ZooModel], data: bytes, name: str) -> tuple[ZooModel, Calibration]:
    """The calibration in an uploaded file, and which of some networks it is of.

    Raises:
        InputError: damaged, of none of them, or not made of somebody's own pictures.
    """
    refused = InputError("choose a network first")
    for model in models:
        try:
            screen = calibration_in(model, data, name)
        except InputError as error:
            refused = error
            continue
        if screen.own is None:
            raise InputError(f"{name} was not made of somebody's own pictures, so it does not say what is normal")
        return model, screen
    raise refused


def remove(card: Card) -> None:
    """Forget this visitor's calibration of a network."""
    path = path_of(card)
    if path is not None:
        with suppress(OSError):
            path.unlink()
