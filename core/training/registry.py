"""The recipes by the key of the model that each makes, with what a menu must say about them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.attacks.fgsm import Fgsm
from core.attacks.kl_ascent import KlAscent
from core.attacks.pgd import Pgd
from core.attacks.scheduled import L2_MIN_TRAINING, L2_TRAINING
from core.data.tasks import Task
from core.models.activations import Activation
from core.training.adversarial import AdversarialTraining, SingleStepTraining
from core.training.adversarial_double_backprop import AdversarialDoubleBackprop
from core.training.distillation import Distilled, Tempered
from core.training.double_backprop import DoubleBackprop
from core.training.gaussian_noise import GaussianNoise
from core.training.insensitive import Insensitive
from core.training.lipschitz import Lipschitz, PsiController
from core.training.margin_radius import MarginRadius
from core.training.random_radius import RandomRadius
from core.training.recipes import Recipe, Standard
from core.training.saliency_maps import MapName
from core.training.saliency_training import SaliencyPerturbation, SaliencyPgd, SaliencyTrades, SaliencyTraining
from core.training.trades import Trades


@dataclass(frozen=True, slots=True)
class RecipeEntry:
    """One way to train.

    Attributes:
        title: its name for people.
        sentence: what it does, one sentence.
        source: paper and section.
        build: the recipe with default settings for a task; sizes follow the task's radii. The formula is its
            `describe()`.
        activation: what the recipe wants its network to have.
    """

    title: str
    sentence: str
    source: str
    build: Callable[[Task], Recipe]
    activation: Activation = "relu"


def _saliency(task: Task, maps: MapName, teacher: str | None = None) -> SaliencyPerturbation:
    """The perturbation of a task, at the radius that its robustness is reported at."""
    return SaliencyPerturbation(maps, teacher, task.radii["linf"])


def _pgd(task: Task, steps: int) -> Pgd:
    """PGD at the task's L-infinity radius; steps add up to 1.25 epsilon as in the authors' five steps of 2/255."""
    return Pgd(task.radii["linf"], "linf", steps, 1.25 * task.radii["linf"] / steps)


def _margins(radius: float) -> MarginRadius:
    """Radii of up to eight times that which a task's robustness is reported at, and all else in proportion.

    Without a random start: two steps can't undo the noise, and margins would look wider than they are.
    """
    attack = Pgd(8 * radius, "l2", 2, 5 * radius, random_start=False)
    return MarginRadius(attack, first=2 * radius, change=0.2 * radius, least=0.2 * radius, clean_below=0.5 * radius)


# Ross and Doshi-Velez's lambdas for notMNIST as weights on the mean, where pixels span a range of 1 as here. (SVHN's
# 19.5 is per squared deviation of an image, so about 1 in these units; MNIST's 110 is for an easier task.)
WEIGHT, WEIGHT_INSENSITIVE = 1.1, 0.35

_SAT = "Mangla et al. 2020, arXiv:2006.07828"
_ROSS = "Ross, Doshi-Velez 2018, arXiv:1711.09404"
_WOODS = "Woods, Chen, Teuscher 2019, arXiv:1906.02896"

RECIPES: Mapping[str, RecipeEntry] = {
    "standard": RecipeEntry(
        "Standard", "Learns from the pictures as they are.", "the common baseline", lambda task: Standard()
    ),
    "pgd-linf": RecipeEntry(
        "Adversarial, L-infinity",
        "Learns from pictures in which every pixel has moved a little against the network.",
        "Madry et al. 2018, arXiv:1706.06083",
        lambda task: AdversarialTraining(_pgd(task, 2)),
    ),
    "pgd-l2": RecipeEntry(
        "Adversarial, L2",
        "Learns from pictures moved a short way against the network, a few pixels more than others.",
        "Madry et al. 2018, arXiv:1706.06083",
        lambda task: AdversarialTraining(Pgd(task.radii["l2"], "l2", 2, 0.625 * task.radii["l2"])),
    ),
    "pgd-l2-radii": RecipeEntry(
        "Adversarial, L2, all radii",
        "Learns from pictures of which each was moved a way of its own length against the network, short or long.",
        "our own, for the area of Woods et al. 2019",
        lambda task: RandomRadius(Pgd(2 * task.radii["l2"], "l2", 2, 1.25 * task.radii["l2"])),
        "hhrelu",
    ),
    "pgd-l2-margins": RecipeEntry(
        "Adversarial, L2, radii that follow margins",
        "Learns from pictures each moved about as far against the network as it can just bear with that picture.",
        "after Balaji et al. 2019, arXiv:1910.08051, for the area of Woods et al. 2019",
        lambda task: _margins(task.radii["l2"]),
        "hhrelu",
    ),
    "adversarial": RecipeEntry(
        "Adversarial, single step",
        "Learns half from clean pictures and half from pictures moved one step away from the network's own answer.",
        _ROSS,
        lambda task: SingleStepTraining(Fgsm(task.radii["linf"])),
    ),
    "trades": RecipeEntry(
        "TRADES",
        "Learns the label from the clean picture, and the same answer from the worst picture near it.",
        "Zhang et al. 2019, arXiv:1901.08573",
        lambda task: Trades(KlAscent(task.radii["linf"], steps=5)),
    ),
    "double-backprop": RecipeEntry(
        "Double backpropagation",
        "Learns the label while keeping small how much the loss changes with the picture.",
        _ROSS,
        lambda task: DoubleBackprop(WEIGHT),
    ),
    "insensitive": RecipeEntry(
        "Certainty-insensitive",
        "Learns the label while keeping small how much its certainty changes with the picture.",
        _ROSS,
        lambda task: Insensitive(WEIGHT_INSENSITIVE),
    ),
    "adversarial-double-backprop": RecipeEntry(
        "Double backpropagation and adversarial",
        "Learns half by double backpropagation on clean pictures, half from pictures moved one step.",
        _ROSS,
        lambda task: AdversarialDoubleBackprop(DoubleBackprop(WEIGHT), SingleStepTraining(Fgsm(task.radii["linf"]))),
    ),
    "lipschitz": RecipeEntry(
        "Lipschitz-inspired",
        "Keeps the scores of all classes from changing quickly with the picture, as far as its loss allows.",
        _WOODS,
        lambda task: Lipschitz(_controller(task)),
        "hhrelu",
    ),
    "lipschitz-l2": RecipeEntry(
        "Lipschitz-inspired, L2 attacks",
        "The same on pictures that are all moved a short way against the network.",
        _WOODS,
        lambda task: Lipschitz(_controller(task), attack=L2_TRAINING),
        "hhrelu",
    ),
    "lipschitz-all": RecipeEntry(
        "Lipschitz-inspired, all additions",
        "The same with half of the pictures moved just far enough to be mistaken.",
        _WOODS,
        lambda task: Lipschitz(_controller(task), attack=L2_MIN_TRAINING, share=0.5),
        "hhrelu",
    ),
    "sat-strong-standard": RecipeEntry(
        "Saliency of the standard network",
        "Learns from pictures perturbed along where the standard network looks.",
        _SAT,
        lambda task: SaliencyTraining(_saliency(task, "gradient-sign", "standard")),
    ),
    "sat-strong-robust": RecipeEntry(
        "Saliency of a robust network",
        "Learns from pictures perturbed along where an adversarially trained network looks.",
        _SAT,
        lambda task: SaliencyTraining(_saliency(task, "gradient-sign", "pgd-linf")),
    ),
    "sat-pgd": RecipeEntry(
        "Saliency and PGD",
        "Tosses a coin for each batch: a robust network's saliency, or an attack.",
        _SAT,
        lambda task: SaliencyPgd(_saliency(task, "gradient-sign", "pgd-linf"), _pgd(task, 5)),
    ),
    "sat-trades": RecipeEntry(
        "Saliency and TRADES",
        "TRADES, its picture nearby made from a robust network's saliency or by ascent, as a coin says for each batch.",
        _SAT,
        lambda task: SaliencyTrades(
            _saliency(task, "gradient-sign", "pgd-linf"), KlAscent(task.radii["linf"], steps=5)
        ),
    ),
    "sat-box": RecipeEntry(
        "Saliency from boxes",
        "Learns from pictures with the object's box darkened and the rest brightened.",
        _SAT,
        lambda task: SaliencyTraining(_saliency(task, "given")),
    ),
    "sat-box-pgd": RecipeEntry(
        "Saliency from boxes, and PGD",
        "Tosses a coin for each batch: boxes, or an attack.",
        _SAT,
        lambda task: SaliencyPgd(_saliency(task, "given"), _pgd(task, 5)),
    ),
    "sat-mask": RecipeEntry(
        "Saliency from masks",
        "Learns from pictures with the object darkened and the rest brightened.",
        _SAT,
        lambda task: SaliencyTraining(_saliency(task, "given")),
    ),
    "sat-mask-pgd": RecipeEntry(
        "Saliency from masks, and PGD",
        "Tosses a coin for each batch: masks, or an attack.",
        _SAT,
        lambda task: SaliencyPgd(_saliency(task, "given"), _pgd(task, 5)),
    ),
    "noise-sign": RecipeEntry(
        "Sign noise",
        "The control for saliency: every value goes up or down by the same amount, at random.",
        _SAT,
        lambda task: SaliencyTraining(_saliency(task, "none")),
    ),
    "noise": RecipeEntry(
        "Gaussian noise",
        "Learns from pictures under strong noise.",
        "the robust classifiers of the latent-metrics paper",
        lambda task: GaussianNoise(),
    ),
    "distilled-teacher": RecipeEntry(
        "Teacher for distillation",
        "Learns the labels at a high temperature, so that its probabilities stay soft.",
        "Papernot et al. 2016, arXiv:1511.04508",
        lambda task: Tempered(),
    ),
    "distilled": RecipeEntry(
        "Defensive distillation",
        "Learns the soft probabilities of its teacher; what looks like robustness is a vanished gradient.",
        "Papernot et al. 2016, arXiv:1511.04508",
        lambda task: Distilled("distilled-teacher"),
    ),
}


_OTHERWISE_SET = {"oneepoch": "standard", "pgd-l2-large": "pgd-l2"}
"""Models of the zoo that differ from that of their recipe by settings alone: stopped early, a larger radius."""


def entry_of(model: str) -> RecipeEntry | None:
    """The recipe of the zoo's model of that key; None where it is not one of ours."""
    return RECIPES.get(_OTHERWISE_SET.get(model, model))


def _controller(task: Task) -> PsiController:
    """The authors' loss target for ten classes, and the same share of the loss of guessing for others."""
    return PsiController(target=1.5 * math.log(task.classes) / math.log(10))
