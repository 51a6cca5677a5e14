"""Students: what they are shown, what they are asked for, and that a training goes on where it stopped."""

from dataclasses import replace

import pytest
import torch

from core.data.datasets import LabelledImages
from core.errors import ConfigError
from core.models.zoo import load_zoo_model
from core.norms import norm_of
from core.training.student import loop
from core.training.student.loop import _Run, answer_distance, rate_at, train_student
from core.training.student.plan import StudentPlan
from core.training.student.views import Views, enlarged

PLAN = StudentPlan("cifar10", "student", "standard", 6, 4 / 255, views=Views(32, 1.5, 0.5), batch_size=8, rise=0.0)


@pytest.fixture(scope="module")
def photographs():
    pixels = torch.randint(0, 256, (24, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return LabelledImages(pixels.repeat_interleave(4, 2).repeat_interleave(4, 3), torch.zeros(24).long(), "made here")


@pytest.fixture(scope="module")
def teacher():
    return load_zoo_model("cifar10", "standard")


def test_a_view_is_a_part_of_its_photograph_or_of_four(photographs):
    chosen = torch.arange(24)
    seen = Views(32, 1.5, 0.5)(photographs.pixels, chosen, torch.Generator().manual_seed(1))
    assert seen.shape == (24, 3, 32, 32) and seen.min() >= 0 and seen.max() <= 1
    assert torch.equal(seen, Views(32, 1.5, 0.5)(photographs.pixels, chosen, torch.Generator().manual_seed(1)))
    whole = Views(32, 1.0, 0.0)(photographs.pixels, chosen, torch.Generator().manual_seed(2))
    plain = enlarged(photographs.images(), 32)
    straight = [torch.equal(view, picture) for view, picture in zip(whole, plain, strict=True)]
    mirrored = [torch.equal(view, picture.flip(2)) for view, picture in zip(whole, plain, strict=True)]
    assert all(one != other for one, other in zip(straight, mirrored, strict=True)) and any(straight) and any(mirrored)
    four = Views(32, 1.0, 1.0)(photographs.pixels, torch.tensor([5]), torch.Generator().manual_seed(4))
    own = [four[0, :, :16, :16], four[0, :, :16, 16:].flip(2)]  # the first of the four, straight or mirrored
    small = enlarged(photographs.images()[5:6], 16)[0]
    assert min(float((corner - small).abs().mean()) for corner in own) < 0.05


def test_the_distance_of_answers_is_the_divergence_and_that_of_features():
    logits, wanted = torch.randn(2, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    features, other = torch.randn(2, 5, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    p, q = wanted.softmax(1), logits.softmax(1)
    slow = sum(
        float((p[i] * (p[i] / q[i]).log()).sum() + 3 * ((features[i] - other[i]) ** 2).sum() / (other[i] ** 2).sum())
        for i in range(5)
    )
    assert float(answer_distance(logits, features, wanted, other, 3.0)) == pytest.approx(slow / 5, rel=1e-12)
    assert float(answer_distance(wanted, other, wanted, other, 3.0)) == pytest.approx(0.0, abs=1e-12)


def test_a_student_begins_as_its_teacher_and_its_attack_keeps_to_the_radii(photographs, teacher):
    run = _Run(PLAN, photographs, teacher, torch.device("cpu"), lambda progress: None, lambda: False)
    x = enlarged(photographs.images()[:8], 32)
    assert torch.allclose(run.averaged()(x), teacher.fast(x), atol=1e-3)
    with torch.no_grad():
        features = run.teacher.features(x)
        wanted = run.teacher.linear(features), features
    radius = torch.linspace(0, 4 / 255, 8)
    moved = run._attacked(x, radius, wanted, torch.Generator().manual_seed(0))
    assert (norm_of(moved - x, "linf") <= radius + 1e-6).all() and moved.min() >= 0 and moved.max() <= 1
    assert torch.equal(moved[0], x[0])
    shaken = (x + radius.view(-1, 1, 1, 1) * torch.empty_like(x).uniform_(-1, 1)).clamp(0, 1)
    with torch.no_grad():
        assert run._loss(moved, wanted) > 2 * run._loss(shaken, wanted) > 0


def test_it_comes_nearer_to_its_teacher_under_attack(photographs, teacher, tmp_path):
    plan = replace(PLAN, steps=40, learning_rate=0.05, averaging=0.9, batch_size=16)
    losses = []
    trained = train_student(plan, photographs, teacher, tmp_path, lambda progress: losses.append(progress.loss))
    assert trained.finished and len(losses) == 40 and not trained.network.training
    run = _Run(plan, photographs, teacher, torch.device("cpu"), lambda progress: None, lambda: False)
    x = enlarged(photographs.images(), 32)
    with torch.no_grad():
        features = run.teacher.features(x)
        wanted = run.teacher.linear(features), features

    def attacked() -> float:
        moved = run._attacked(x, torch.full((24,), 4 / 255), wanted, torch.Generator().manual_seed(0))
        with torch.no_grad():
            return float(run._loss(moved, wanted))

    before = attacked()
    run.network.load_state_dict(trained.network.state_dict())
    assert attacked() < 0.8 * before


def test_a_stopped_training_goes_on_to_the_same_weights(photographs, teacher, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "ROUND", 2)
    whole = train_student(PLAN, photographs, teacher, tmp_path / "whole")
    asked = iter(range(100))
    part = train_student(PLAN, photographs, teacher, tmp_path / "part", should_stop=lambda: next(asked) == 3)
    assert not part.finished and len(part.history) == 1
    rest = train_student(PLAN, photographs, teacher, tmp_path / "part")
    assert rest.finished and len(rest.history) == 3
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, rest.network.state_dict()[name]), name
    others = LabelledImages(photographs.pixels.flip(0), photographs.labels, "made here")
    stranger = replace(teacher, card=replace(teacher.card, sha256="0" * 64))
    for plan, data, of in (
        (replace(PLAN, epsilon=1 / 255), photographs, teacher),
        (PLAN, others, teacher),
        (PLAN, photographs, stranger),
    ):
        with pytest.raises(ConfigError, match="another plan, teacher, or set of photographs"):
            train_student(plan, data, of, tmp_path / "part")


def test_what_a_plan_can_t_be_is_refused(photographs, teacher, tmp_path):
    for wrong in ({"steps": 0}, {"epsilon": 1.0}, {"rise": 2.0}, {"features": -1.0}, {"learning_rate": 0.0}):
        with pytest.raises(ConfigError):
            replace(PLAN, **wrong)
    with pytest.raises(ConfigError, match="fewer than one batch"):
        train_student(PLAN, photographs.first(4), teacher, tmp_path)
    with pytest.raises(ConfigError, match="learns from pgd-l2"):
        train_student(replace(PLAN, teacher="pgd-l2"), photographs, teacher, tmp_path)
    with pytest.raises(ConfigError, match="need side"):
        Views(16)


def test_the_rate_rises_and_falls():
    rates = [rate_at(step, 100) for step in range(100)]
    assert rates[0] < 0.2 and max(rates) == pytest.approx(1.0, abs=0.02) and rates[-1] < 0.001
    assert rates.index(max(rates)) == 5
