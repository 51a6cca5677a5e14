"""Files of weights as people have them: of a network of torchvision, in the ways in which they are saved."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save as save_tensors
from torch import nn

from core.torchvision_compat import torchvision

SMALL = "squeezenet1_1"
"""A small network of torchvision: 0.7 million values for few classes."""


def small_network(classes: int = 3, name: str = SMALL) -> nn.Module:
    """Random weights, always the same."""
    network = torchvision.models.get_model(name, num_classes=classes)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                nn.init.kaiming_normal_(parameter, generator=generator)
    return network.eval()


def saved(value: Any) -> bytes:
    """What `torch.save` writes."""
    out = io.BytesIO()
    torch.save(value, out)
    return out.getvalue()


def safetensors_of(network: nn.Module) -> bytes:
    """A network's weights as a safetensors file."""
    return save_tensors({name: value.contiguous() for name, value in network.state_dict().items()})


def onnx_model(
    nodes: list[onnx.NodeProto] | None = None,
    weights: dict[str, np.ndarray] | None = None,
    shape: tuple = ("b", 3, 32, 32),
    kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A graph of ONNX: mean colours times a matrix, for three classes, unless told otherwise."""
    usual = [
        helper.make_node("GlobalAveragePool", ["x"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["y"]),
    ]
    kept = weights if weights is not None else {"w": np.array([[4, 0, 0], [0, 4, 0], [0, 0, 4]], np.float32)}
    graph = helper.make_graph(
        usual if nodes is None else nodes,
        "graph",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", "k"])],
        [numpy_helper.from_array(value, name) for name, value in kept.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def written(folder: Path, name: str, data: bytes) -> Path:
    """A file with these bytes."""
    path = folder / name
    path.write_bytes(data)
    return path
