"""A network that came as an ONNX file: it runs in ONNX Runtime, whole, without gradients or layers to look at."""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import ConfigError, InputError
from core.models.architectures.architecture import Architecture
from core.models.preprocessing import Preprocess, Preprocessing

MOST_BYTES = 400_000_000
NO_GRADIENT = "this network came as an ONNX file, which has no gradients: what needs them can't be had for it"
CHUNK = 16
"""Pictures at once. A file was tried with one and with so many, so a graph is given no other number."""
_LEAST = 1e-12  # probability below which a logarithm stops


@dataclass(frozen=True, slots=True)
class OnnxConfig:
    """The settings of a network that came as an ONNX file.

    Attributes:
        classes: K, at least 1.
        preprocessing: what is done to a picture first; its `side` is the size that the graph takes.
        size: bytes of the graph with its weights.
        parameters: how many numbers its weights are.
        any_batch: whether it takes `CHUNK` pictures at once.
        probabilities: whether it ends in a softmax, whose logarithm then stands in for logits.
        architecture: its name in cards.

    Raises:
        ConfigError: a value out of range.
    """

    classes: int
    preprocessing: Preprocessing
    size: int
    parameters: int
    any_batch: bool
    probabilities: bool
    architecture: Literal["onnx"] = "onnx"

    def __post_init__(self) -> None:
        if self.classes < 1 or not 1 <= self.size <= MOST_BYTES or self.parameters < 0 or not self.preprocessing.side:
            raise ConfigError(
                f"an ONNX network has classes, a side, and 1 to {MOST_BYTES:,} bytes; got {self.classes} classes, "
                f"{self.preprocessing.side} pixels, {self.size} bytes"
            )

    @property
    def channels(self) -> int:
        """C of the images."""
        return self.preprocessing.channels


class OnnxClassifier(nn.Module):
    """Images (B, C, H, W) in [0, 1] to logits (B, K) by ONNX Runtime, on one thread; its graph lies in a buffer."""

    onnx: Tensor

    def __init__(self, config: OnnxConfig) -> None:
        """A network without a graph yet: it comes with the weights."""
        super().__init__()
        self.config = config
        self.preprocess = Preprocess(config.preprocessing)
        self.register_buffer("onnx", torch.zeros(config.size, dtype=torch.uint8))
        self._session: Any = None

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K); whoever asks for their gradient is refused by an `InputError`."""
        answers: Tensor = _Run.apply(self.preprocess(x), self)  # type: ignore[no-untyped-call]
        return answers

    def run(self, x: Tensor) -> Tensor:
        """The answers to what the graph is given (B, C, side, side)."""
        if self._session is None:
            self._session = _session(self.onnx.cpu().numpy().tobytes())
        name, pictures = self._session.get_inputs()[0].name, x.detach().cpu().numpy().astype(np.float32)
        whole = len(pictures) // CHUNK * CHUNK if self.config.any_batch else 0
        groups = [pictures[start : start + CHUNK] for start in range(0, whole, CHUNK)]
        groups += [pictures[start : start + 1] for start in range(whole, len(pictures))]
        out = [self._session.get_outputs()[0].name]
        answers = torch.from_numpy(np.concatenate([self._session.run(out, {name: group})[0] for group in groups])).to(
            x.device
        )
        return answers.clamp_min(_LEAST).log() if self.config.probabilities else answers

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The same network: nothing of it can be changed."""
        return self


class _Run(torch.autograd.Function):
    """The graph as a step that gradients end at, with a sentence."""

    @staticmethod
    def forward(x: Tensor, network: OnnxClassifier) -> Tensor:
        return network.run(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        raise InputError(NO_GRADIENT)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], x: Tensor, network: OnnxClassifier) -> tuple[Tensor, int]:
        pictures = x.movedim(in_dims[0], 0)
        answers = _Run.apply(pictures.flatten(0, 1), network)  # type: ignore[no-untyped-call]
        return answers.unflatten(0, pictures.shape[:2]), 0


def _session(data: bytes) -> Any:
    from core.models.foreign.onnx_graph import session_of

    return session_of(data)


ONNX = Architecture(
    "onnx", "ONNX network",
    "A network from an ONNX file, run whole by ONNX Runtime: it has no gradients.",
    "onnx.ai; ONNX Runtime 1.32", "MIT",
    config=OnnxConfig, build=lambda config, shape: OnnxClassifier(config), gradients=False,
)  # fmt: skip
