"""Defensive distillation: softened targets from a frozen teacher."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.data.datasets import LabelledImages
from core.errors import ConfigError
from core.models.fast import fast_form
from core.models.resnet import ResNetConfig
from core.training.augment import Augmentation
from core.training.loop import train
from core.training.plan import TrainingPlan
from core.training.recipes.distillation import Distilled, Tempered


def test_the_first_stage_softens_by_the_temperature(linear, batch):
    probabilities = (linear(batch.x) / 50).softmax(1)
    expected = -50 * probabilities.gather(1, batch.labels[:, None]).log().mean()
    assert_close(Tempered(50.0).loss(linear, batch), expected)


def test_temperature_one_is_cross_entropy(linear, batch):
    assert_close(Tempered(1.0).loss(linear, batch), cross_entropy(linear(batch.x), batch.labels))


def test_the_slope_along_the_logits_has_the_size_it_has_at_temperature_one(batch):
    """At logits of zero the derivative is p - y whatever the temperature."""
    for temperature in (1.0, 50.0):
        logits = torch.zeros(6, 3, requires_grad=True)
        (slope,) = torch.autograd.grad(Tempered(temperature).loss(lambda x, z=logits: z, batch), logits)
        assert_close(slope[0], torch.tensor([-2 / 3, 1 / 3, 1 / 3]) / 6)


def test_the_second_stage_learns_the_teachers_softened_probabilities_and_no_labels(linear, batch):

    def teacher(x):
        return 40 * torch.tensor([[1.0, 0.0, -1.0]]).expand(len(x), 3)

    soft = torch.tensor([1.0, 0.0, -1.0]).mul(0.8).softmax(0)
    expected = -50 * (soft * (linear(batch.x) / 50).log_softmax(1)).sum(1).mean()
    given = replace(batch, teacher=teacher)
    assert_close(Distilled("teacher").loss(linear, given), expected)
    assert_close(Distilled("teacher").loss(linear, replace(given, labels=(batch.labels + 1) % 3)), expected)


def test_a_student_that_is_its_teacher_has_nothing_to_learn(linear, batch):
    loss = Distilled("teacher", 5.0).loss(linear, replace(batch, teacher=linear))
    (slope,) = torch.autograd.grad(loss, linear.weight)
    assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-6)
    (other,) = torch.autograd.grad(Tempered(5.0).loss(linear, batch), linear.weight)
    assert other.abs().max() > 1e-2


def test_both_stages_train_and_leave_the_teacher_alone(tmp_path):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (60, 1, 28, 28), generator=generator, dtype=torch.uint8)
    data = LabelledImages(pixels, torch.arange(60) % 10, "noise")
    network = ResNetConfig(10, (0.5,), (0.3,), (4,), (1,))
    plan = TrainingPlan(
        "fashion-mnist", "t", Tempered(), network, 1, 20, augmentation=Augmentation(1), precision="fp32"
    )
    teacher = fast_form(train(plan, data, data, tmp_path / "teacher").model)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    outcome = train(replace(plan, recipe=Distilled("t")), data, data, tmp_path / "student", networks={"t": teacher})
    assert outcome.finished
    assert_close(teacher.state_dict(), before, rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_without_its_teacher_it_is_refused(tmp_path):
    data = LabelledImages(torch.zeros(60, 1, 28, 28, dtype=torch.uint8), torch.arange(60) % 10, "black")
    network = ResNetConfig(10, (0.5,), (0.3,), (4,), (1,))
    plan = TrainingPlan("fashion-mnist", "distilled", Distilled("distilled-teacher"), network, 1, 20)
    with pytest.raises(ConfigError, match="distilled-teacher"):
        train(plan, data, data, tmp_path)


@pytest.mark.parametrize("build", [lambda: Tempered(0.5), lambda: Distilled("t", float("inf"))])
def test_impossible_temperatures_are_refused(build):
    with pytest.raises(ConfigError, match="temperature"):
        build()
