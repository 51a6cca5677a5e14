"""Maps side by side: every method asked for, for every network, of one image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.devices import OnFull, warn, within_memory
from core.errors import CoreError, InputError
from core.models.zoo import ZooModel
from core.progress import OnProgress, ShouldStop, StoppedError, never, silent
from core.saliency.catalogue import attribute, method_named, resolve_targets
from core.saliency.method import AttributionRequest, Method
from core.saliency.target import Target


class _Settings(TypedDict):
    of: int | str
    against: int | str | None
    seed: int


@dataclass(frozen=True, slots=True)
class SaliencyMap:
    """One method's map of one network and image.

    Attributes:
        task: the task's key.
        model: the model's key.
        method: the method's key.
        settings: what else decides the map: `of`, `against`, `seed`, and the `precision` of a method that averages.
        x: the image (C, H, W), float32 in [0, 1].
        target: the class explained, or two for a contrast: the one explained and the one against it.
        attributions: (C, H, W), float32; zeros where there is none.
        problem: why there is no map, one sentence; "" where there is one.
        flat: whether all channels of a pixel are the same, so that one of them is the map.
    """

    task: str
    model: str
    method: str
    settings: dict[str, object]
    x: NDArray[np.float32]
    target: tuple[int, ...] = ()
    attributions: NDArray[np.float32] = field(default_factory=lambda: np.zeros((1, 1, 1), np.float32))
    problem: str = ""
    flat: bool = False

    @property
    def heatmap(self) -> NDArray[np.float32]:
        """The map (H, W) that is shown: the sum over channels; one channel where all are the same."""
        heat: NDArray[np.float32] = self.attributions[0] if self.flat else self.attributions.sum(0)
        return heat


def saliency_map(
    model: ZooModel,
    x: Tensor,
    method: str | Method,
    target: Target = Target(),  # noqa: B008 - frozen
    label: int | None = None,
    seed: int = 0,
    on_progress: OnProgress = silent,
    should_stop: ShouldStop = never,
) -> SaliencyMap:
    """The map of `method` for the image `x` (1, C, H, W), on the fast form of the network.

    Args:
        model: the network.
        x: one image of its task, float32 in [0, 1].
        method: a method, or the key of one of this layer's.
        target: what is explained.
        label: the true class where it is known.
        seed: of the methods that draw; the same seed draws the same for every network.
        on_progress: called with passes done, and of how many, by long methods.
        should_stop: asked before each pass of a long method.

    Raises:
        ConfigError: no such method or class, or a method that the network does not allow.
        InputError: not one image of the task, a contrast of a class with itself, or values that are not finite.
        StoppedError: `should_stop` said so.
    """
    classes = _classes(model, x, target, label)
    return _explain(model, x, method_named(method), classes, _settings(target, seed), on_progress, should_stop)


def _classes(model: ZooModel, x: Tensor, target: Target, label: int | None) -> Tensor:
    """What `target` means for this network and image, which is checked first."""
    if tuple(x.shape) != (1, *model.task.shape) or x.dtype != torch.float32:
        raise InputError(f"{model.card.key} takes one float32 image of shape {model.task.shape}; got {tuple(x.shape)}")
    return resolve_targets(model.fast, x, target, None if label is None else torch.tensor([label], device=x.device))


def _explain(
    model: ZooModel,
    x: Tensor,
    method: Method,
    classes: Tensor,
    settings: _Settings,
    on_progress: OnProgress,
    should_stop: ShouldStop,
) -> SaliencyMap:
    generator = torch.Generator().manual_seed(settings["seed"])
    attributions = attribute(method, AttributionRequest(model.fast, x, classes, generator, on_progress, should_stop))
    return SaliencyMap(
        model.card.task,
        model.card.key,
        method.key,
        {**settings, "precision": method.precision},
        x[0].cpu().numpy(),
        tuple(classes.flatten().tolist()),
        attributions[0].contiguous().cpu().numpy(),
        flat=method.flat,
    )


def saliency_grid(  # noqa: PLR0913, PLR0917  # what is explained, and how it is watched
    models: Sequence[ZooModel],
    x: Tensor,
    methods: Sequence[str | Method],
    target: Target = Target(),  # noqa: B008 - frozen
    label: int | None = None,
    seed: int = 0,
    on_progress: OnProgress = silent,
    should_stop: ShouldStop = never,
    on_full: OnFull = warn,
) -> Iterator[SaliencyMap]:
    """The maps one by one, cheap methods first, so that the first are there at once.

    Where a network does not allow a method, its map says why (`problem`), and the others go on. Arguments as for
    `saliency_map`, `on_progress` called with maps done and of how many, and `on_full` as in
    `core.devices.within_memory`.

    Raises:
        StoppedError: `should_stop` said so.
    """
    cheap_first = sorted(map(method_named, methods), key=lambda method: method.cost)
    pairs = [(method, model) for method in cheap_first for model in models]
    settings = _settings(target, seed)
    known: dict[str, Tensor] = {}  # each network is asked once
    for done, (method, model) in enumerate(pairs):
        name = model.card.key
        try:
            if name not in known:
                known[name] = _classes(model, x, target, label)
            classes = known[name]

            def run(
                where: torch.device, model: ZooModel = model, method: Method = method, classes: Tensor = classes
            ) -> SaliencyMap:
                there = (model.on(where), x.to(where), method, classes.to(where))
                return _explain(*there, settings, silent, should_stop)

            found = within_memory(run, model.device, on_full)
        except StoppedError:
            raise
        except CoreError as problem:
            blank = np.zeros(model.task.shape, np.float32)
            found = SaliencyMap(
                model.card.task,
                name,
                method.key,
                {**settings, "precision": method.precision},
                x[0].cpu().numpy(),
                (),
                blank,
                str(problem),
            )
        yield found
        on_progress(done + 1, len(pairs))


def _settings(target: Target, seed: int) -> _Settings:
    return {"of": target.of, "against": target.against, "seed": seed}
