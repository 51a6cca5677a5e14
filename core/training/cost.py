"""What a recipe costs: the time of its epochs over that of the standard recipe."""

from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from core.data.datasets import LabelledImages
from core.data.tasks import task_named
from core.errors import ConfigError
from core.models.asking import one_thread
from core.models.fast import fast_form
from core.models.resnet import PreActResNet
from core.training.loop import train
from core.training.plan import TrainingPlan
from core.training.recipes.standard import Standard


@dataclass(frozen=True, slots=True)
class CostSettings:
    """How the time of an epoch is compared; one thread, so that figures of several machines are comparable.

    Attributes:
        steps: of an epoch.
        rounds: epochs of each of the two recipes, in turn; a first pair is run and not counted.

    Raises:
        ConfigError: a count below 1.
    """

    steps: int = 6
    rounds: int = 5

    def __post_init__(self) -> None:
        if min(self.steps, self.rounds) < 1:
            raise ConfigError(f"steps and rounds must be at least 1; got {self}")


def relative_cost(plan: TrainingPlan, settings: CostSettings | None = None) -> float:
    """Time of an epoch of the plan over that of `Standard` on a ReLU network of the same shape: the median of rounds.

    The two take turns, so that another load on the machine meets both. They run the training loop itself on random
    images of the task's shape, with random maps and an untrained network as the teacher where the recipe needs them:
    what is drawn changes no step's work. The time that a teacher was trained for is not counted. A recipe that tosses a
    coin for each batch is seen in `steps * rounds` tosses, so its figure is less sure than others.

    Args:
        plan: what was trained; its schedule does not matter.
        settings: how long to measure.
    """
    settings = settings or CostSettings()
    standard = replace(plan, recipe=Standard(), network=replace(plan.network, activation="relu"))
    if plan == standard:
        return 1.0  # by definition; measured, two runs of the same differ by some per cent
    ratios = []
    with TemporaryDirectory() as folder, one_thread():
        for turn in range(settings.rounds + 1):
            paths = (Path(folder) / f"{turn}-{name}" for name in ("recipe", "standard"))
            took, reference = (
                _epoch_seconds(replace(each, seed=turn), settings.steps, path)
                for each, path in zip((plan, standard), paths, strict=True)
            )
            ratios.append(took / reference)
    return median(ratios[1:])


def _epoch_seconds(plan: TrainingPlan, steps: int, folder: Path) -> float:
    """The seconds that the loop takes for `steps` batches."""
    plan = replace(plan, epochs=1, tail=0, images=None)
    networks = {}
    if plan.recipe.teacher_key is not None:
        teacher = fast_form(PreActResNet(plan.network, torch.Generator().manual_seed(plan.seed)))
        networks[plan.recipe.teacher_key] = teacher
    if plan.recipe.start_key is not None:
        networks[plan.recipe.start_key] = PreActResNet(plan.network)
    data = _noise(plan, steps * plan.batch_size)
    return train(plan, data, _noise(plan, 0), folder, networks=networks).seconds


def _noise(plan: TrainingPlan, count: int) -> LabelledImages:
    """Random images with labels and, where the recipe wants them, maps."""
    task = task_named(plan.task)
    generator = torch.Generator().manual_seed(plan.seed)
    pixels = torch.randint(0, 256, (count, *task.shape), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, task.classes, (count,), generator=generator)
    maps = None
    if plan.recipe.needs_maps:
        maps = 2 * torch.randint(0, 2, (count, 1, *task.shape[1:]), generator=generator, dtype=torch.int8) - 1
    return LabelledImages(pixels, labels, "noise", maps)
