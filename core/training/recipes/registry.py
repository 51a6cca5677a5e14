"""The recipes by the key of the model that each makes, and what models of the zoo are called and look like."""

from collections.abc import Iterator, Mapping

from core.data.tasks import Task
from core.training.recipes.adversarial import ADVERSARIAL_L2_RECIPE, ADVERSARIAL_LINF_RECIPE, SINGLE_STEP_RECIPE
from core.training.recipes.adversarial_double_backprop import ADVERSARIAL_DOUBLE_BACKPROP_RECIPE
from core.training.recipes.distillation import DISTILLED_RECIPE, TEMPERED_RECIPE
from core.training.recipes.double_backprop import DOUBLE_BACKPROP_RECIPE
from core.training.recipes.entry import RecipeEntry, StudentEntry, Variant
from core.training.recipes.gaussian_noise import GAUSSIAN_NOISE_RECIPE
from core.training.recipes.insensitive import INSENSITIVE_RECIPE
from core.training.recipes.lipschitz import LIPSCHITZ_ALL_RECIPE, LIPSCHITZ_L2_RECIPE, LIPSCHITZ_RECIPE
from core.training.recipes.logit_norm import LOGIT_NORM_RECIPE
from core.training.recipes.random_radius import RANDOM_RADIUS_RECIPE
from core.training.recipes.saliency_training import (
    BOXES_PGD_RECIPE,
    BOXES_RECIPE,
    MASKS_PGD_RECIPE,
    MASKS_RECIPE,
    SALIENCY_OF_ROBUST_RECIPE,
    SALIENCY_OF_STANDARD_RECIPE,
    SALIENCY_PGD_RECIPE,
    SALIENCY_TRADES_RECIPE,
    SIGN_NOISE_RECIPE,
)
from core.training.recipes.standard import STANDARD_RECIPE
from core.training.recipes.trades import TRADES_RECIPE

_RECIPES = (
    STANDARD_RECIPE,
    LOGIT_NORM_RECIPE,
    ADVERSARIAL_LINF_RECIPE,
    ADVERSARIAL_L2_RECIPE,
    RANDOM_RADIUS_RECIPE,
    SINGLE_STEP_RECIPE,
    TRADES_RECIPE,
    DOUBLE_BACKPROP_RECIPE,
    INSENSITIVE_RECIPE,
    ADVERSARIAL_DOUBLE_BACKPROP_RECIPE,
    LIPSCHITZ_RECIPE,
    LIPSCHITZ_L2_RECIPE,
    LIPSCHITZ_ALL_RECIPE,
    SALIENCY_OF_STANDARD_RECIPE,
    SALIENCY_OF_ROBUST_RECIPE,
    SALIENCY_PGD_RECIPE,
    SALIENCY_TRADES_RECIPE,
    BOXES_RECIPE,
    BOXES_PGD_RECIPE,
    MASKS_RECIPE,
    MASKS_PGD_RECIPE,
    SIGN_NOISE_RECIPE,
    GAUSSIAN_NOISE_RECIPE,
    TEMPERED_RECIPE,
    DISTILLED_RECIPE,
)
RECIPES: Mapping[str, RecipeEntry] = {entry.key: entry for entry in _RECIPES}
"""By the key used in files and URLs; menus, the command line, names and colours are read from it."""

STUDENT = StudentEntry(
    "robust-student",
    "Robust student",
    "Adversarial, without labels",
    "Starts as the standard network, and learns to answer attacked pictures as that one answers clean ones.",
    "Schlarmann et al. 2024, arXiv:2402.12336; Goldblum et al. 2020, arXiv:1905.09747",
    "#128A86",  # as of the other networks that are robust in L-infinity; no task has both
)


def recipes_for(task: Task) -> list[str]:
    """Keys of the recipes that a task can be trained with: those whose annotation its images have."""
    return [key for key, entry in RECIPES.items() if entry.annotation in (None, task.annotation)]


def entry_of(model: str) -> RecipeEntry | None:
    """The recipe of the zoo's model of that key; None where it is not one of ours."""
    return next((entry for known, entry, _ in _models() if known == model), None)


def student_of(model: str) -> StudentEntry | None:
    """What is known of the student of that key; None where it is none."""
    return STUDENT if model == STUDENT.key else None


def name_of(model: str) -> str | None:
    """What the zoo's model of that key is called; None where it is not one of ours."""
    if student := student_of(model):
        return student.name
    return next((shown.name for known, _, shown in _models() if known == model), None)


def colour_of(model: str) -> str | None:
    """The colour "#rrggbb" of the zoo's model of that key; None where its recipe chose none."""
    if student := student_of(model):
        return student.colour
    return next((shown.colour for known, _, shown in _models() if known == model), None)


def _models() -> Iterator[tuple[str, RecipeEntry, RecipeEntry | Variant]]:
    """Each model of the zoo: its key, its recipe, and what says how it is shown."""
    for key, entry in RECIPES.items():
        yield key, entry, entry
        yield from ((variant.key, entry, variant) for variant in entry.variants)
