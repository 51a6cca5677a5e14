"""The plans of the models that ship, one a model: `robustscope train TASK KEY` runs exactly these."""

from collections.abc import Mapping
from dataclasses import replace

from core.attacks.kl_ascent import KlAscent
from core.attacks.pgd import Pgd
from core.data.tasks import CIFAR10, FASHION_MNIST, PASTED, TINY20, Task, task_named
from core.errors import ConfigError
from core.models.resnet import MirroredConfig
from core.training.augment import Augmentation
from core.training.plan import TrainingPlan, network_for
from core.training.recipes.adversarial import AdversarialTraining
from core.training.recipes.base import Recipe
from core.training.recipes.distillation import Distilled, Tempered
from core.training.recipes.double_backprop import DoubleBackprop
from core.training.recipes.random_radius import RandomRadius
from core.training.recipes.registry import entry_of, recipes_for
from core.training.recipes.saliency_maps import MapName
from core.training.recipes.saliency_perturbation import SaliencyPerturbation, pace
from core.training.recipes.saliency_training import SaliencyPgd, SaliencyTraining, paced
from core.training.recipes.trades import Trades

EPOCHS: Mapping[str, int] = {"cifar10": 10, "fashion-mnist": 5, "tiny20": 30, "pasted": 5}
"""What every recipe of a task gets; `NOTES` says why where a plan differs."""
USUAL_EPOCHS = 10
"""Of a task for which nobody has chosen."""


def _epochs(task: Task) -> int:
    return EPOCHS.get(task.key, USUAL_EPOCHS)


def _plan(task: Task, key: str, recipe: Recipe | None = None, epochs: int | None = None, tail: int = 0) -> TrainingPlan:
    """A recipe of the registry, with its default settings where none are given, for the task's number of epochs."""
    entry = entry_of(key)
    assert entry is not None
    network = network_for(task, entry.activation)
    augmentation = Augmentation(padding=2 if task.grey else 4)
    recipe = entry.build(task) if recipe is None else recipe
    return TrainingPlan(task.key, key, recipe, network, epochs or _epochs(task), augmentation=augmentation, tail=tail)


def _saliency(task: Task, maps: MapName, teacher: str | None = None, epochs: int | None = None) -> SaliencyPerturbation:
    """Maps whose annealing passes through the authors' 100 epochs of mixing in the plan's number of epochs."""
    return SaliencyPerturbation(maps, teacher, task.radii["linf"], pace(epochs or _epochs(task)))


def _two_steps(task: Task) -> Pgd:
    """Two steps instead of the authors' five, which add up to the same 1.25 epsilon: half the cost here."""
    return Pgd(task.radii["linf"], "linf", 2, 0.625 * task.radii["linf"])


def _with_maps(task: Task, kind: str) -> list[TrainingPlan]:
    """The zoo of a task with boxes or masks: the standard, the control, the attack, the maps, and both.

    Both together get as many epochs as make them cost what the attack alone costs: half of their batches are attacked,
    and an attack of two steps makes a batch about 2.4 times as costly.
    """
    maps, longer = _saliency(task, "given"), round(1.4 * _epochs(task))
    both = SaliencyPgd(_saliency(task, "given", epochs=longer), _two_steps(task))
    return [
        _plan(task, "standard"),
        _plan(task, "noise-sign"),
        _plan(task, "pgd-linf", AdversarialTraining(_two_steps(task))),
        _plan(task, f"sat-{kind}", SaliencyTraining(maps)),
        _plan(task, f"sat-{kind}-pgd", both, longer),
    ]


def recipe_plan(task: Task, key: str) -> TrainingPlan:
    """A recipe of the registry as the zoo would train it: its own settings, the task's number of epochs."""
    plan = _plan(task, key)
    return replace(plan, recipe=paced(plan.recipe, plan.epochs))


_WIDE = MirroredConfig(CIFAR10.classes, CIFAR10.mean, CIFAR10.std, (16, 64, 256), (1, 2, 3), "hhrelu")
"""The network of 3.2 million parameters that learns at all radii."""

SHIPPED: Mapping[tuple[str, str], TrainingPlan] = {
    (plan.task, plan.key): plan
    for plan in (
        _plan(CIFAR10, "standard", epochs=32, tail=8),
        _plan(CIFAR10, "logitnorm", epochs=32, tail=8),
        _plan(CIFAR10, "oneepoch", epochs=1),
        _plan(CIFAR10, "pgd-linf", AdversarialTraining(Pgd(8 / 255, "linf", 2, 5 / 255)), 15),
        _plan(CIFAR10, "pgd-l2", AdversarialTraining(Pgd(0.6, "l2", 1, 0.6))),
        _plan(CIFAR10, "pgd-l2-large", AdversarialTraining(Pgd(1.5, "l2", 2, 0.9375)), 16, 3),
        replace(
            _plan(CIFAR10, "pgd-l2-radii", RandomRadius(Pgd(4.0, "l2", 2, 2.5), "pgd-l2-large"), 14, 3),
            learning_rate=0.1,
            augmentation=Augmentation(padding=2),
        ),
        replace(
            _plan(CIFAR10, "pgd-l2-radii-wide", RandomRadius(Pgd(4.5, "l2", 2, 2.8125), "pgd-l2-radii"), 36, 4),
            learning_rate=0.1,
            augmentation=Augmentation(padding=2),
            network=_WIDE,
        ),
        _plan(CIFAR10, "noise-sign"),
        _plan(CIFAR10, "sat-strong-robust", SaliencyTraining(_saliency(CIFAR10, "gradient-sign", "pgd-linf"))),
        _plan(CIFAR10, "distilled"),
        _plan(CIFAR10, "double-backprop"),
        _plan(CIFAR10, "lipschitz-all"),
        _plan(CIFAR10, "trades", Trades(KlAscent(8 / 255, "linf", 2, 5 / 255))),
        _plan(FASHION_MNIST, "standard", epochs=14),
        _plan(FASHION_MNIST, "oneepoch", epochs=1),
        _plan(FASHION_MNIST, "distilled"),
        _plan(FASHION_MNIST, "adversarial"),
        _plan(FASHION_MNIST, "pgd-linf", AdversarialTraining(Pgd(0.1, "linf", 3, 0.05))),
        _plan(FASHION_MNIST, "pgd-l2", AdversarialTraining(Pgd(1.42, "l2", 3, 0.7)), 16),
        _plan(FASHION_MNIST, "double-backprop", DoubleBackprop(1.1)),
        _plan(FASHION_MNIST, "insensitive"),
        _plan(FASHION_MNIST, "lipschitz-all"),
        _plan(FASHION_MNIST, "noise"),
        _plan(FASHION_MNIST, "noise-sign"),
        *_with_maps(TINY20, "box"),
        *_with_maps(PASTED, "mask"),
    )
}

TEACHERS: Mapping[tuple[str, str], TrainingPlan] = {
    (task.key, "distilled-teacher"): _plan(task, "distilled-teacher") for task in (CIFAR10, FASHION_MNIST)
}
"""Networks that others learn from and that do not ship themselves."""


def teacher_plan(plan: TrainingPlan) -> TrainingPlan | None:
    """The plan of the network that a plan's recipe learns from, where it has to be trained first; None elsewhere.

    A teacher for distillation learns at the temperature of its student.
    """
    key = plan.recipe.teacher_key
    if key is None or (plan.task, key) in SHIPPED:
        return None
    found = TEACHERS.get((plan.task, key)) or recipe_plan(task_named(plan.task), key)
    if isinstance(plan.recipe, Distilled) and isinstance(found.recipe, Tempered):
        return replace(found, recipe=replace(found.recipe, temperature=plan.recipe.temperature))
    return found


_REFERENCE = "More epochs than most of its task: it is the reference that the others are compared with."
_TRADE = "Every picture it learned from was attacked: a network of this size pays for robustness with clean accuracy."
_HALF = "Half of its batches were attacked: a network of this size pays for robustness with clean accuracy."
_PENALTY = "The penalty on its input gradient costs clean accuracy, and it had a third of the reference's epochs."
_SAME_COST = (
    "It has more epochs than the rest of its task, which by the time of an epoch cost as much as those of pgd-linf."
)
_UNSURE = "Its penalty grows while its loss is below 1.5 nats: what makes it robust keeps it unsure of every picture."
_UNDERTRAINED = "One epoch on purpose: the under-trained control."
_VANISHED = (
    "Accuracy under PGD is no robustness here: distillation makes gradients vanish, so PGD has nothing to follow."
)
CHOSEN_ON_TEST: Mapping[tuple[str, str], str] = {
    ("cifar10", "pgd-l2-large"): "its area",
    ("cifar10", "pgd-l2-radii"): "its area and clean accuracy",
    ("cifar10", "pgd-l2-radii-wide"): "the area and clean accuracy that pgd-l2-radii, from which it goes on, has",
    ("fashion-mnist", "pgd-l2"): "its clean accuracy and that under PGD",
}
"""Networks whose recipes were tried until a figure on the first test images met a floor: by task and key, which."""
FRESH = 1000
"""The first test image, counted from 0, that took no part in that."""


def chosen_note(task: str, key: str) -> str:
    """What is to be known of the figures of a network of `CHOSEN_ON_TEST`."""
    return (
        f"Its recipe was chosen by {CHOSEN_ON_TEST[task, key]} on the first {FRESH:,} test images: figures on these "
        "say too much."
    )


NOTES: Mapping[tuple[str, str], str] = {
    ("cifar10", "standard"): _REFERENCE,
    ("cifar10", "logitnorm"): "It had the reference's epochs. It is right more often than its probabilities say.",
    ("cifar10", "oneepoch"): _UNDERTRAINED,
    ("cifar10", "pgd-linf"): f"{_TRADE} It has more epochs than most of its task: others learn from it.",
    ("cifar10", "pgd-l2"): _TRADE,
    (
        "cifar10",
        "pgd-l2-large",
    ): f"{_TRADE} Its radius is large, and it has more epochs than most of its task. "
    + chosen_note("cifar10", "pgd-l2-large"),
    (
        "cifar10",
        "pgd-l2-radii",
    ): f"{_TRADE} It goes on from pgd-l2-large, whose epochs add to its own. {chosen_note('cifar10', 'pgd-l2-radii')}",
    (
        "cifar10",
        "pgd-l2-radii-wide",
    ): f"{_TRADE} It goes on from pgd-l2-radii with more channels; the epochs of that one, and of the one "
    f"before it, add to its own. It answers by the mean over a picture and its mirror image. "
    f"{chosen_note('cifar10', 'pgd-l2-radii-wide')}",
    ("cifar10", "double-backprop"): _PENALTY,
    ("cifar10", "lipschitz-all"): _UNSURE,
    (
        "cifar10",
        "trades",
    ): "Most of its loss asks for the same answer near every picture: a network of this size pays with clean accuracy.",
    ("cifar10", "noise-sign"): "It had a third of the reference's epochs, and saw no picture without noise.",
    (
        "cifar10",
        "sat-strong-robust",
    ): "It had a third of the reference's epochs, and saw no picture without a perturbation.",
    ("cifar10", "distilled"): _VANISHED,
    ("fashion-mnist", "standard"): _REFERENCE,
    ("fashion-mnist", "distilled"): _VANISHED,
    ("fashion-mnist", "double-backprop"): _PENALTY,
    ("fashion-mnist", "oneepoch"): _UNDERTRAINED,
    (
        "fashion-mnist",
        "adversarial",
    ): "It had a third of the reference's epochs, and half of its loss was on attacked pictures.",
    ("fashion-mnist", "pgd-linf"): f"{_TRADE} In L2 it shows a sign of a masked gradient: see the report robustness.",
    (
        "fashion-mnist",
        "pgd-l2",
    ): f"{_TRADE} It has more epochs than the rest of its task. {chosen_note('fashion-mnist', 'pgd-l2')}",
    ("fashion-mnist", "lipschitz-all"): _UNSURE,
    ("fashion-mnist", "noise"): "Every picture it learned from was under strong noise, at the cost of clear ones.",
    ("tiny20", "pgd-linf"): _TRADE,
    ("tiny20", "sat-box-pgd"): f"{_HALF} {_SAME_COST}",
    ("pasted", "pgd-linf"): _TRADE,
    ("pasted", "sat-mask-pgd"): _SAME_COST,
}
"""What a card must say besides: why a plan differs, or why its network is far less accurate than `standard`."""


def plan_named(task: str, key: str) -> TrainingPlan:
    """The plan that made a shipped model, or that of a recipe as the zoo would train it.

    Raises:
        ConfigError: there is neither.
    """
    if (task, key) in SHIPPED:
        return SHIPPED[task, key]
    recipes = recipes_for(task_named(task))
    if key not in recipes:
        known = dict.fromkeys([*(key for known_task, key in SHIPPED if known_task == task), *recipes])
        raise ConfigError(f"{task} has {', '.join(known)} to train; got {key!r}")
    return recipe_plan(task_named(task), key)
