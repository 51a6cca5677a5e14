"""The loop learns, and a run that was killed ends with the weights of one that was not."""

import dataclasses
import os
import signal
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages
from core.errors import ConfigError, InputError
from core.models.resnet import MirroredConfig, MirroredResNet, ResNetConfig
from core.training.augment import Augmentation
from core.training.loop import Progress, one_cycle, train
from core.training.plan import TrainingPlan
from core.training.recipes.adversarial import AdversarialTraining
from core.training.recipes.random_radius import RandomRadius
from core.training.recipes.standard import Standard
from tests.helpers.forked import begun


def grey_images(count: int) -> LabelledImages:
    """Ten classes of 28x28 pictures: stripes of five widths, lying or standing, on noise."""
    generator = torch.Generator().manual_seed(count)
    labels = torch.arange(count) % 10
    pixels = torch.randint(0, 60, (count, 1, 28, 28), generator=generator, dtype=torch.uint8)
    for picture, label in zip(pixels, labels.tolist(), strict=True):
        width = label // 2 + 1
        bright = torch.arange(28) // width % 2 == 0
        if label % 2:
            picture[0, bright] += 150
        else:
            picture[0, :, bright] += 150
    return LabelledImages(pixels, labels, "stripes")


def tiny_plan(**changes) -> TrainingPlan:
    """A plan that one core finishes in a second or two."""
    network = ResNetConfig(10, (0.2,), (0.3,), (4, 8), (1, 1))
    plan = TrainingPlan(
        "fashion-mnist",
        "tiny",
        Standard(),
        network,
        epochs=3,
        batch_size=20,
        learning_rate=0.1,
        averaging=0.9,
        augmentation=Augmentation(padding=1, flip=True),
        precision="fp32",
    )
    return dataclasses.replace(plan, **changes)


DATA, VAL = grey_images(120), grey_images(50)
ADVERSARIAL = AdversarialTraining(Pgd(0.05, "linf", 1))


@pytest.mark.slow
def test_training_learns(tmp_path):
    outcome = train(tiny_plan(epochs=10), DATA, VAL, tmp_path)
    assert outcome.finished and len(outcome.history) == 10
    assert outcome.history[-1].loss < 0.5 * outcome.history[0].loss
    assert outcome.history[-1].val_accuracy > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [Standard(), ADVERSARIAL], ids=["standard", "adversarial"])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, recipe):
    plan = tiny_plan(recipe=recipe)
    whole = train(plan, DATA, VAL, tmp_path / "whole")
    seen: list[Progress] = []
    part = train(plan, DATA, VAL, tmp_path / "part", seen.append, should_stop=lambda: len(seen) > 9)
    assert not part.finished and len(part.history) == 1  # stopped inside the second epoch
    rest = train(plan, DATA, VAL, tmp_path / "part")
    assert rest.finished
    assert_close(rest.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)
    assert [record.loss for record in rest.history] == [record.loss for record in whole.history]


def _train_until_killed(folder: Path) -> None:
    """Train in a process that kills itself, without a chance to tidy up, in the middle of the third epoch."""
    torch.set_num_threads(1)

    def die(progress: Progress) -> None:
        if progress.epoch == 2 and progress.step == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    train(tiny_plan(recipe=ADVERSARIAL), DATA, VAL, folder, die)


@pytest.mark.slow
def test_killed_process_resumes_to_the_same_weights(tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # another number of threads may sum in another order
    try:
        process = begun(_train_until_killed, tmp_path / "killed")
        process.join()
        assert process.exitcode == -signal.SIGKILL
        rest = train(tiny_plan(recipe=ADVERSARIAL), DATA, VAL, tmp_path / "killed")
        whole = train(tiny_plan(recipe=ADVERSARIAL), DATA, VAL, tmp_path / "whole")
    finally:
        torch.set_num_threads(threads)
    assert len(rest.history) == 3
    assert_close(rest.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)


def test_a_tail_ships_the_plain_mean_of_its_weights_with_fresh_norms(tmp_path):
    """One step an epoch, so that each checkpoint of the tail holds one of the weights that are averaged."""
    plan = tiny_plan(epochs=4, tail=3, batch_size=len(DATA))
    visited = []

    def remember(progress: Progress) -> None:
        if progress.step == 1 and progress.val_accuracy is None and progress.epoch > 1:
            visited.append(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["model"]["stem.weight"])

    outcome = train(plan, DATA, VAL, tmp_path, remember)
    last = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["model"]["stem.weight"]
    assert_close(outcome.model.stem.weight.data, torch.stack([*visited, last]).mean(0))
    assert len(visited) == 2
    first_norm = outcome.model.stages[0][0].norm1
    seen = outcome.model.stem(outcome.model.normalise(DATA.images()))
    assert_close(first_norm.running_mean, seen.mean((0, 2, 3)).detach(), rtol=1e-4, atol=1e-5)


def test_a_network_with_a_mirror_learns_as_one_view_and_ships_with_both(tmp_path):
    one_view = tiny_plan(epochs=1)
    config = MirroredConfig(10, (0.2,), (0.3,), (4, 8), (1, 1))
    both = dataclasses.replace(one_view, network=config)
    plain, mirrored = (train(plan, DATA, VAL, tmp_path / name) for name, plan in (("one", one_view), ("both", both)))
    assert type(mirrored.model) is MirroredResNet and not mirrored.model.training
    assert_close(mirrored.model.state_dict(), plain.model.state_dict(), rtol=0, atol=0)
    assert mirrored.history[0].val_accuracy == plain.history[0].val_accuracy


def test_seed_decides_the_weights(tmp_path):
    first = train(tiny_plan(epochs=1), DATA, VAL, tmp_path / "a").model
    other = train(tiny_plan(epochs=1, seed=1), DATA, VAL, tmp_path / "b").model
    assert not torch.equal(first.stem.weight, other.stem.weight)


@pytest.mark.slow
def test_adversarial_training_resists_its_attack_better(tmp_path):
    attack = Pgd(0.15, "linf", 5)
    kept = {}
    for name, recipe in {"standard": Standard(), "attacked": AdversarialTraining(Pgd(0.15, "linf", 2))}.items():
        model = train(tiny_plan(recipe=recipe, epochs=8), DATA, VAL, tmp_path / name).model
        x_adv = attack(model, VAL.images(), VAL.labels, torch.Generator().manual_seed(0))
        kept[name] = float((model(x_adv).argmax(1) == VAL.labels).float().mean())
    assert kept["attacked"] > kept["standard"] + 0.1


def test_a_checkpoint_of_another_plan_is_refused(tmp_path):
    train(tiny_plan(epochs=1), DATA, VAL, tmp_path)
    with pytest.raises(ConfigError, match="another plan"):
        train(tiny_plan(epochs=2), DATA, VAL, tmp_path)


def test_fewer_images_than_a_batch_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="fewer"):
        train(tiny_plan(batch_size=500), DATA, VAL, tmp_path)


def test_a_run_that_diverges_says_so(tmp_path):
    with pytest.raises(InputError, match="learning rate"):
        train(tiny_plan(learning_rate=10.0, weight_decay=100.0, epochs=8), DATA, VAL, tmp_path)


@dataclasses.dataclass(frozen=True)
class Diverging(Standard):
    """Cross-entropy, but for one step: the loss is no number there, or only its gradient is none."""

    at: int
    what: str

    def loss(self, model, batch):
        step = batch.state["step"] = batch.state.get("step", 0) + 1
        found = super().loss(model, batch)
        if step != self.at:
            return found
        return found * torch.nan if self.what == "loss" else found + (0 * model.head.bias).sum().sqrt()


def test_a_loss_that_is_no_number_is_seen_at_its_own_step(tmp_path):
    seen = []
    with pytest.raises(InputError, match="loss of epoch 1 is no longer a number"):
        train(tiny_plan(recipe=Diverging(4, "loss")), DATA, VAL, tmp_path, on_progress=seen.append)
    assert [progress.step for progress in seen] == [1, 2, 3] and not list(tmp_path.iterdir())


def test_weights_that_the_last_step_ruined_are_not_kept(tmp_path):
    """The loss of that step was a number still."""
    with pytest.raises(InputError, match="weights after epoch 1 are no longer numbers"):
        train(tiny_plan(recipe=Diverging(6, "gradient"), epochs=1), DATA, VAL, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unwritable_folder_is_said_and_leaves_nothing(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match="could not be written"):
        train(tiny_plan(epochs=1), DATA, VAL, blocked / "run")
    assert list(tmp_path.iterdir()) == [blocked]


def test_learning_rate_rises_then_falls_to_nearly_nothing():
    rates = [one_cycle(step, 100) for step in range(100)]
    peak = rates.index(max(rates))
    assert peak == 20 and max(rates) == 1.0
    assert rates[:21] == sorted(rates[:21]) and rates[20:] == sorted(rates[20:], reverse=True)
    assert 0 < rates[-1] < 0.02


@pytest.mark.parametrize(
    "bad",
    [
        {"task": "imagenet"},
        {"epochs": 0},
        {"batch_size": 1},
        {"learning_rate": 0.0},
        {"averaging": 1.0},
        {"tail": 3},
        {"tail": -1},
        {"precision": "int8"},
        {"images": 3},
        {"seed": -1},
        {"network": ResNetConfig(10)},
    ],
)
def test_impossible_plans_are_refused_before_they_start(bad):
    with pytest.raises(ConfigError):
        tiny_plan(**bad)


@pytest.mark.slow
def test_a_run_goes_on_from_the_network_that_the_recipe_names(tmp_path):
    start = train(tiny_plan(), DATA, VAL, tmp_path / "start").model
    plan = tiny_plan(recipe=RandomRadius(Pgd(0.5, "l2", 1), "start"), epochs=1, learning_rate=1e-9, averaging=0.0)
    outcome = train(plan, DATA, VAL, tmp_path / "on", networks={"start": start})
    assert_close(dict(outcome.model.named_parameters()), dict(start.named_parameters()), rtol=0, atol=1e-6)
    with pytest.raises(ConfigError, match="'start'"):
        train(plan, DATA, VAL, tmp_path / "none")
    with pytest.raises(ConfigError, match="other weights of 'start'"):
        train(plan, DATA, VAL, tmp_path / "on", networks={"start": outcome.model})
