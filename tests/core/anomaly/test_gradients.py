"""Per-image weight gradients of a batch: against one image at a time, the method's exact facts, nothing left behind."""

import copy
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.testing import assert_close

from core.anomaly.confounding import HEADS, LABELS, ConfoundingLabel
from core.anomaly.gradients import Groups, several_weight_gradients, weight_gradients
from core.anomaly.library import detectors
from core.errors import ConfigError, InputError
from core.models.resnet import PreActResNet, ResNetConfig
from core.models.zoo import load_zoo_model
from tests.helpers.networks import seeded
from tests.helpers.pictures import rand

EVERYTHING = Groups(batch_norm=True, biases=True)
PROBES = [
    ConfoundingLabel(label, head) for label in LABELS for head in HEADS if (label, head) != ("zeros", "cross-entropy")
]


@cache
def network(name):
    """The shipped weights where an architecture ships, else fresh ones with statistics of images."""
    if name != "hhrelu":
        return load_zoo_model(name, "standard").plain
    net = PreActResNet(
        ResNetConfig(widths=(4, 8), blocks=(1, 1), activation="hhrelu"), torch.Generator().manual_seed(0)
    ).train()
    for seed in range(20):
        net(rand(16, 3, 16, 16, seed=seed))
    return net.eval().requires_grad_(False)


@cache
def precise(name):
    """The same in double precision, where no unit is so near its kink that another order of sums turns it."""
    return copy.deepcopy(network(name)).double()


def images(name, count=3):
    shape = {"cifar10": (3, 16, 16), "fashion-mnist": (1, 20, 20), "hhrelu": (3, 16, 16)}[name]  # smaller than theirs
    return rand(count, *shape)


def gradients_one_by_one(net, x, probe, names):
    """For each image the gradient on each parameter, by autograd alone, on the network as it is."""
    found = []
    for image in x:
        values = {name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()}
        loss = probe.loss(functional_call(net, values, (image[None],))).sum()
        grads = torch.autograd.grad(loss, [values[name] for name in names], allow_unused=True)
        found.append([torch.zeros(()) if grad is None else grad for grad in grads])
    return found


def one_by_one(net, x, probe, names):
    return torch.stack(
        [torch.stack([g.square().sum() for g in row]) for row in gradients_one_by_one(net, x, probe, names)]
    )


@pytest.mark.slow
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: f"{probe.label} {probe.head}")
@pytest.mark.parametrize("name", ["cifar10", "fashion-mnist", "hhrelu"])
def test_a_batch_gives_what_one_image_at_a_time_gives(name, probe):
    net, x = precise(name), images(name).double()
    found = weight_gradients(net, x, probe, EVERYTHING)
    assert found.names == tuple(key for key, _ in net.named_parameters())
    assert_close(found.squared, one_by_one(net, x, probe, found.names), rtol=1e-9, atol=0)
    assert_close(found.logits, net(x))
    assert_close(found.total, found.squared.sum(1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "probe", [ConfoundingLabel(), ConfoundingLabel("predicted", "softmax")], ids=lambda probe: probe.label
)
@pytest.mark.parametrize("name", ["cifar10", "fashion-mnist", "hhrelu"])
def test_single_precision_is_enough_but_for_units_at_their_kink(name, probe):
    """A unit within rounding of zero may be on in a batch and off alone; those few images are off by more than 1e-5."""
    net, x = network(name), images(name, 12)
    found = weight_gradients(net, x, probe, EVERYTHING)
    expected = one_by_one(net, x, probe, found.names)
    apart = ((found.squared - expected).abs() / expected).amax(1)
    assert float((apart <= 1e-5).float().mean()) >= 0.75 and float(apart.max()) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cifar10", "shared"])
def test_several_labels_in_one_pass_give_what_each_gives_alone(name):
    """Also where a layer has no closed form because its weight has two places; directions are the first label's."""
    if name == "shared":
        net = seeded(nn.Sequential(nn.Conv2d(3, 3, 3), nn.Tanh(), nn.Conv2d(3, 3, 3), nn.Flatten(), nn.Linear(432, 4)))
        net[2].weight = net[0].weight
    else:
        net = network(name)
    x, probes = (
        rand(5, 3, 16, 16),
        [ConfoundingLabel("predicted", "cross-entropy"), ConfoundingLabel(), ConfoundingLabel(head="softmax")],
    )
    names = EVERYTHING.names(net)
    parameters = dict(net.named_parameters())
    directions = {key: rand(1, *parameters[key].shape, seed=3) for key in names}
    found = several_weight_gradients(net, x, probes, EVERYTHING, directions, chunk=2)
    for index, (probe, each) in enumerate(zip(probes, found, strict=True)):
        alone = weight_gradients(net, x, probe, EVERYTHING, directions if index == 0 else None, chunk=2)
        assert each.names == names and torch.equal(each.squared, alone.squared)
        assert torch.equal(each.logits, alone.logits)
        assert (each.along is None) == (index > 0) and (index > 0 or torch.equal(each.along, alone.along))
    with pytest.raises(ConfigError, match="at least one label"):
        several_weight_gradients(net, x, [])


@pytest.mark.parametrize("groups", [Groups(), Groups(batch_norm=True), Groups(biases=True), EVERYTHING])
def test_groups_are_the_tensors_they_say(groups):
    net = network("cifar10")
    kinds = {name: net.get_submodule(name.rpartition(".")[0]) for name, _ in net.named_parameters()}
    expected = [
        name
        for name, module in kinds.items()
        if (groups.batch_norm if isinstance(module, nn.BatchNorm2d) else name.endswith("weight") or groups.biases)
    ]
    found = weight_gradients(net, images("cifar10"), ConfoundingLabel(), groups)
    everything = weight_gradients(net, images("cifar10"), ConfoundingLabel(), EVERYTHING)
    assert list(found.names) == expected
    assert_close(found.squared, everything.squared[:, [everything.names.index(name) for name in found.names]])


def test_groups_of_a_network_without_weights_are_refused():
    with pytest.raises(ConfigError, match="no parameter"):
        weight_gradients(nn.Flatten(), rand(1, 3, 2, 2), ConfoundingLabel())


def test_the_last_layer_is_the_product_of_two_norms():
    """z = W h + b: |dJ/dW|^2 = |sigma(z) - y|^2 |h|^2, |dJ/db|^2 = |sigma(z) - y|^2."""
    net, x = network("cifar10"), images("cifar10", 5)
    h = net.features(x).mean((2, 3))
    for label, y in (("ones", 1.0), ("zeros", 0.0)):
        found = weight_gradients(net, x, ConfoundingLabel(label), EVERYTHING)
        off = (net(x).sigmoid() - y).square().sum(1)
        named = dict(zip(found.names, found.squared.T, strict=True))
        assert_close(named["head.weight"], off * h.square().sum(1), rtol=1e-4, atol=0)
        assert_close(named["head.bias"], off, rtol=1e-4, atol=0)


def test_twice_the_loss_gives_four_times_the_norms():
    class Twice(ConfoundingLabel):
        def loss(self, logits, y=None):
            return 2 * ConfoundingLabel.loss(self, logits, y)

    net, x = network("hhrelu"), images("hhrelu")
    assert_close(weight_gradients(net, x, Twice()).squared, 4 * weight_gradients(net, x, ConfoundingLabel()).squared)


def test_the_all_ones_softmax_total_is_that_of_a_public_library():
    net, x = network("cifar10"), images("cifar10", 4)
    theirs = -detectors().GradUncertainty(net)(x)
    assert_close(
        weight_gradients(net, x, ConfoundingLabel(head="softmax"), EVERYTHING).total, theirs, rtol=1e-4, atol=0
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "probe", [ConfoundingLabel(), ConfoundingLabel("top-m", "softmax")], ids=lambda probe: probe.label
)
def test_no_images_row_depends_on_its_batch(probe):
    net, x = precise("cifar10"), images("cifar10", 7).double()
    whole = weight_gradients(net, x, probe, EVERYTHING).squared
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    assert_close(weight_gradients(net, x[order], probe, EVERYTHING).squared, whole[order], rtol=1e-5, atol=0)
    loud = torch.cat([x[:1], 1 - x[1:] ** 3])
    assert_close(weight_gradients(net, loud, probe, EVERYTHING).squared[:1], whole[:1], rtol=1e-5, atol=0)
    for chunk in (1, 3):
        again = weight_gradients(net, x, probe, EVERYTHING, chunk=chunk)
        assert_close(again.squared, whole, rtol=1e-5, atol=0)
        assert again.logits.shape == (7, 10)


class Odd(nn.Module):
    """Layers without a closed form, a layer called twice, a shared weight, and a layer that the answer ignores."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.grouped = nn.Conv2d(8, 8, 3, padding="same", groups=4)
        self.group_norm = nn.GroupNorm(2, 8)
        self.first, self.again = nn.Linear(8, 8), nn.Linear(8, 8)
        self.tied = nn.Linear(8, 8)
        self.unused, self.head = nn.Linear(8, 3), nn.Linear(8, 5)
        self.factor = nn.Parameter(torch.ones(3, 8))
        self.tied.weight = self.first.weight

    def forward(self, x):
        h = self.group_norm(self.grouped(self.conv(x).relu_())).mean((2, 3))
        h = self.again(torch.tanh(self.again(self.first(h))))
        h = self.tied(h) * self.factor.sum(0)
        self.unused(h)
        return self.head(torch.tanh(h))


def test_what_has_no_closed_form_is_exact_too():
    net, x = seeded(Odd()).double(), rand(5, 3, 6, 6).double()
    found = weight_gradients(net, x, ConfoundingLabel(), EVERYTHING)
    expected = one_by_one(net, x, ConfoundingLabel(), found.names)
    assert_close(found.squared, expected, rtol=1e-9, atol=1e-12)
    zero = {name for name, value in zip(found.names, expected[0], strict=True) if value == 0}
    assert zero == {"unused.weight", "unused.bias"}


def test_an_input_changed_in_place_is_refused_instead_of_a_wrong_number():
    class Changing(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(12, 4), nn.Linear(4, 3)

        def forward(self, x):
            h = self.one(x.flatten(1)) * 1.0
            z = self.two(h)
            h += 1
            return z

    with pytest.raises(ConfigError, match="in place"):
        weight_gradients(seeded(Changing()).requires_grad_(False), rand(2, 3, 2, 2), ConfoundingLabel())


def test_products_with_directions_are_dot_products_of_whole_gradients():
    for net, x in ((network("hhrelu"), images("hhrelu", 5)), (seeded(Odd()), rand(5, 3, 6, 6))):
        names = EVERYTHING.names(net)
        parameters = dict(net.named_parameters())
        classes = net(x).shape[1]
        for count in (1, classes):
            directions = {name: rand(count, *parameters[name].shape, seed=3) - 0.5 for name in names}
            found = weight_gradients(net, x, ConfoundingLabel(), EVERYTHING, directions)
            predicted = net(x).argmax(1).tolist() if count > 1 else [0] * len(x)
            expected = torch.stack(
                [
                    torch.stack([(g * directions[name][row]).sum() for name, g in zip(names, gradients, strict=True)])
                    for row, gradients in zip(
                        predicted, gradients_one_by_one(net, x, ConfoundingLabel(), names), strict=True
                    )
                ]
            )
            scale = found.squared.sqrt() * torch.stack([d[0].norm() for d in directions.values()])
            assert float(((found.along - expected).abs() / (scale + 1e-12)).max()) < 1e-5


def test_directions_for_other_parameters_are_refused():
    net = network("hhrelu")
    with pytest.raises(ConfigError, match="directions"):
        weight_gradients(net, images("hhrelu"), ConfoundingLabel(), directions={"head.weight": rand(1, 10, 8)})


def test_nothing_is_left_on_the_network_not_even_after_an_error():
    net = seeded(PreActResNet(ResNetConfig(widths=(4, 8), blocks=(1, 1)))).double().train()
    net.norm.eval()
    net.head.weight.requires_grad_(False)
    flags = [parameter.requires_grad for parameter in net.parameters()]
    modes = [module.training for module in net.modules()]
    before = {key: value.clone() for key, value in net.state_dict().items()}
    x = rand(3, 3, 8, 8).double()
    found = weight_gradients(net, x, ConfoundingLabel(), EVERYTHING)
    with pytest.raises(InputError, match="finite"):
        weight_gradients(net, x.log() / 0, ConfoundingLabel(), EVERYTHING)
    assert flags == [parameter.requires_grad for parameter in net.parameters()]
    assert modes == [module.training for module in net.modules()]
    assert_close(dict(net.state_dict()), before, rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in net.parameters()) and not x.requires_grad
    assert not any(module._forward_hooks or module._backward_hooks for module in net.modules())
    assert not any((found.squared.requires_grad, found.logits.requires_grad))
    assert_close(
        found.squared, one_by_one(net.eval(), x, ConfoundingLabel(), found.names), rtol=1e-5, atol=0
    )  # as in eval mode


@pytest.mark.slow
def test_many_threads_on_one_network_get_what_one_gets():
    net = network("hhrelu")
    batches = [rand(4, 3, 16, 16, seed=seed) for seed in range(16)]
    expected = [weight_gradients(net, x, ConfoundingLabel(), EVERYTHING).squared for x in batches]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda x: weight_gradients(net, x, ConfoundingLabel(), EVERYTHING).squared, batches))
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other, rtol=1e-5, atol=0)


def test_no_images_are_refused():
    with pytest.raises(InputError):
        weight_gradients(network("hhrelu"), rand(0, 3, 16, 16), ConfoundingLabel())
