"""The plans of the models that ship, one a model: `robustscope train TASK KEY` runs exactly these."""

from core.attacks.pgd import Pgd
from core.data.tasks import CIFAR10, FASHION_MNIST, Task
from core.errors import ConfigError
from core.training.adversarial import AdversarialTraining
from core.training.augment import Augmentation
from core.training.plan import TrainingPlan, network_for
from core.training.recipes import Recipe, Standard


def _plan(task: Task, key: str, recipe: Recipe, epochs: int, tail: int = 0) -> TrainingPlan:
    augmentation = Augmentation(padding=2 if task.grey else 4)
    return TrainingPlan(task.key, key, recipe, network_for(task), epochs, augmentation=augmentation, tail=tail)


SHIPPED: dict[tuple[str, str], TrainingPlan] = {
    (plan.task, plan.key): plan
    for plan in (
        _plan(CIFAR10, "standard", Standard(), 32, tail=8),
        _plan(CIFAR10, "pgd-linf", AdversarialTraining(Pgd(8 / 255, "linf", 2, 5 / 255)), 15),
        _plan(CIFAR10, "pgd-l2", AdversarialTraining(Pgd(0.6, "l2", 1, 0.6)), 10),
        _plan(FASHION_MNIST, "standard", Standard(), 14),
        _plan(FASHION_MNIST, "pgd-linf", AdversarialTraining(Pgd(0.1, "linf", 3, 0.05)), 5),
        _plan(FASHION_MNIST, "pgd-l2", AdversarialTraining(Pgd(1.5, "l2", 3, 0.75)), 5),
    )
}


def shipped_plan(task: str, key: str) -> TrainingPlan:
    """The plan that made a shipped model.

    Raises:
        ConfigError: no such model ships.
    """
    if (task, key) not in SHIPPED:
        known = ", ".join(key for known_task, key in SHIPPED if known_task == task) or "nothing"
        raise ConfigError(f"{task} has {known} to train; got {key!r}")
    return SHIPPED[task, key]
