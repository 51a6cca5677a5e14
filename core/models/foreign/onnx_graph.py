"""ONNX files that anyone may have made, and which are classifiers of pictures; read in a process with limits."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import checker

from core.errors import InputError
from core.models.architectures.onnx_network import CHUNK
from core.text import shorten

MOST_NODES = 20_000
MOST_SIDE = 1024
USUAL_SIDE = 224  # of a network that takes any size
_STANDARD = ("", "ai.onnx")
# loops have no bound; the rest answers differently each time, or makes tensors whose size depends on the pixels
_REFUSED = frozenset(
    {"Loop", "If", "Scan", "SequenceMap", "ImageDecoder", "NonZero", "Unique", "Compress", "RandomNormal", "Bernoulli"}
    | {"RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "StringNormalizer", "RegexFullMatch"}
)
_SIZED = {
    "AffineGrid": (1,), "BlackmanWindow": (0,), "CenterCropPad": (1,), "Col2Im": (1, 2), "ConstantOfShape": (0,),
    "DFT": (1,), "Expand": (1,), "HammingWindow": (0,), "HannWindow": (0,), "MaxUnpool": (2,),
    "MelWeightMatrix": (0, 1, 2), "OneHot": (1,), "Pad": (1,), "Range": (0, 1, 2), "Reshape": (1,),
    "Resize": (1, 2, 3), "STFT": (1, 3), "Slice": (1, 2, 3, 4), "Tile": (1, 2), "TopK": (1,), "Upsample": (1,),
}  # fmt: skip
"""By operator the places of the inputs that decide how large its output is."""
_OF_SHAPES = frozenset({"Shape", "Size"})  # what they give hangs on the number of pixels, not on their values


@dataclass(frozen=True, slots=True)
class OnnxFacts:
    """What a graph says of itself.

    Attributes:
        classes: K.
        channels: C of the pictures that it takes.
        side: their height and width in pixels; `USUAL_SIDE` where it takes any.
        values: how many numbers its weights are.
        any_batch: whether it takes `CHUNK` pictures at once, within the limits, and answers each as alone.
        probabilities: whether it ends in a softmax.
    """

    classes: int
    channels: int
    side: int
    values: int
    any_batch: bool
    probabilities: bool


def read_onnx(path: Path) -> tuple[bytes, OnnxFacts]:
    """The graph of an ONNX file and what it says of itself; it has run once, on grey.

    Raises:
        InputError: it is damaged, refers to other files, or is no classifier of pictures that can be run here.
    """
    data = path.read_bytes()
    try:
        model = onnx.load_model_from_string(data)
    except MemoryError:
        raise
    except Exception as error:  # protobuf raises what it likes
        raise InputError("the ONNX file is damaged, or only a part of it is here") from error
    _check_graph(model)
    session = session_of(data)
    try:
        facts = _facts(model, session)
    except UnicodeDecodeError as error:
        raise InputError("the ONNX file is damaged: a name in it is no text") from error
    try:
        answer = _on_grey(session, facts, 1)
    except Exception as error:  # the runtime's own
        raise _at_run(error) from error
    if answer.ndim != 2 or answer.shape[0] != 1 or answer.dtype != np.float32:
        raise InputError(
            f"the ONNX network gives {answer.dtype} {answer.shape} for one picture; a classifier gives float32 (1, K)"
        )
    if not np.isfinite(answer).all():
        raise InputError("the ONNX network answers grey with values that are not finite")
    return data, replace(
        facts, classes=answer.shape[1], any_batch=facts.any_batch and _several_at_once(session, facts, answer)
    )


def _on_grey(session: onnxruntime.InferenceSession, facts: OnnxFacts, count: int) -> NDArray[Any]:
    """What the graph answers to so many grey pictures."""
    x = np.full((count, facts.channels, facts.side, facts.side), 0.5, np.float32)
    (answer,) = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: x})
    return cast(NDArray[Any], answer)


def _several_at_once(session: onnxruntime.InferenceSession, facts: OnnxFacts, alone: NDArray[Any]) -> bool:
    """Whether it takes `CHUNK` pictures at once within the memory that there is, and answers each as alone."""
    try:
        answer = _on_grey(session, facts, CHUNK)
    except Exception:  # the runtime's own, and of memory: then it is asked one by one
        return False
    return answer.shape == (CHUNK, alone.shape[1]) and np.allclose(answer, alone, rtol=1e-3, atol=1e-4)


def session_of(data: bytes) -> onnxruntime.InferenceSession:
    """A graph ready to run on one thread, from memory alone.

    Raises:
        InputError: the runtime refuses it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own
        raise _at_run(error) from error


def _at_run(error: Exception) -> Exception:
    if isinstance(error, MemoryError) or "bad_alloc" in str(error) or "allocate" in str(error):
        return MemoryError(str(error))
    return InputError(f"ONNX Runtime can't run the network ({shorten(str(error).splitlines()[0], 100)})")


def _check_graph(model: onnx.ModelProto) -> None:
    """Refuse what leads out of the file, has no bound, or is no graph."""
    if not model.graph.node:
        raise InputError("the ONNX file holds no network: its graph is empty")
    if not model.graph.output:
        raise InputError("the ONNX file holds no network: its graph gives nothing")
    nodes = list(_nodes(model.graph))
    if len(nodes) > MOST_NODES:
        raise InputError(f"the ONNX graph has {len(nodes):,} nodes; at most {MOST_NODES:,} are taken")
    for tensor in _weights(model):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise InputError(
                f"the ONNX file keeps weights in another file ({shorten(tensor.name, 40)}), which is not read: export "
                "it in one piece, with `external_data=False`"
            )
    if foreign := [node for node in nodes if node.domain not in _STANDARD] or list(model.functions):
        name = f"{foreign[0].domain}.{getattr(foreign[0], 'op_type', foreign[0].name)}"
        raise InputError(
            f"the ONNX network needs {shorten(name, 60)}, which is not part of ONNX: nothing is loaded for it"
        )
    if refused := sorted({node.op_type for node in nodes} & _REFUSED):
        raise InputError(
            f"the ONNX network uses {refused[0]}, whose work has no bound or is random; that is not run here"
        )
    _check_order(model.graph)
    _check_sizes(model.graph)
    try:
        checker.check_model(model)
    except Exception as error:  # the checker's own
        raise InputError(f"the ONNX graph is damaged ({shorten(str(error).splitlines()[0], 80)})") from error


def _check_order(graph: onnx.GraphProto) -> None:
    """Refuse a graph that uses a value before it is made."""
    made = {""} | {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    made |= {tensor.values.name for tensor in graph.sparse_initializer}
    for node in graph.node:
        if early := [name for name in node.input if name not in made]:
            later = any(early[0] in other.output for other in graph.node)
            why = "it goes round in a circle" if later else "nothing makes it"
            raise InputError(f"the ONNX graph uses {shorten(early[0], 40)} before it is made: {why}")
        if twice := [name for name in node.output if name and name in made]:
            raise InputError(f"the ONNX graph makes {shorten(twice[0], 40)} twice")
        made |= set(node.output)


def _check_sizes(graph: onnx.GraphProto) -> None:
    """Refuse a graph that makes tensors as large as the pixels say: small on grey, they may be huge on a picture."""
    of_pixels = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type in _OF_SHAPES:
            continue
        sizes = {name for place, name in enumerate(node.input) if place in _SIZED.get(node.op_type, ())}
        if sizes & of_pixels:
            raise InputError(
                f"the ONNX network makes a tensor as large as the pixels say ({node.op_type}); that is not run here"
            )
        if of_pixels & {*node.input}:
            of_pixels |= {*node.output}


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """The nodes of a graph and of those within."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _weights(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor that the file holds or refers to."""
    yield from model.graph.initializer
    for sparse in model.graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in _nodes(model.graph):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from inner.initializer


def _facts(model: onnx.ModelProto, session: onnxruntime.InferenceSession) -> OnnxFacts:
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = "; ".join(shorten(one.shape, 40) for one in inputs[:3])
        raise InputError(
            f"a classifier takes one input of pictures (B, C, H, W); this network takes {shapes or 'none'}"
        )
    if inputs[0].type != "tensor(float)":
        raise InputError(f"the ONNX network takes {inputs[0].type}; pictures are float32 here")
    batch, channels, height, width = inputs[0].shape
    if channels not in (1, 3):
        hint = " It seems to take channels last: export it with channels first" if width in (1, 3) else ""
        raise InputError(f"pictures have 1 or 3 channels in the second place; this network takes {channels!r}.{hint}")
    sides = [side if isinstance(side, int) else USUAL_SIDE for side in (height, width)]
    if sides[0] != sides[1] or not 8 <= sides[0] <= MOST_SIDE:
        raise InputError(f"pictures are square with 8 to {MOST_SIDE} pixels a side here; this network takes {sides}")
    if isinstance(batch, int) and batch != 1:
        raise InputError(
            f"the ONNX network takes {batch} pictures at once and no other number: export it for one, or any"
        )
    last = [node.op_type for node in model.graph.node if model.graph.output[0].name in node.output]
    values = sum(int(np.prod(list(tensor.dims) or [1])) for tensor in model.graph.initializer)
    return OnnxFacts(0, int(channels), sides[0], values, not isinstance(batch, int), last == ["Softmax"])
