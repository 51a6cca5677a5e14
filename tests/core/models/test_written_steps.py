"""Steps written out: the bits of autograd, for images of any number and size, and what they are not for."""

import copy

import pytest
import torch
from torch import nn

from core.attacks import scheduled
from core.attacks.scheduled import ScheduledAttack
from core.models.fast import fast_form
from core.models.resnet import MirroredConfig, PreActResNet, ResNetConfig, network_of
from core.models.step_precision import _low_copy, stepping
from core.models.written_steps import FEWEST, WrittenSteps, can_be_written
from tests.helpers.pictures import rand

pytestmark = pytest.mark.skipif(
    not torch.cpu.get_capabilities().get("avx512_bf16"), reason="this processor does not compute in bfloat16"
)
GREY = ResNetConfig(classes=4, mean=(0.3,), std=(0.2,), widths=(8, 24, 40), blocks=(1, 2, 1))


COLOUR = ResNetConfig()


def network(config: ResNetConfig = COLOUR, norm: float = 1.0) -> PreActResNet:
    """A fast form whose norms are no identities; they scale by `norm`."""
    plain = network_of(config, torch.Generator().manual_seed(0))
    for part in plain.modules():
        if isinstance(part, nn.BatchNorm2d):
            values = rand(2, part.num_features, seed=part.num_features)
            part.weight.data, part.bias.data = norm * (0.5 + values[0]), values[1] - 0.5
    return fast_form(plain.eval())


def answers_and_slopes(model: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and a gradient that hangs on all of them."""
    leaf = x.clone().requires_grad_()
    logits = model(leaf)
    return logits.detach(), torch.autograd.grad(logits.log_softmax(1)[:, 1].sum(), leaf)[0]


def by_autograd(model: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same from the modules."""
    low = _low_copy(model)

    class Modules(nn.Module):
        def forward(self, images):
            with torch.autocast("cpu", torch.bfloat16):
                return low(images).float()

    return answers_and_slopes(Modules(), x)


@pytest.mark.parametrize("count", [1, 4, 11])
@pytest.mark.parametrize(
    ("config", "size"),
    [
        (COLOUR, (32, 32)),
        (ResNetConfig(activation="hhrelu", blocks=(2, 1, 2)), (32, 32)),
        (GREY, (28, 28)),
        (GREY, (19, 24)),
        (MirroredConfig(activation="hhrelu", widths=(8, 24, 40)), (32, 32)),
        (MirroredConfig(classes=4, mean=(0.3,), std=(0.2,), widths=(8, 24), blocks=(1, 2)), (19, 23)),
    ],
)
def test_they_are_those_of_autograd_to_the_bit(config, size, count):
    model, x = network(config), rand(count, len(config.mean), *size, seed=count)
    logits, slopes = answers_and_slopes(WrittenSteps(_low_copy(model), x.shape[1:]), x)
    assert slopes.abs().max() > 0
    for found, wanted in zip((logits, slopes), by_autograd(model, x), strict=True):
        assert torch.equal(found, wanted)


def test_a_norm_that_keeps_its_scale_is_passed_through_with_it():
    model, x = network(norm=1e-4), rand(4, 3, 32, 32)
    assert any(type(part).__name__ == "ScaleShift" for part in model.stages.modules())
    found = answers_and_slopes(WrittenSteps(_low_copy(model), x.shape[1:]), x)
    assert all(map(torch.equal, found, by_autograd(model, x)))


def test_steps_are_written_once_for_a_network_and_anew_once_its_weights_are_others(monkeypatch):
    model, x, built = network(), rand(2, 3, 32, 32), []
    made = WrittenSteps.__init__
    monkeypatch.setattr(WrittenSteps, "__init__", lambda self, *given: built.append(given) or made(self, *given))
    first = answers_and_slopes(stepping(model, "bfloat16"), x)
    again = answers_and_slopes(stepping(model, "bfloat16"), x)
    assert len(built) == 1 and torch.equal(first[1], again[1])
    model.head.weight[0] += 1.0
    other = answers_and_slopes(stepping(model, "bfloat16"), x)
    assert len(built) == 2 and all(map(torch.equal, other, by_autograd(model, x)))
    assert answers_and_slopes(stepping(model, "bfloat16"), rand(1, 3, 20, 20))[1].shape == (1, 3, 20, 20)


def test_asked_alike_an_image_has_the_gradient_that_it_has_among_many():
    model, x = network(), rand(11, 3, 32, 32, seed=3)
    steps = WrittenSteps(_low_copy(model), x.shape[1:])
    logits, slopes = answers_and_slopes_of_rows(steps, x)
    for count in (1, 2, 3):
        for start in range(len(x) - count + 1):
            part = slice(start, start + count)
            few = answers_and_slopes_of_rows(steps, x[part])
            assert torch.equal(few[0], logits[part]) and torch.equal(few[1], slopes[part])


def answers_and_slopes_of_rows(steps: WrittenSteps, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and a gradient that is a plain product for each row."""
    leaf = x.clone().requires_grad_()
    logits = steps(leaf, alike=True)
    return logits.detach(), torch.autograd.grad((logits * torch.linspace(-1, 1, logits.shape[1])).sum(), leaf)[0]


def test_an_attack_that_retreats_asks_about_no_image_more_and_finds_the_same(monkeypatch):
    model, x, asked = network(), rand(4, 3, 32, 32, seed=5), []
    attack, labels = ScheduledAttack(0.02, steps=20, overshoot=5.0), torch.arange(4)
    monkeypatch.setattr(scheduled, "stepping_alike", lambda *given: None)
    padded = attack(stepping(model, "bfloat16"), x, labels)
    monkeypatch.undo()
    there = WrittenSteps.there
    monkeypatch.setattr(WrittenSteps, "there", lambda self, x, alike: asked.append(len(x)) or there(self, x, alike))
    found = attack(stepping(model, "bfloat16"), x, labels)
    assert min(asked) < FEWEST <= max(asked) and torch.equal(found.delta, padded.delta)


def test_who_asks_for_no_gradient_is_answered_in_float32():
    model, x = network(), rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(stepping(model, "bfloat16")(x), model(x))


def test_what_they_are_not_for_is_left_to_autograd():
    model = network()
    assert can_be_written(_low_copy(model))
    plain = PreActResNet(COLOUR, torch.Generator().manual_seed(0)).eval()
    hooked, learning = copy.deepcopy(model), copy.deepcopy(model)
    hooked.act.register_forward_hook(lambda *given: None)
    learning.requires_grad_(True)
    others = (plain.requires_grad_(False), nn.Sequential(nn.Conv2d(3, 4, 3)).requires_grad_(False))
    assert not any(can_be_written(_low_copy(each)) for each in (*others, hooked))
    assert not can_be_written(learning.bfloat16())
