"""What holds for every attack and every saliency method at once, however the library is called."""

import pkgutil
from dataclasses import replace

import pytest
import torch
from torch import nn

import core.attacks
from core.attacks.apgd import Apgd
from core.attacks.ddn import Ddn
from core.attacks.fgsm import Fgsm
from core.attacks.jsma import Jsma
from core.attacks.kl_ascent import KlAscent
from core.attacks.pgd import Pgd
from core.attacks.robust_at import robust_at
from core.attacks.scheduled import ScheduledAttack
from core.attacks.smallest import SmallestChange
from core.attacks.square import Square
from core.errors import ConfigError, InputError
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.models.resnet import PreActResNet, ResNetConfig
from core.norms import norm_of
from core.saliency.catalogue import AttributionRequest, attribute
from core.saliency.gradient import gradient, gradient_times_input
from core.saliency.linearised import linearised_robustness

pytestmark = pytest.mark.slow

EPSILON = 8 / 255
PGD, PGD_L2 = Pgd(EPSILON, steps=4, restarts=2), Pgd(0.3, "l2", steps=4, restarts=2)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def stands(model, x, labels):
    """An image whose pixels are all 1 where it withstood every radius, for `survival` gives no images."""
    still = robust_at(model, x, labels, (EPSILON / 2, EPSILON), PGD, seeded())
    return still[:, -1].to(x.dtype)[:, None, None, None].expand_as(x)


ATTACKS = {
    "apgd": Apgd(EPSILON, iterations=4, targets=2),
    "apgd-l2": Apgd(0.3, "l2", iterations=4, targets=2),
    "ddn": Ddn(4),
    "fgsm": Fgsm(EPSILON),
    "jsma": Jsma(gamma=0.05),
    "kl_ascent": lambda model, x, labels: KlAscent(EPSILON, steps=4)(model, x, seeded()),
    "kl_ascent-l2": lambda model, x, labels: KlAscent(0.3, "l2", steps=4)(model, x, seeded()),
    "pgd": lambda model, x, labels: PGD(model, x, labels, seeded()),
    "pgd-l2": lambda model, x, labels: PGD_L2(model, x, labels, seeded()),
    "pgd-broken": lambda model, x, labels: replace(PGD, stop_when_wrong=True)(model, x, labels, seeded()),
    "pgd-targeted": lambda model, x, labels: replace(PGD, targeted=True)(model, x, labels, seeded()),
    "scheduled": lambda model, x, labels: ScheduledAttack(0.02, steps=3)(model, x, labels).delta,
    "square": lambda model, x, labels: Square(EPSILON, queries=8)(model, x, labels, seeded()),
    "square-l2": lambda model, x, labels: Square(0.3, "l2", queries=8)(model, x, labels, seeded()),
    "smallest": lambda model, x, labels: SmallestChange(opening=2, steps=4, finer=2)(model, x, labels).delta,
    "robust_at": stands,
}
BALLS = {
    "linf": ("apgd", "fgsm", "kl_ascent", "pgd", "square"),
    "l2": ("apgd-l2", "kl_ascent-l2", "pgd-l2", "square-l2"),
}
EVERY_ATTACK = pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
EVERY_METHOD = pytest.mark.parametrize("method", ATTRIBUTION_METHODS.values(), ids=ATTRIBUTION_METHODS)
SWITCHES = pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference_mode"])


@pytest.fixture(scope="module")
def net():
    """A small network that knows its running statistics and prefers no class."""
    model = PreActResNet(ResNetConfig(5, widths=(4, 8), blocks=(1, 1)), seeded(1)).train()
    with torch.no_grad():
        images = torch.rand(32, 3, 16, 16, generator=seeded(2))
        model(images)
        model.eval().head.bias.sub_(model(images).mean(0))
        model.head.weight.mul_(4)
    return model.requires_grad_(False)


@pytest.fixture
def x():
    """Images with entries near 1, where numbers of bfloat16 are 1/256 apart, and at both ends of the range."""
    return (torch.rand(3, 3, 16, 16, generator=seeded(3)) * 1.2 - 0.1).clamp(0.0, 1.0)


@pytest.fixture
def labels(net, x):
    return net(x).argmax(1)


def asked(model, x, classes):
    return AttributionRequest(model, x, classes, seeded())


class Broken(nn.Module):
    """The network, answering with `value` where an image is not the clean one, or everywhere."""

    def __init__(self, model, value, clean=None):
        super().__init__()
        self.model, self.value, self.clean = model, value, clean

    def forward(self, x):
        logits = self.model(x)
        if self.clean is not None and x.shape == self.clean.shape and torch.equal(x.detach(), self.clean):
            return logits
        return logits * self.value


def test_every_attack_is_here():
    modules = {module.name for module in pkgutil.iter_modules(core.attacks.__path__)}
    assert {name.split("-")[0] for name in ATTACKS} == modules - {"attack", "catalogue", "softened"}


@EVERY_ATTACK
@pytest.mark.parametrize("value", [torch.nan, torch.inf], ids=["NaN", "infinity"])
def test_attacks_refuse_pixels_that_are_no_numbers(net, x, labels, attack, value):
    x[1, 0, 3, 4] = value
    with pytest.raises(InputError, match="pixels must be finite"):
        attack(net, x, labels)


@EVERY_METHOD
@pytest.mark.parametrize("value", [torch.nan, torch.inf], ids=["NaN", "infinity"])
def test_methods_refuse_pixels_that_are_no_numbers(net, x, labels, method, value):
    x[1, 0, 3, 4] = value
    with pytest.raises(InputError, match="pixels must be finite"):
        attribute(method, asked(net, x, labels))


@EVERY_ATTACK
@pytest.mark.parametrize("label", [5, -1, -100])
def test_attacks_refuse_classes_that_the_network_does_not_have(net, x, labels, attack, label, request):
    if "kl_ascent" in request.node.callspec.id:
        pytest.skip("it is told no classes")
    labels[1] = label
    with pytest.raises(ConfigError, match=f"classes 0 to 4; got {label}"):
        attack(net, x, labels)


@pytest.mark.parametrize(
    "method", [each for each in ATTRIBUTION_METHODS.values() if each.of_class], ids=lambda each: each.key
)
@pytest.mark.parametrize("pair", [False, True], ids=["class", "contrast"])
def test_methods_refuse_classes_that_the_network_does_not_have(net, x, labels, method, pair):
    labels[1] = 5
    classes = torch.stack([labels, (labels + 1) % 5], 1) if pair else labels
    with pytest.raises(ConfigError, match="classes 0 to 4; got 5"):
        attribute(method, asked(net, x, classes))


@EVERY_ATTACK
@SWITCHES
def test_attacks_work_where_gradients_are_switched_off(net, x, labels, attack, off):
    expected = attack(net, x, labels)
    with off():
        found = attack(net, x.clone(), labels.clone())
    assert torch.equal(found, expected)


@EVERY_METHOD
@SWITCHES
def test_methods_work_where_gradients_are_switched_off(net, x, labels, method, off):
    expected = attribute(method, asked(net, x, labels))
    with off():
        found = attribute(method, asked(net, x.clone(), labels.clone()))
    torch.testing.assert_close(found, expected)


@SWITCHES
def test_so_do_the_functions_that_they_are_made_of(net, x, labels, off):
    expected = gradient(net, x, labels)[0], gradient_times_input(net, x, labels), linearised_robustness(net, x)
    with off():
        found = gradient(net, x, labels)[0], gradient_times_input(net, x, labels), linearised_robustness(net, x)
    torch.testing.assert_close(found, expected)


@EVERY_ATTACK
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=["float64", "bfloat16"])
def test_attacks_run_in_the_networks_precision(net, x, labels, attack, dtype, request):
    name = request.node.callspec.id.split("-", 1)[1]
    model, clean = PreActResNet(net.config).to(dtype).eval(), x.to(dtype)
    model.load_state_dict(net.state_dict())
    found = attack(model, clean, labels)
    assert bool(found.isfinite().all())
    if name in ("scheduled", "smallest", "robust_at"):
        return  # changes and verdicts, not images
    assert found.dtype == dtype and found.min() >= 0 and found.max() <= 1
    change = found.double() - clean.double()
    for norm, names in BALLS.items():
        if name in names:
            assert norm_of(change, norm).max() <= (EPSILON if norm == "linf" else 0.3) * (1 + 1e-5)
            assert norm_of(change, norm).min() >= (EPSILON if norm == "linf" else 0.3) * 0.5  # it went somewhere


@EVERY_METHOD
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=["float64", "bfloat16"])
def test_methods_run_in_the_networks_precision(net, x, labels, method, dtype):
    model = PreActResNet(net.config).to(dtype).eval()
    model.load_state_dict(net.state_dict())
    found = attribute(method, asked(model, x.to(dtype), labels))
    assert found.shape == x.shape and found.dtype == dtype and bool(found.isfinite().all())
    if not method.random:
        expected = attribute(method, asked(net, x, labels))
        cosine = torch.cosine_similarity(found.double().flatten(1), expected.double().flatten(1))
        assert cosine.min() > (0.999 if dtype == torch.float64 else 0.5)


@EVERY_ATTACK
@pytest.mark.parametrize("value", [torch.nan, torch.inf], ids=["NaN", "infinity"])
def test_an_attack_that_sees_no_numbers_says_so(net, x, labels, attack, value):
    """And does not give the clean image back, as if the network had withstood it."""
    with pytest.raises(InputError, match="not finite"):
        attack(Broken(net, value), x, labels)


@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in ("fgsm", "jsma")])
def test_so_it_does_where_only_changed_images_have_no_answer(net, x, labels, name):
    with pytest.raises(InputError, match="not finite"):
        ATTACKS[name](Broken(net, torch.nan, x), x, labels)


@pytest.mark.parametrize("name", [name for name in ATTACKS if not name.startswith("square")])
def test_an_attack_without_a_finite_gradient_says_so(net, x, labels, name):
    """The square root of zero: finite answers, and a gradient that is none."""

    class Steep(nn.Module):
        def forward(self, images):
            return net(images) + (images - images.detach()).abs().sum((1, 2, 3)).sqrt()[:, None] * torch.arange(5.0)

    with pytest.raises(InputError, match="not finite"):
        ATTACKS[name](Steep(), x, labels)
