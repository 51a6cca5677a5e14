"""How any network is asked at the engine's edge: gradients on, pixels and answers finite, classes that it has."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar, cast

import torch
from torch import Tensor, nn

from core.devices import images_a_pass
from core.errors import ConfigError, InputError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def differentiating(run: Callable[P, R]) -> Callable[P, R]:
    """The same call, which has its gradients also where the caller switched them off.

    Under `torch.no_grad` and `torch.inference_mode` it works as it does outside, on copies of tensors that were made in
    inference mode and that autograd may not touch.
    """

    @wraps(run)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with torch.inference_mode(False), torch.enable_grad():
            plain = tuple(usable(value) for value in args)
            named = {name: usable(value) for name, value in kwargs.items()}
            return run(*plain, **named)  # type: ignore[arg-type]

    return call


def usable(value: T) -> T:
    """What autograd may touch: a copy of a tensor made in inference mode, anything else as it is."""
    return cast(T, value.clone()) if isinstance(value, Tensor) and value.is_inference() else value


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch inside, as many as before afterwards: what is summed then does not hang on their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


USUAL_PIXELS = 64 * 64
"""Up to so many of an image, passes hold as many images as they were measured to be quickest with."""


def at_once(x: Tensor, most: int) -> int:
    """How many images like `x` (B, C, H, W) go into one pass: `most`, or as few large ones as take as much memory.

    Fewer where the memory of the device was full, see `core.devices.within_memory`.
    """
    return images_a_pass(max(1, min(most, most * USUAL_PIXELS // x.shape[2:].numel())))


def check_pixels(x: Tensor) -> None:
    """Refuse images that are no numbers.

    Raises:
        InputError: a type without fractions, or NaN or infinity among the pixels.
    """
    if not x.is_floating_point():
        raise InputError(f"images must be of a floating-point type; got {x.dtype}")
    if not bool(x.isfinite().all()):
        raise InputError("pixels must be finite; some are NaN or infinite")


def check_classes(classes: Tensor, count: int) -> None:
    """Refuse classes (any shape, int64) that a network of `count` classes does not have.

    Raises:
        ConfigError: there is one.
    """
    wrong = (classes < 0) | (classes >= count)
    if bool(wrong.any()):
        raise ConfigError(f"the network knows classes 0 to {count - 1}; got {int(classes[wrong][0])}")


def check_answers(logits: Tensor) -> Tensor:
    """Logits as they are, if they are numbers.

    Raises:
        InputError: NaN or infinity among them.
    """
    if not bool(logits.detach().isfinite().all()):
        raise InputError("the network answers with values that are not finite")
    return logits


def check_slopes(grad: Tensor) -> None:
    """Refuse a gradient (B, ...) that is not finite, for what is made of NaN would pass for a step.

    Raises:
        InputError: it is not.
    """
    if not bool(grad.isfinite().all()):
        raise InputError("the network has no gradient here: it is not finite")


class CheckedNetwork(nn.Module):
    """A network as attacks ask it: images come in the attack's precision and go on in that of the clean images.

    Refuses, at the first answer, labels that it has no class for, and any answer or gradient that is not finite: an
    attack that went on would give the clean image back, as if the network had withstood it.
    """

    def __init__(self, model: nn.Module, x: Tensor, labels: Tensor | None = None) -> None:
        """Check the clean images.

        Args:
            model: images (B, C, H, W) to logits (B, K).
            x: the clean images, in the precision that the network takes.
            labels: the classes that the attack is about, where it is told any.

        Raises:
            InputError: pixels that are no numbers.
        """
        super().__init__()
        check_pixels(x)
        self.model = model
        self.dtype = x.dtype
        self.unchecked = labels

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K), finite."""
        if x.requires_grad:
            x.register_hook(check_slopes)
        logits: Tensor = self.model(x.to(self.dtype))
        if self.unchecked is not None:
            check_classes(self.unchecked, logits.shape[1])
            self.unchecked = None
        return check_answers(logits)
