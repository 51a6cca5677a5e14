"""Files that nobody should take for weights: broken, mistaken or made to harm; and what is said of each."""

import argparse
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from safetensors.torch import save as save_tensors

from tests.helpers.foreign import onnx_model, safetensors_of, saved, small_network

Make = Callable[[Path], bytes]
"""The bytes of a file; what must not happen would write the file that it is given."""


class Harmful:
    """Unpickled, it writes a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.canary}",)


class Evaluated(Harmful):
    """The same by Python's own means."""

    def __reduce__(self) -> tuple:
        return eval, (f"open({str(self.canary)!r}, 'w').close()",)


def header(entries: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with this header."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(kind: str, shape: list[int], begin: int, end: int) -> dict:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def zipped(parts: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def with_state(**changes: Any) -> dict:
    return {**small_network().state_dict(), **changes}


def scripted() -> bytes:
    out = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), out)
    return out.getvalue()


def lying_zip() -> bytes:
    """A file of PyTorch whose directory says that a part is larger than the file."""
    data = bytearray(saved({"a": torch.zeros(4), "b": torch.zeros(4)}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (3_000_000_000).to_bytes(4, "little")
    return bytes(data)


def nested(depth: int) -> dict:
    found: dict = {"a": torch.zeros(2), "b": torch.zeros(2)}
    for _ in range(depth):
        found = {"deeper": found}
    return found


def onnx_bytes(*args: Any, **kwargs: Any) -> bytes:
    return onnx_model(*args, **kwargs).SerializeToString()


def changed(change: Callable[[onnx.ModelProto], object]) -> bytes:
    model = onnx_model()
    change(model)
    return model.SerializeToString()


def external(tensor: TensorProto) -> None:
    """Let a tensor's values lie in a file of the machine's."""
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")


def external_constant(model: onnx.ModelProto) -> None:
    tensor = TensorProto(name="hidden", data_type=TensorProto.FLOAT, dims=[3, 3])
    external(tensor)
    model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=tensor))


def custom(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("RunShell", ["y"], ["z"], domain="com.evil"))
    model.opset_import.append(helper.make_opsetid("com.evil", 1))


def functions(model: onnx.ModelProto) -> None:
    body = [helper.make_node("Identity", ["a"], ["b"])]
    model.functions.append(
        helper.make_function("own.domain", "Twice", ["a"], ["b"], body, [helper.make_opsetid("", 18)])
    )


def huge_constant() -> bytes:
    """A graph that asks for 4 TiB when it runs."""
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["big"]),
        helper.make_node("ReduceMax", ["big"], ["most"], keepdims=0),
        helper.make_node("GlobalAveragePool", ["x"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Add", ["f", "most"], ["y"]),
    ]
    return onnx_bytes(nodes, {"size": np.array([2**20, 2**20], np.int64)})


def cyclic() -> bytes:
    nodes = [
        helper.make_node("Add", ["x", "b"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Flatten", ["b"], ["y"]),
    ]
    return onnx_bytes(nodes, {})


def looping() -> bytes:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["going"])],
        "body",
        [helper.make_tensor_value_info(n, k, []) for n, k in (("i", TensorProto.INT64), ("go", TensorProto.BOOL))],
        [helper.make_tensor_value_info("going", TensorProto.BOOL, [])],
    )
    nodes = [helper.make_node("Loop", ["n", "yes"], [], body=body), helper.make_node("Flatten", ["x"], ["y"])]
    return onnx_bytes(nodes, {"n": np.array(2**62), "yes": np.array(True)})


def as_large_as_the_pixels_say(name: str) -> bytes:
    """A graph whose tensor is small on grey, and of terabytes on one white pixel."""
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        helper.make_node("Pow", ["most", "power"], ["steep"]),
        helper.make_node("Mul", ["steep", "many"], ["scaled"]),
        helper.make_node("Cast", ["scaled"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["whole", "row"], ["size"]),
    ]
    nodes += {
        "ConstantOfShape": [helper.make_node("ConstantOfShape", ["size"], ["big"])],
        "Expand": [helper.make_node("Expand", ["power", "size"], ["big"])],
        "Range": [helper.make_node("Range", ["zero", "whole", "one"], ["big"])],
        "Tile": [helper.make_node("Tile", ["row", "size"], ["big"])],
    }[name]
    nodes += [
        helper.make_node("Size", ["big"], ["n"]),
        helper.make_node("Cast", ["n"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["x"], ["p"]),
        helper.make_node("Flatten", ["p"], ["flat"]),
        helper.make_node("Add", ["flat", "f"], ["y"]),
    ]
    weights = {"power": np.array(40.0, np.float32), "many": np.array(1e12, np.float32), "row": np.array([1], np.int64)}
    return onnx_bytes(nodes, weights | {"zero": np.array(0, np.int64), "one": np.array(1, np.int64)})


def two_inputs(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("x2", TensorProto.FLOAT, [1, 3]))
    model.graph.node[-1].input[0] = "x2"


def whole_numbers() -> bytes:
    nodes = [helper.make_node("Cast", ["x"], ["c"], to=1), helper.make_node("Flatten", ["c"], ["y"])]
    return onnx_bytes(nodes, {}, kind=TensorProto.UINT8)


def answering_nan() -> bytes:
    return onnx_bytes(weights={"w": np.full((3, 3), np.nan, np.float32)})


FILES: dict[str, tuple[Make, str]] = {
    "empty": (lambda canary: b"", "the file is empty"),
    "random bytes": (lambda canary: bytes(range(1, 200)), "no .safetensors, .pt or .pth, nor ONNX"),
    "HDF5": (lambda canary: b"\x89HDF\r\n\x1a\n" + bytes(50), "a Keras or HDF5 file"),
    "GGUF": (lambda canary: b"GGUF" + bytes(50), "a GGUF file of a language model"),
    "gzip": (lambda canary: b"\x1f\x8b" + bytes(50), "a gzip archive"),
    "web page": (lambda canary: b"<!DOCTYPE html><html>Sign in</html>", "a web page"),
    "pointer of Git LFS": (lambda canary: b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
    "picture": (lambda canary: b"\x89PNG\r\n\x1a\n" + bytes(50), "a picture, and no network"),
    "TensorFlow Lite": (lambda canary: b"\x1c\0\0\0TFL3" + bytes(50), "a TensorFlow Lite file"),
    "tar": (lambda canary: bytes(257) + b"ustar" + bytes(250), "a very old PyTorch"),
    "safetensors cut": (lambda canary: safetensors_of(small_network())[:-900], "safetensors file is damaged"),
    "header cut": (lambda canary: safetensors_of(small_network())[:300], "ends within its header"),
    "header of a terabyte": (lambda canary: header({}, length=2**40), "header has 1,099,511,627,776 bytes"),
    "header of nonsense": (lambda canary: header(b"{" + b"[" * 50_000), "header of the safetensors file is damaged"),
    "values beyond the end": (
        lambda canary: header({"a": entry("F32", [2**30], 0, 2**32)}, bytes(8)),
        "safetensors file is damaged",
    ),
    "values that overlap": (
        lambda canary: header({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, bytes(12)),
        "safetensors file is damaged",
    ),
    "shape of 2^80": (
        lambda canary: header({"a": entry("F32", [2**40, 2**40], 0, 8)}, bytes(8)),
        "safetensors file is damaged",
    ),
    "float8": (lambda canary: header({"a": entry("F8_E4M3", [8], 0, 8)}, bytes(8)), "a is of the type f8_e4m3"),
    "int8": (lambda canary: save_tensors({"a": torch.zeros(8, dtype=torch.int8)}), "a is of the type i8"),
    "float8 pt": (lambda canary: saved(with_state(q=torch.zeros(8).to(torch.float8_e5m2))), "type float8_e5m2"),
    "int8 pt": (lambda canary: saved(with_state(q=torch.zeros(8, dtype=torch.int8))), "q is of the type int8"),
    "complex": (lambda canary: saved(with_state(q=torch.zeros(8, dtype=torch.cfloat))), "q is of the type complex64"),
    "quantised": (
        lambda canary: saved(with_state(q=torch.quantize_per_tensor(torch.rand(8), 0.1, 0, torch.qint8))),
        "q is of the type qint8",
    ),
    "sparse": (lambda canary: saved(with_state(q=torch.eye(4).to_sparse())), "q is no plain tensor"),
    "NaN": (lambda canary: saved(with_state(q=torch.tensor([1.0, float("nan")]))), "q holds values .* not finite"),
    "infinity in float16": (
        lambda canary: save_tensors({"a": torch.full((2,), float("inf"), dtype=torch.float16)}),
        "a holds values that are not finite",
    ),
    "32 GiB by strides": (
        lambda canary: saved(with_state(q=torch.as_strided(torch.zeros(4), (2**33,), (0,)))),
        "claims 8,589,934,592 values where the file holds 4",
    ),
    "20,001 tensors": (
        lambda canary: save_tensors({f"t{n}": torch.zeros(1) for n in range(20_001)}),
        "20,001 tensors; at most 20,000",
    ),
    "a long name": (lambda canary: saved(with_state(**{"q" * 5000: torch.zeros(1)})), "a name of 5,000 characters"),
    "pt cut": (lambda canary: saved(small_network().state_dict())[:-700], "damaged, or only a part of it is here"),
    "code by os.system": (lambda canary: saved({"a": Harmful(canary)}), r"would run code .* \((posix|os).system"),
    "code by eval": (lambda canary: saved({"a": Evaluated(canary)}), "would run code to be read .*eval"),
    "bare pickle with code": (
        lambda canary: pickle.dumps({"a": Harmful(canary)}, 2),
        r"would run code .*\((posix|os).system",
    ),
    "old pickle with code": (
        lambda canary: legacy({"a": Harmful(canary)}),
        r"would run code to be read \((posix|os).system",
    ),
    "whole network": (lambda canary: saved(small_network()), "a whole network as an object .*SqueezeNet"),
    "NumPy inside": (lambda canary: saved(with_state(best=np.float64(0.5))), "beside tensors the file holds numpy"),
    "arguments inside": (
        lambda canary: saved(with_state(args=argparse.Namespace(lr=1))),
        "beside tensors the file holds argparse.Namespace",
    ),
    "TorchScript": (lambda canary: scripted(), "a TorchScript program"),
    "exported program": (
        lambda canary: zipped({"net/archive_format": b"pt2", "net/models/model.json": b"{}"}),
        "an exported program",
    ),
    "ZIP of something else": (lambda canary: zipped({"a/readme.txt": b"hello"}), "was not written by PyTorch"),
    "ZIP of ours": (
        lambda canary: zipped({"a.safetensors": b"", "a.json": b"{}"}),
        "the page Train loads those",
    ),
    "ZIP bomb": (
        lambda canary: zipped({"a/data.pkl": bytes(100), "a/data/0": bytes(500_000_000)}, zipfile.ZIP_DEFLATED),
        "unpacks to more than 400 MB",
    ),
    "small ZIP bomb": (
        lambda canary: zipped({"a/data.pkl": bytes(100), "a/data/0": bytes(90_000_000)}, zipfile.ZIP_DEFLATED),
        "the file was compressed",
    ),
    "ZIP that lies": (lambda canary: lying_zip(), "unpacks to more than 400 MB"),
    "30,000 parts": (
        lambda canary: zipped({"a/data.pkl": b"", **{f"a/data/{n}": b"" for n in range(30_000)}}),
        "30,001 parts; at most 20,000",
    ),
    "a tensor without a name": (lambda canary: saved(torch.zeros(3)), "a single tensor without a name"),
    "a list of tensors": (lambda canary: saved([torch.zeros(3)]), "no weights by name"),
    "no tensor": (lambda canary: saved({"epoch": 3}), "no weights by name"),
    "deep": (lambda canary: saved(nested(60)), "no weights by name"),
    "ONNX cut": (lambda canary: onnx_bytes()[:-9], "the ONNX file is damaged"),
    "ONNX without a graph": (lambda canary: onnx.ModelProto(ir_version=10).SerializeToString(), "its graph is empty"),
    "ONNX that is cyclic": (lambda canary: cyclic(), "it goes round in a circle"),
    "ONNX of a value from nowhere": (
        lambda canary: onnx_bytes([helper.make_node("Flatten", ["nowhere"], ["y"])], {}),
        "nothing makes it",
    ),
    "ONNX with a path": (
        lambda canary: changed(lambda model: external(model.graph.initializer[0])),
        "keeps weights in another file .w.",
    ),
    "ONNX with a path in a constant": (lambda canary: changed(external_constant), "another file .hidden."),
    "ONNX of an operator from elsewhere": (lambda canary: changed(custom), "needs com.evil.RunShell"),
    "ONNX with functions": (lambda canary: changed(functions), "needs own.domain.Twice"),
    "ONNX that loops": (lambda canary: looping(), "uses Loop, whose work has no bound"),
    "ONNX that draws": (
        lambda canary: onnx_bytes([helper.make_node("RandomNormal", [], ["y"], shape=[1, 3])], {}),
        "uses RandomNormal",
    ),
    "ONNX of 4 TiB": (lambda canary: huge_constant(), "more memory to read|can't run the network"),
    **{
        f"ONNX as large as the pixels say, by {name}": (
            lambda canary, name=name: as_large_as_the_pixels_say(name),
            rf"a tensor as large as the pixels say \({name}\)",
        )
        for name in ("ConstantOfShape", "Expand", "Range", "Tile")
    },
    "ONNX with two inputs": (lambda canary: changed(two_inputs), "takes one input of pictures"),
    "ONNX of whole numbers": (lambda canary: whole_numbers(), "pictures are float32"),
    "ONNX with channels last": (
        lambda canary: onnx_bytes([helper.make_node("Flatten", ["x"], ["y"])], {}, shape=(1, 32, 32, 3)),
        "channels last",
    ),
    "ONNX of large pictures": (
        lambda canary: onnx_bytes([helper.make_node("Flatten", ["x"], ["y"])], {}, shape=(1, 3, 9000, 9000)),
        "8 to 1024 pixels a side",
    ),
    "ONNX of seven pictures": (
        lambda canary: onnx_bytes(shape=(7, 3, 32, 32)),
        "7 pictures at once",
    ),
    "ONNX that answers a map": (
        lambda canary: onnx_bytes([helper.make_node("Relu", ["x"], ["y"])], {}),
        r"gives float32 \(1, 3, 32, 32\)|can't run the network",
    ),
    "ONNX that answers NaN": (lambda canary: answering_nan(), "answers grey with values that are not finite"),
}  # fmt: skip
"""By name, how a file is made and a part of what is said of it."""


def legacy(value: Any) -> bytes:
    """What `torch.save` wrote before it wrote ZIPs."""
    out = io.BytesIO()
    torch.save(value, out, _use_new_zipfile_serialization=False)
    return out.getvalue()
