"""Gradient norms of a batch, image by image: ours against the loop, `vmap(grad)`, and pytorch-ood."""

import copy
import ctypes
import gc
import multiprocessing
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from benchmarks.timing import OURS, differs, interleaved, print_table
from core.anomaly.confounding import ConfoundingLabel
from core.anomaly.gradients import Groups, weight_gradients
from core.anomaly.library import detectors
from core.models.zoo import ZooModel
from core.torchvision_compat import torchvision

Run = Callable[[], Tensor]

LOOP_AIM, VMAP_AIM = 0.50, 1.00
LIBRARY_AIM, MEMORY_AIM = 0.30, 0.25
EVERYTHING = Groups(batch_norm=True, biases=True)
IMAGES = 32
MIB = 1024.0
CLOSE, SHARE_APART = 1e-5, 0.10
EXACT, LIBRARY_CLOSE = 1e-9, 1e-3


def compare(model: ZooModel, x: Tensor, rounds: int) -> list[float]:
    """Check that all give the same norms, then time them: the shipped network, then a ResNet-18 against the library."""
    apart = _apart(model, x)
    work = shipped(model.plain, x)
    seconds = interleaved(work, rounds)
    title = f"Norms of {len(Groups().names(model.plain))} weight tensors, batch {len(x)}, network {model.card.key}"
    ratios = [
        print_table(f"{title}, against {name}", {OURS: seconds[OURS], name: seconds[name]}, aim, apart)
        for name, aim in (("loop", LOOP_AIM), ("vmap", VMAP_AIM))
    ]
    _memory(title, {name: (_shipped_once, (model, x, name)) for name in work})

    net, x = resnet18(), _images()
    work = against_library(net, x)
    gap = _relative(work[OURS](), work["pytorch-ood"]())
    apart = differs(gap > LIBRARY_CLOSE, f"the all-ones scores are {gap:.1g} of their size apart")
    title = f"The all-ones score, ResNet-18 ({sum(p.numel() for p in net.parameters()):,} parameters), batch {IMAGES}"
    ratios.append(print_table(title, interleaved(work, max(1, rounds // 3)), LIBRARY_AIM, apart))
    extra = _memory(title, {name: (_library_once, (name,)) for name in work})
    ratio = extra[OURS] / extra["pytorch-ood"]
    print(f"  ours / pytorch-ood: {ratio:.2f}; aim <= {MEMORY_AIM:.2f}: {'met' if ratio <= MEMORY_AIM else 'MISSED'}")
    return ratios


def _relative(one: Tensor, other: Tensor) -> float:
    """The largest difference, relative to `other`."""
    return float(((one - other).abs() / other.abs()).max())


def _apart(model: ZooModel, x: Tensor) -> list[str]:
    """In double precision all must agree; in single precision but for images with a ReLU that rounding turns."""
    found: list[str] = []
    precise = shipped(copy.deepcopy(model.plain).double(), x.double())
    single = shipped(model.plain, x)
    exact = precise[OURS]()
    print(f"\nSquared gradient norms of {len(x)} images, network {model.card.key}: are they the same?")
    for name, run in precise.items():
        gap = _relative(run(), exact)
        found += differs(gap > EXACT, f"{name} is {gap:.1g} of a norm away in float64")
        apart = ((single[name]() - exact).abs() / exact).amax(1)
        print(
            f"  {name:<12} in float64 within {gap:.1g} of ours; float32 beside float64: "
            f"median {float(apart.median()):.1g}, largest {float(apart.max()):.1g}, "
            f"{int((apart > CLOSE).sum())} images above {CLOSE:g}"
        )
        wrong = float((apart > CLOSE).float().mean()) > SHARE_APART
        found += differs(wrong, f"{name}: more than {SHARE_APART:.0%} of the images are off in float32")
    return found


def shipped(net: nn.Module, x: Tensor) -> dict[str, Run]:
    """Squared norms (B, L) of the weights' gradients, three ways; the peers get the label, so they compute no more."""
    probe, names = ConfoundingLabel(), Groups().names(net)
    label = torch.ones(1, 10)
    fixed = {name: value.detach() for name, value in net.named_parameters()}
    asked = {name: fixed[name] for name in names}

    def loop() -> Tensor:
        rows = []
        for image in x:
            values = {name: value.clone().requires_grad_() for name, value in asked.items()}
            loss = probe.loss(functional_call(net, fixed | values, (image[None],)), label).sum()
            rows.append(torch.stack([g.square().sum() for g in torch.autograd.grad(loss, list(values.values()))]))
        return torch.stack(rows)

    def loss_of_one(values: dict[str, Tensor], image: Tensor) -> Tensor:
        return probe.loss(functional_call(net, fixed | values, (image[None],)), label)[0]

    def at_once() -> Tensor:
        grads = vmap(grad(loss_of_one), (None, 0))(asked, x)
        return torch.stack([g.flatten(1).square().sum(1) for g in grads.values()], 1)

    return {OURS: lambda: weight_gradients(net, x, probe).squared, "loop": loop, "vmap": at_once}


def against_library(net: nn.Module, x: Tensor) -> dict[str, Run]:
    """The all-ones score (B,) over all parameters, in the library's form and with its sign."""
    theirs = detectors().GradUncertainty(net)
    probe = ConfoundingLabel(head="softmax")
    return {OURS: lambda: -weight_gradients(net, x, probe, EVERYTHING).total, "pytorch-ood": lambda: theirs(x)}


def resnet18() -> nn.Module:
    """torchvision's ResNet-18 in the usual form for 32x32 images, fresh weights, no activation in place."""
    with torch.random.fork_rng():
        net = torchvision.models.resnet18(num_classes=10)
        net.conv1, net.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return net.eval().requires_grad_(False)


def _images() -> Tensor:
    return torch.rand(IMAGES, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def _shipped_once(model: ZooModel, x: Tensor, name: str) -> Run:
    return shipped(model.plain, x)[name]


def _library_once(name: str) -> Run:
    return against_library(resnet18(), _images())[name]


def _memory(title: str, makers: Mapping[str, tuple[Callable[..., Run], tuple[object, ...]]]) -> dict[str, float]:
    """Print and return the MiB that each way takes at most on top of what was there, each in a process of its own."""
    print(f"\n{title}: peak memory on top of network and images")
    extra = {}
    for name, (make, arguments) in makers.items():
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            extra[name] = pool.apply(_peak, (make, arguments))
        print(f"  {name:<12} {extra[name]:9.0f} MiB")
    return extra


def _peak(make: Callable[..., Run], arguments: tuple[object, ...]) -> float:
    """The growth of this process's resident memory, at its highest, over one run after a first one (Linux)."""
    torch.set_num_threads(1)
    run = make(*arguments)
    run()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to now
    run()
    return (_resident("VmHWM") - before) / MIB


def _resident(field: str) -> float:
    """A field of this process's status, in KiB."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return float(found[1])
