"""What a confounding label sends to the weights, image by image, for a whole batch in one pass."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.modules.batchnorm import _BatchNorm

from core.anomaly.closed_forms import has_closed_form, products, squared_norms
from core.anomaly.confounding import ConfoundingLabel
from core.errors import ConfigError, InputError
from core.models.asking import at_once, check_pixels, differentiating
from core.models.fast import copy_of_modules

CHUNK = 64
_FEW = 8  # images whose whole gradients are held at once where no closed form is known, if they are small
_WHOLE_BYTES = 256_000_000  # that these gradients may take


@dataclass(frozen=True, slots=True)
class Groups:
    """Which parameter tensors count, one group a tensor.

    The papers say "every layer"; whether that means tensors or modules is not known. Taken here: each tensor of two or
    more dimensions (the weights of convolutions and linear layers), and on request the others, whose gradients have
    another scale.

    Attributes:
        batch_norm: the scales and shifts of BatchNorm, too.
        biases: every other tensor of fewer than two dimensions, too.
    """

    batch_norm: bool = False
    biases: bool = False

    def names(self, model: nn.Module) -> tuple[str, ...]:
        """The parameters' names in the network's order, L of them; a shared one goes by its first name.

        Raises:
            ConfigError: the network has none.
        """
        found = []
        for name, parameter in model.named_parameters():
            of_norm = isinstance(model.get_submodule(name.rpartition(".")[0]), _BatchNorm)
            if parameter.dim() >= 2 or (self.batch_norm if of_norm else self.biases):
                found.append(name)
        if not found:
            raise ConfigError("the network has no parameter of the groups asked for")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class WeightGradients:
    """What one pass found; no image's row depends on the others.

    Attributes:
        names: the parameter tensors, L of them.
        squared: squared L2 norm of each image's gradient on each tensor (B, L), the `s_l(x)` of the papers.
        logits: (B, K), of the same pass.
        along: dot products with the directions given (B, L); None without.
    """

    names: tuple[str, ...]
    squared: Tensor
    logits: Tensor
    along: Tensor | None = None

    @property
    def total(self) -> Tensor:
        """The sum over the groups (B,), pytorch-ood's score; on which side anomalies lie is not given by theory."""
        return self.squared.sum(1)


def weight_gradients(
    model: nn.Module,
    x: Tensor,
    probe: ConfoundingLabel,
    groups: Groups | None = None,
    directions: Mapping[str, Tensor] | None = None,
    chunk: int = CHUNK,
) -> WeightGradients:
    """Squared gradient norms of `probe.loss` on each parameter tensor, per image (Lee et al. 2020, arXiv:2008.08030).

    Closed forms (`core.anomaly.closed_forms`) where a layer has one, is called once with one entry for each image, and
    shares no parameter; otherwise `torch.func`, which costs a second pass and holds whole gradients of a few images, of
    256 MB together at most where one alone takes less. A parameter that a network also
    uses outside of its layer's own call can't be seen here. The pass runs in eval mode on a copy of the modules that
    shares the parameters, so `model` is not touched. Give the network as trained (`ZooModel.plain`): the fast form has
    other parameters.

    Exact to rounding. In single precision that may turn a ReLU whose input is zero to rounding, here as one by one:
    beside double precision 2 of 64 test images of CIFAR-10 were off by up to 8e-4 of a norm, the others by about 3e-7.

    Args:
        model: images (B, C, H, W) to logits (B, K); its activations must not work in place where `torch.func` runs.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
        probe: the label and the loss.
        groups: which parameters count; None takes `Groups()`.
        directions: for each parameter's name either one direction (1, ...) or one a class (K, ...), of which an image
            gets that of its prediction; `along` then holds the dot products.
        chunk: images in memory at once; fewer where they are large.

    Raises:
        InputError: no images, or pixels or logits that are not finite.
        ConfigError: no such parameters, directions for other ones, or a network that changes a layer's input in place.
    """
    (found,) = several_weight_gradients(model, x, [probe], groups, directions, chunk)
    return found


@differentiating
def several_weight_gradients(
    model: nn.Module,
    x: Tensor,
    probes: Sequence[ConfoundingLabel],
    groups: Groups | None = None,
    directions: Mapping[str, Tensor] | None = None,
    chunk: int = CHUNK,
) -> tuple[WeightGradients, ...]:
    """For each probe what `weight_gradients` gives, with one pass forward for them all.

    Args:
        model: as there.
        x: as there.
        probes: at least one.
        groups: as there.
        directions: as there, for the first probe alone.
        chunk: as there.

    Raises:
        InputError: no images, or pixels or logits that are not finite.
        ConfigError: no probe, or as there.
    """
    names = (groups or Groups()).names(model)
    if directions is not None and set(directions) != set(names):
        raise ConfigError("directions must be given for exactly the parameters of the groups")
    if not probes:
        raise ConfigError("need at least one label to ask for")
    if len(x) == 0 or chunk < 1:
        raise InputError(f"need at least one image and a chunk of at least 1; got {len(x)} and {chunk}")
    check_pixels(x)
    chunks = [_chunk(model, part, probes, names, directions) for part in x.split(at_once(x, chunk))]
    return tuple(_joined(parts) for parts in zip(*chunks, strict=True))


def _joined(parts: Sequence[WeightGradients]) -> WeightGradients:
    """What was found of several groups of images under one probe, one after the other."""
    along = [part.along for part in parts if part.along is not None]
    squared, logits = (torch.cat([getattr(part, what) for part in parts]) for what in ("squared", "logits"))
    return WeightGradients(parts[0].names, squared, logits, torch.cat(along) if along else None)


@dataclass(slots=True)
class _Watch:
    """What is known of each watched layer during one pass forward, and of one probe's way back."""

    roots: list[Tensor] = field(default_factory=list)  # outputs of the first layers, where the way back ends
    inputs: dict[str, tuple[Tensor, int]] = field(default_factory=dict)  # with the version that was seen
    calls: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    missed: set[str] = field(default_factory=set)
    directions: Mapping[str, Tensor] | None = None
    last: bool = True  # no other probe needs the inputs after this one
    squared: dict[str, Tensor] = field(default_factory=dict)
    along: dict[str, Tensor] = field(default_factory=dict)


def _chunk(
    model: nn.Module,
    x: Tensor,
    probes: Sequence[ConfoundingLabel],
    names: tuple[str, ...],
    directions: Mapping[str, Tensor] | None,
) -> list[WeightGradients]:
    copy = frozen_copy(model)
    watch, layers = _Watch(), _layers(copy, names)
    which = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    for layer, wanted in layers.items():
        _attach(copy.get_submodule(layer), layer, wanted, watch, which)
    with torch.enable_grad():
        logits = copy(x.detach())
        if not bool(logits.isfinite().all()):
            raise InputError("the network's answers to these images are not finite numbers")
    if directions is not None and len(next(iter(directions.values()))) > 1:
        which.copy_(logits.detach().argmax(1))
    missed = {layer for layer in layers if layer in watch.missed or watch.calls[layer] != 1}
    covered = {_join(layer, own) for layer, wanted in layers.items() if layer not in missed for own in wanted}
    rest = tuple(name for name in names if name not in covered)
    zero = torch.zeros(len(x), dtype=logits.dtype, device=x.device)  # a layer that the answer doesn't depend on
    found = []
    for index, probe in enumerate(probes):
        watch.directions, watch.last = directions if index == 0 else None, index == len(probes) - 1
        with torch.enable_grad():
            y = probe.confounding(logits)
            if watch.roots:
                loss = probe.loss(logits, y).sum()
                torch.autograd.grad(loss, watch.roots, allow_unused=True, retain_graph=not watch.last)
        if rest:
            _whole_gradients(model, x, probe, y, rest, which, watch)
        squared = torch.stack([watch.squared.get(name, zero) for name in names], 1)
        along = None
        if watch.directions is not None:
            along = torch.stack([watch.along.get(name, zero) for name in names], 1)
        found.append(WeightGradients(names, squared, logits.detach(), along))
    return found


def frozen_copy(model: nn.Module) -> nn.Module:
    """A copy of the modules in eval mode; parameters share their memory with `model` and need no gradient."""
    memo: dict[int, object] = {id(p): nn.Parameter(p.detach(), requires_grad=False) for p in model.parameters()}
    memo |= {id(buffer): buffer for buffer in model.buffers()}
    return copy_of_modules(model, memo).eval()


def _join(layer: str, own: str) -> str:
    return f"{layer}.{own}" if layer else own


def _layers(model: nn.Module, names: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Layers with a closed form, each with the names of its own parameters that are asked for.

    A layer that shares a parameter with another place is left out.
    """
    places: defaultdict[int, int] = defaultdict(int)
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            places[id(parameter)] += 1
    found = {}
    for layer, module in model.named_modules():
        wanted = {own: p for own, p in module.named_parameters(recurse=False) if _join(layer, own) in names}
        if wanted and has_closed_form(module) and all(places[id(parameter)] == 1 for parameter in wanted.values()):
            found[layer] = frozenset(wanted)
    return found


def _attach(
    module: nn.Module,
    layer: str,
    wanted: frozenset[str],
    watch: _Watch,
    which: Tensor,
) -> None:
    """Let `module`, of a private copy, note its input, and take its numbers when the output's gradient comes back."""

    def arrives(g: Tensor) -> None:
        if layer not in watch.inputs or watch.calls[layer] != 1:
            return
        a, version = watch.inputs.pop(layer) if watch.last else watch.inputs[layer]
        if a._version != version:
            raise ConfigError(f"the network changes the input of its layer {layer!r} in place, so its gradient is lost")
        for own, value in squared_norms(module, a, g, wanted).items():
            watch.squared[_join(layer, own)] = value
        if watch.directions is None:
            return
        for index in which.unique().tolist():
            rows = (which == index).nonzero()[:, 0]
            every = len(rows) == len(a)
            own_directions = {own: watch.directions[_join(layer, own)][index] for own in wanted}
            for own, value in products(module, *((a, g) if every else (a[rows], g[rows])), own_directions).items():
                name = _join(layer, own)
                watch.along.setdefault(name, value.new_zeros(len(a)))[rows] = value

    def called(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        watch.calls[layer] += 1
        if not output.requires_grad:
            watch.roots.append(output.requires_grad_())
            output = output.clone()  # a leaf may not be changed in place, this may
        if len(inputs) == 1 and len(inputs[0]) == len(which):  # windows of attention come as images of their own
            watch.inputs[layer] = (inputs[0].detach(), inputs[0]._version)
            output.register_hook(arrives)
        else:
            watch.missed.add(layer)
        return output

    module.register_forward_hook(called)


def _whole_gradients(
    model: nn.Module,
    x: Tensor,
    probe: ConfoundingLabel,
    y: Tensor,
    rest: tuple[str, ...],
    which: Tensor,
    watch: _Watch,
) -> None:
    """The numbers of the parameters `rest` from whole gradients, a few images at a time."""
    copy, directions = frozen_copy(model), watch.directions
    parameters = dict(copy.named_parameters())
    asked: dict[str, Tensor] = {name: parameters[name] for name in rest}

    def loss(values: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        return probe.loss(functional_call(copy, values, (image[None],), tie_weights=True), label[None])[0]

    def numbers(image: Tensor, label: Tensor, index: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        gradients = grad(loss)(asked, image, label)
        squares = {name: gradient.square().sum() for name, gradient in gradients.items()}
        if directions is None:
            return squares, {}
        return squares, {name: (g * directions[name][index]).sum() for name, g in gradients.items()}

    size = sum(value.numel() * value.element_size() for value in asked.values())
    images = (x.detach(), y, which)
    try:
        squared, along = vmap(numbers, chunk_size=max(1, min(_FEW, _WHOLE_BYTES // size)))(*images)
    except RuntimeError:  # a step that can't be done for several images at once
        singly = [numbers(*one) for one in zip(*images, strict=True)]
        squared, along = (
            {name: torch.stack([part[name] for part in parts]) for name in parts[0]}
            for parts in zip(*singly, strict=True)
        )
    watch.squared.update(squared)
    watch.along.update(along)
