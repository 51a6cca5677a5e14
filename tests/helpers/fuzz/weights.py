"""Files of weights: those that a process with limits reads for strangers, and those that lie beside a card."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch
from onnx import helper
from safetensors.torch import save as save_tensors
from safetensors.torch import save_file

from core.models.foreign import onnx_graph, tensors
from core.models.foreign.formats import kind_of
from core.models.foreign.reading import read_foreign
from core.models.weights import check_tensors, read_tensors
from tests.helpers.foreign import onnx_model, saved
from tests.helpers.fuzz.scratch import scratch
from tests.helpers.fuzz.target import Target

_STATE = {
    "features.0.weight": torch.arange(12.0).view(2, 2, 3),
    "features.0.bias": torch.zeros(2),
    "norm.num_batches_tracked": torch.tensor(3),
}
_MORE = {
    "state_dict": {f"module.{name}": value.half() for name, value in _STATE.items()},
    "epoch": 3,
    "args": ["a", 1.5, None, True],
}


def read_weights(data: bytes) -> None:
    """What the process does that reads weights for strangers."""
    path, out = scratch("weights", data), scratch("out.safetensors", b"")
    kind = kind_of(path)
    if kind == "onnx":
        onnx_graph.read_onnx(path)
        return
    found, notes = tensors.read_safetensors(path) if kind == "safetensors" else tensors.read_torch(path)
    save_file(found, out)
    assert all(note.endswith(".") for note in notes)


def read_weights_apart(data: bytes) -> None:
    """What the app does with them."""
    read_foreign(scratch("weights", data), scratch("out.safetensors", b""))


def read_zoo_weights(data: bytes) -> None:
    """Weights whose card says the right checksum, which is anybody's to write."""
    found = read_tensors(scratch("model.safetensors", data), hashlib.sha256(data).hexdigest(), 1_000_000)
    check_tensors("model", found, _STATE)


def mended_header(data: bytes) -> bytes:
    """Safetensors whose header's length is where its last brace stands; other bytes as they are."""
    end = data.rfind(b"}") + 1
    return (end - 8).to_bytes(8, "little") + data[8:] if data[8:9] == b"{" and end > 8 else data


def _torch_files() -> Iterator[bytes]:
    yield from (saved(_STATE), saved(_MORE), saved([_STATE["features.0.bias"]]))
    yield _legacy(_STATE)
    yield Path(__file__).read_bytes()


def _legacy(value: object) -> bytes:
    path = scratch("legacy", b"")
    torch.save(value, path, _use_new_zipfile_serialization=False)
    return path.read_bytes()


def _safetensors() -> Iterator[bytes]:
    yield save_tensors(_STATE)
    yield save_tensors(_MORE["state_dict"], {"format": "pt"})
    yield save_tensors({"a": torch.tensor([True]), "b": torch.zeros(0), "c": torch.zeros(2, dtype=torch.bfloat16)})


def _graphs() -> Iterator[bytes]:
    yield onnx_model().SerializeToString()
    yield onnx_model(shape=(1, 1, 8, 8)).SerializeToString()
    nodes = [
        helper.make_node("Resize", ["x", "", "scales"], ["r"], mode="nearest"),
        helper.make_node("ReduceMean", ["r"], ["m"], keepdims=0),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("Softmax", ["f"], ["y"], axis=1),
    ]
    yield onnx_model(nodes, {"scales": torch.tensor([1.0, 1.0, 0.1, 0.1]).numpy()}).SerializeToString()


TARGETS = (
    Target("torch", "Weights of PyTorch (.pt, .pth)", _torch_files, read_weights, apart=read_weights_apart),
    Target("safetensors", "Weights as safetensors", _safetensors, read_weights, mended_header, read_weights_apart),
    Target("onnx", "ONNX graphs", _graphs, read_weights, apart=read_weights_apart),
    Target("zoo", "Weights beside their card", _safetensors, read_zoo_weights, mended_header),
)
