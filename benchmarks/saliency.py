"""Saliency maps of one image, five methods by three networks: ours on the fast form, Captum on the plain one."""

import copy
import statistics
import time
import warnings
from collections.abc import Callable, Sequence

import torch
from captum.attr import GuidedBackprop, IntegratedGradients, LayerGradCam, NoiseTunnel, Saliency
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate

from benchmarks.subjects import QUICK
from benchmarks.timing import OURS, WHOLE, differs, interleaved, print_table
from core.models.fast import fast_form, private_copy
from core.models.zoo import ZooModel
from core.saliency.catalogue import attribute, method_named
from core.saliency.grid import saliency_grid
from core.saliency.method import STEPS, AttributionRequest, Method
from core.saliency.scaling import min_max
from core.saliency.target import Target
from core.torchvision_compat import torchvision  # noqa: F401 - the peers import torchvision, which needs this first

# isort: split
from pytorch_grad_cam import GradCAM as PytorchGradCam
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torchcam.methods import GradCAM as TorchCam

METHODS = ("gradient", "integrated-gradients", "smooth-grad", "grad-cam", "guided-backprop")
AIMS = {"smooth-grad": 0.55, "integrated-gradients": 0.55, "grad-cam": 1.0, "grid": 1 / 1.8}
LIMITS = (0.5, 1.5)
TUNED = 64
"""The batch inside Captum's methods that is as quick as any here; left alone, they take all at once."""
EXACT, SCALED = 1e-9, 1e-3
"""Of the largest entry of a map in float64, where no ReLU is turned by rounding: of a map that stays in float64, and of
one that a peer scales in float32. In float32 the folded form rounds otherwise than the plain one, and where a ReLU
stands at its kink a few entries differ by more than rounding: quantiles of that are printed."""
LOW = 0.25
"""Of a map's length: the most that averaging in bfloat16 may put it off the same map of ours in float32."""
DRAWN = ("smooth-grad",)
"""Captum draws in float32 whatever the images are, so these maps are judged in float32, by 99 % of their entries."""

Run = Callable[[], Tensor]


def compare(models: Sequence[ZooModel], images: Tensor, rounds: int) -> list[float]:
    """Check that the maps are the same, then time them; the ratios to the best peer, the sheet's last."""
    x = images[:1]
    warnings.filterwarnings("ignore", message="Setting")  # Captum, of the hooks it sets
    target = int(models[0].fast(x).argmax(1))
    print("\nSaliency: are the maps the same? Differences of entries, in the largest entry of a map")
    apart: dict[str, list[str]] = {key: [] for key in METHODS}
    for model in models:
        exact = _in_double(model)
        for key in METHODS:
            apart[key] += _apart(f"{model.card.key}, {key}, Captum", model, exact, x, key, target)
        mine = min_max(_ours(exact, x.double(), "grad-cam", target)()[:, :1])
        for peer, make in {"torchcam": _torchcam, "pytorch-grad-cam": _pytorch_grad_cam}.items():
            gap = float(_gaps(mine, make(exact, x.double(), target)()).max())
            print(f"  {model.card.key}, grad-cam, {peer}: float64 {gap:.1e}")
            apart["grad-cam"] += differs(not gap <= SCALED, f"{model.card.key}, grad-cam, {peer}: {gap:.1e} apart")
    first = models[0]
    ratios = []
    for key in METHODS:
        work = {**_ours_either(first, x, key, target), "captum": _captum(first, x, key, target)}
        if key == "grad-cam":
            work |= {"torchcam": _torchcam(first, x, target), "grad-cam": _pytorch_grad_cam(first, x, target)}
        title = f"{key}, one image, {first.card.key}"
        ratios.append(print_table(title, interleaved(work, rounds), AIMS.get(key, 1.0), apart[key]))
    plain = [_captum(model, x, key, target) for model in models for key in METHODS]
    grid: dict[str, Callable[[], object]] = {
        OURS: lambda: list(saliency_grid(models, x, [*map(_quick, METHODS)], Target(target))),
        WHOLE: lambda: list(saliency_grid(models, x, METHODS, Target(target))),
        "captum": lambda: [run() for run in plain],
    }
    title = f"The grid: {len(METHODS)} methods x {len(models)} networks, one image"
    everywhere = [sentence for found in apart.values() for sentence in found]
    ratios.append(print_table(title, interleaved(grid, rounds), AIMS["grid"], everywhere))
    for key in ("integrated-gradients", "smooth-grad"):
        sheet = {
            **_ours_either(first, images, key, target),
            "captum": _captum(first, images, key, target),
            "tuned": _tuned(first, images, key, target),
        }
        title = f"{key}, {len(images)} images, {first.card.key}"
        ratios.append(print_table(title, interleaved(sheet, rounds), AIMS[key], apart[key]))
    _print_floor(first, x, target, rounds)
    return ratios


def _print_floor(model: ZooModel, x: Tensor, target: int, rounds: int) -> None:
    """Print how much of the peer's time the convolutions alone take: what no ordering of the same work goes below."""
    key = "integrated-gradients"
    points = x.expand(STEPS, -1, -1, -1).contiguous(memory_format=torch.channels_last)
    work = {"convolutions": _convolutions(model, points), "captum": _captum(model, x, key, target)}
    seconds = interleaved(work, rounds)
    walls, processors = (seconds["convolutions"][clock] / seconds["captum"][clock] for clock in (0, 1))
    print(
        f"\nThe convolutions of {key} alone, forward and back, on {STEPS} images: {walls:.2f} of captum's time "
        f"(processor time {processors:.2f})"
    )


def _convolutions(model: ZooModel, x: Tensor) -> Callable[[], object]:
    """All convolutions of a pass forward and back to the image, without anything between them."""
    seen: list[tuple[nn.Conv2d, Tensor, Tensor]] = []
    net = private_copy(model.fast)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda conv, given, made: seen.append((conv, given[0], made)))
    with torch.no_grad():
        net(x)

    def run() -> None:
        with torch.no_grad():
            for conv, given, made in seen:
                conv2d(given, conv.weight, conv.bias, conv.stride, conv.padding)
                torch.ops.aten.convolution_backward(
                    made, given, conv.weight, None, conv.stride, conv.padding, conv.dilation, False, (0, 0), 1,
                    (True, False, False),
                )  # fmt: skip

    return run


def measure(models: Sequence[ZooModel], x: Tensor) -> None:
    """Seconds to the first map and to the last of the grid, over the images of `x`, after one to warm up."""
    taken = []
    for image in x.split(1):
        start = time.perf_counter()
        moments = [time.perf_counter() - start for _ in saliency_grid(models, image, [*map(_quick, METHODS)])]
        taken.append((moments[0], moments[-1]))
    print(f"\nThe grid of {len(METHODS)} methods x {len(models)} networks, {len(taken) - 1} images one by one")
    for what, seconds, limit in zip(("first map", "all maps"), zip(*taken[1:], strict=True), LIMITS, strict=True):
        middle = statistics.median(seconds)
        verdict = "met" if middle <= limit else "MISSED"
        print(f"  {what}: median {middle:.2f} s, worst {max(seconds):.2f} s; aim < {limit} s: {verdict}")


def _ours(model: ZooModel, x: Tensor, key: str | Method, target: int) -> Run:
    classes = torch.full((len(x),), target)
    return lambda: attribute(key, AttributionRequest(model.fast, x, classes, torch.Generator().manual_seed(0)))


def _quick(key: str) -> Method:
    """The method as the dashboard asks it."""
    return method_named(key).averaged_in(QUICK)


def _ours_either(model: ZooModel, x: Tensor, key: str, target: int) -> dict[str, Run]:
    """Ours as the dashboard asks it; and in float32, where that is another."""
    quick = {OURS: _ours(model, x, _quick(key), target)}
    return quick | ({WHOLE: _ours(model, x, key, target)} if _quick(key).precision != "float32" else {})


def _captum(model: ZooModel, x: Tensor, key: str, target: int) -> Run:
    """Captum's calls as its tutorials write them; SmoothGrad's draws are made to be ours."""
    net = model.plain
    deviation = 0.15 * float(x.max() - x.min())

    def smooth() -> Tensor:
        torch.default_generator.set_state(torch.Generator().manual_seed(0).get_state())
        return NoiseTunnel(Saliency(net)).attribute(
            _leaf(x), nt_samples=STEPS, stdevs=deviation, target=target, abs=False
        )

    def cam() -> Tensor:
        coarse = LayerGradCam(net, net.act).attribute(x, target, relu_attributions=True)
        return interpolate(coarse, x.shape[2:], mode="bilinear").expand_as(x)

    calls: dict[str, Run] = {
        "gradient": lambda: Saliency(net).attribute(_leaf(x), target, abs=False),
        "integrated-gradients": lambda: IntegratedGradients(net).attribute(_leaf(x), target=target, n_steps=STEPS),
        "smooth-grad": smooth,
        "grad-cam": cam,
        "guided-backprop": lambda: GuidedBackprop(net).attribute(_leaf(x), target),
    }
    return calls[key]


def _tuned(model: ZooModel, x: Tensor, key: str, target: int) -> Run:
    """Captum's call with the batch inside it that is quickest here."""
    if key == "integrated-gradients":
        return lambda: IntegratedGradients(model.plain).attribute(
            _leaf(x), target=target, n_steps=STEPS, internal_batch_size=TUNED
        )
    return lambda: NoiseTunnel(Saliency(model.plain)).attribute(
        _leaf(x), nt_samples=STEPS, nt_samples_batch_size=TUNED // len(x), stdevs=0.15, target=target, abs=False
    )


def _torchcam(model: ZooModel, x: Tensor, target: int) -> Run:
    """torchcam's Grad-CAM, scaled to [0, 1] as ours is for the comparison."""

    def run() -> Tensor:
        with TorchCam(model.plain, model.plain.act, tuple(x.shape[1:])) as extractor:
            scores = model.plain(_leaf(x))
            coarse = extractor(target, scores, normalized=False)[0]
        return min_max(interpolate(coarse[None], x.shape[2:], mode="bilinear"))

    return run


def _pytorch_grad_cam(model: ZooModel, x: Tensor, target: int) -> Run:
    """pytorch-grad-cam's Grad-CAM, which scales to [0, 1] by itself."""

    def run() -> Tensor:
        with PytorchGradCam(model.plain, [model.plain.act]) as extractor:
            return min_max(torch.from_numpy(extractor(_leaf(x), [ClassifierOutputTarget(target)]))[None])

    return run


def _leaf(x: Tensor) -> Tensor:
    return x.clone().requires_grad_()


def _in_double(model: ZooModel) -> ZooModel:
    """The same network in float64."""
    plain = copy.deepcopy(model.plain).double()
    return ZooModel(model.card, plain, fast_form(plain))


def _gaps(mine: Tensor, theirs: Tensor) -> Tensor:
    """The differences of all entries, in the largest entry of the peer's map."""
    return ((mine - theirs.detach()).abs() / theirs.detach().abs().max()).flatten().double()


def _apart(what: str, model: ZooModel, exact: ZooModel, x: Tensor, key: str, target: int) -> list[str]:
    """Print how far our map is from Captum's; a sentence where it is not the same."""
    single = _gaps(*(make(model, x, key, target)() for make in (_ours, _captum)))
    middle, most, largest = (float(single.quantile(share)) for share in (0.5, 0.99, 1.0))
    whole, low = (_ours(model, x, method, target)() for method in (key, _quick(key)))
    off = float((low - whole).norm() / whole.norm())
    found = differs(not off <= LOW, f"{what}: in {QUICK} a map is {off:.0%} of its length off")
    line = f"  {what}: float32 median {middle:.0e}, 99 % within {most:.0e}, largest {largest:.0e}"
    line += f"; in {QUICK} off by {off:.1%} of its length" if off else ""
    if key in DRAWN:
        print(line)
        return found + differs(not most <= SCALED, f"{what}: 1 % of the entries are more than {SCALED:g} apart")
    gap = float(_gaps(*(make(exact, x.double(), key, target)() for make in (_ours, _captum))).max())
    print(f"{line}; float64 {gap:.1e}")
    return found + differs(not gap <= EXACT, f"{what}: maps are {gap:.1e} apart in float64")
