"""Files of ours that anyone may have changed: cards, arrays, reports, calibrations, tasks; their checksums fit."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.anomaly.calibrate import fit_calibration
from core.anomaly.calibration import Calibration, calibration_in
from core.checksums import with_checksum
from core.data.tasks.own import own_task, read_task, task_path, write_task
from core.latent import autoencoder
from core.models import zoo
from core.models.architectures.catalogue import architecture_of
from core.models.cards import card_bytes
from core.models.resnet import PreActResNet, ResNetConfig
from core.models.zoo import Card, ZooModel
from core.npz import arrays_of, npz_bytes
from core.reports.form.report import Report, read_report
from tests.helpers.fuzz.scratch import folder, scratch
from tests.helpers.fuzz.target import Target
from tests.helpers.pictures import columns

_BUILT = 200_000  # parameters up to which a card's network is built, too
_NORMALISED = (0.5,), (0.25,)


def read_card(data: bytes) -> None:
    """A model card, and the network that it describes if that is small."""
    card = zoo.read_card(scratch("model.json", with_checksum(data)))
    if 0 < card.network.parameters < _BUILT and not card.weights_from:
        with torch.device("meta"):
            architecture_of(card.network).build(card.network, zoo.task_named(card.task).shape)


def read_generator_card(data: bytes) -> None:
    """A generator's card."""
    autoencoder.read_card(scratch("generator.json", with_checksum(data)))


def read_arrays(data: bytes) -> None:
    """An NPZ file."""
    found = arrays_of(data, "a.npz", 1_000_000)
    assert not any(array.dtype.hasobject for array in found.values())


def read_array(data: bytes) -> None:
    """One array of an NPZ file whose archive is in order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.npy", data)
    read_arrays(out.getvalue())


def read_any_report(data: bytes) -> None:
    """A report, and what an export makes of it."""
    report = read_report(scratch("report.json", with_checksum(data)))
    assert isinstance(report.rows, tuple) and all(isinstance(row, dict) for row in report.rows)
    assert isinstance(report.task, str) and isinstance(report.report, str)
    assert isinstance(report.settings, dict) and isinstance(report.provenance, dict)
    report.to_json()


def read_own_task(data: bytes) -> None:
    """A task of somebody's own."""
    task = read_task(scratch("pets.json", with_checksum(data)))
    assert len({*task.class_names}) == task.classes and task.key == "pets"


def read_changed_calibration(data: bytes) -> None:
    """A calibration with one of its arrays changed, or other settings."""
    arrays = dict(_calibration().arrays())
    names = sorted(arrays)
    head, rest = data[:2].ljust(2, b"\0"), data[2:]
    name = names[head[0] % len(names)]
    arrays |= {name: _CHANGES[head[1] % len(_CHANGES)](arrays[name], rest)}
    if rest.startswith(b"{"):
        arrays = _calibration().arrays() | {"settings": np.array(rest.decode(errors="replace"))}
    screen = calibration_in(_network(), npz_bytes(arrays), "a.npz")
    signals = screen.measure(_network(), columns(2, 3).images())
    p_values = screen.p_values(screen.scores(signals))
    assert all(((values > 0) & (values <= 1)).all() for values in p_values.values())


_CHANGES: tuple[Callable[[np.ndarray, bytes], np.ndarray], ...] = (
    lambda array, rest: array[:0] if array.ndim else array[None],
    lambda array, rest: array.reshape(-1),
    lambda array, rest: array[None],
    lambda array, rest: array.astype(np.float32) if array.dtype.kind in "fiub" else array,
    lambda array, rest: array.astype(np.complex128) if array.dtype.kind in "fiub" else array,
    lambda array, rest: -array if array.dtype.kind in "fi" else array,
    lambda array, rest: array * 1e300 if array.dtype.kind == "f" else array,
    lambda array, rest: np.frombuffer(rest[: len(rest) // 8 * 8], "<f8"),
    lambda array, rest: np.frombuffer(rest, np.int8),
)


@cache
def _network() -> ZooModel:
    """A tiny network for grey pictures."""
    config = ResNetConfig(10, *_NORMALISED, (4,), (1,))
    network = PreActResNet(config, torch.Generator().manual_seed(0)).eval()
    return zoo.assemble(_card(config), network.state_dict())


@cache
def _calibration() -> Calibration:
    return fit_calibration(_network(), columns(24, 1), columns(40, 2))


def _card(config: Any, **fields: Any) -> Card:
    return Card("fashion-mnist", "standard", config, "untrained", {}, 0, "none", {}, "0" * 64, 9, **fields)


def _cards() -> Iterator[bytes]:
    """One of each architecture, as the shipped ones are and with all that a card may hold."""
    config = ResNetConfig(10, *_NORMALISED, (4,), (1,))
    row = {"clean": 0.9, "clean_n": 300, "note": None}
    for card in (_card(config), _card(config, figures=(row,), measured={"a": [1, {"b": True}]}, note="A note.")):
        yield card_bytes(card)
    prepared = {"mean": [0.5], "std": [0.25], "side": 32, "values": "0..1", "channel_order": "rgb"}
    known = json.loads(card_bytes(_card(config)))
    for network in (
        {"architecture": "timm", "name": "resnet18", "classes": 10, "preprocessing": prepared},
        {"architecture": "torchvision", "name": "squeezenet1_1", "classes": 10, "preprocessing": prepared},
        {"architecture": "factory", "name": "nets.py:make", "classes": 10, "preprocessing": prepared},
        {"architecture": "resnet18", "classes": 10},
        {"architecture": "onnx", "classes": 10, "preprocessing": prepared, "size": 9, "values": 3},
    ):
        yield json.dumps(known | {"network": network}).encode()


def _generator_cards() -> Iterator[bytes]:
    config = autoencoder.AutoencoderConfig(10, (1, 28, 28), 8, (8, 8, 4))
    yield card_bytes(autoencoder.AutoencoderCard("fashion-mnist", config, "untrained", {}, 0, "none", {}))


def _archives() -> Iterator[bytes]:
    yield npz_bytes({"a": np.arange(6.0).reshape(2, 3), "b": np.array("text"), "c": np.zeros((0, 2), np.int8)})
    out = io.BytesIO()
    np.savez(out, a=np.asfortranarray(np.eye(3)), b=np.array([True]))
    yield out.getvalue()


def _arrays() -> Iterator[bytes]:
    for array in (np.arange(6.0).reshape(2, 3), np.array("text"), np.zeros(2, [("x", "<i4"), ("y", "S3")])):
        out = io.BytesIO()
        np.save(out, array)
        yield out.getvalue()


def _reports() -> Iterator[bytes]:
    rows = ({"model": "standard", "auroc": 0.9, "auroc_low": 0.8, "flags": "a,b"}, {"model": "x", "auroc": None})
    yield json.dumps(
        asdict(Report("cifar10", "anomaly", {"steps": 5}, {"made": {"a": {"seconds": 1.5}}}, rows))
    ).encode()


def _tasks() -> Iterator[bytes]:
    write_task(own_task("pets", "Pets", ["cat", "dog"], 3, 64), folder())
    yield Path(task_path(folder(), "pets")).read_bytes()
    yield b'{"key": "pets", "title": "Pets", "classes": ["cat", "dog"], "shape": [3, 64, 64]}'


def _changed_calibrations() -> Iterator[bytes]:
    yield str(_calibration().arrays()["settings"]).join(("01", "")).encode()
    for place in range(0, len(_calibration().arrays()), 3):
        yield bytes([place, place % len(_CHANGES)]) + np.arange(5.0).tobytes()


TARGETS = (
    Target("card", "Model cards", _cards, read_card),
    Target("generator", "Cards of generators", _generator_cards, read_generator_card),
    Target("npz", "NPZ files", _archives, read_arrays),
    Target("array", "Arrays in NPZ files", _arrays, read_array),
    Target("report", "Reports", _reports, read_any_report),
    Target("task", "Tasks of one's own", _tasks, read_own_task),
    Target("calibration", "Calibrations", _changed_calibrations, read_changed_calibration),
)
