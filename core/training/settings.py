"""The numbers of a recipe that can be set from outside, each with a sentence on what it does."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import ConfigError
from core.training.recipes import Recipe
from core.training.saliency_maps import STRONG_MAPS

Value = int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a recipe, or of a part of it.

    Attributes:
        path: where it stands, names joined by dots: "attack.epsilon".
        title: its name for people.
        sentence: what it does.
        value: what it is now; its type is that of the field.
        options: what it can be, for a choice; empty for a number.
    """

    path: str
    title: str
    sentence: str
    value: Value
    options: tuple[str, ...] = ()


_RADIUS = "How far a picture may be moved: on every value in [0, 1] for L-infinity, as a length in all for L2."
_STEPS = "More steps find worse pictures, and each costs one more pass through the network and back."

# By the class and the field.
_SENTENCES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("Pgd", "epsilon"): ("Radius of the attack", _RADIUS),
    ("Pgd", "steps"): ("Steps of the attack", _STEPS),
    ("Pgd", "step_size"): ("Length of a step", "How far one step of the attack goes, in the unit of its radius."),
    ("Fgsm", "epsilon"): ("Radius of the attack", "How far every value of a picture is moved, in [0, 1]."),
    ("KlAscent", "epsilon"): ("Radius of the attack", _RADIUS),
    ("KlAscent", "steps"): ("Steps of the attack", _STEPS),
    ("ScheduledAttack", "epsilon"): ("Size of the attack", "Root mean square of the change of a picture, in [0, 1]."),
    ("ScheduledAttack", "steps"): ("Steps of the attack", _STEPS),
    ("Trades", "beta"): ("Weight β", "How much keeping the same answer nearby counts beside being right."),
    ("SaliencyTrades", "beta"): ("Weight β", "How much keeping the same answer nearby counts beside being right."),
    ("DoubleBackprop", "weight"): (
        "Weight λ",
        "How much a small input gradient counts beside being right.",
    ),
    ("Insensitive", "weight"): ("Weight λ", "How much a steady certainty counts beside being right."),
    ("GaussianNoise", "sigma"): ("Deviation σ", "How strong the noise is, on values in [0, 1]."),
    ("MarginRadius", "first"): ("Radius at first", "How far every picture is moved before its own radius is known."),
    ("MarginRadius", "change"): (
        "Change of a radius",
        "How much a picture's radius grows in an epoch if the network is still right at it, and shrinks if it is not.",
    ),
    ("PsiController", "target"): ("Loss aimed at", "The penalty grows while the training loss is below this, in nats."),
    ("PsiController", "start"): ("Penalty at the start", "The weight ψ of the penalty before it is steered."),
    ("Lipschitz", "zeta"): ("Share of margins ζ", "How often the penalty is on the label's margin, not on one score."),
    ("Lipschitz", "share"): ("Share attacked", "The share of pictures that are attacked before they are learned."),
    ("SaliencyPerturbation", "epsilon"): ("Radius of the perturbation", "How far a map moves a value in [0, 1]."),
    ("SaliencyPerturbation", "alpha"): (
        "Annealing base α",
        "How long noise stands in for the map: in epoch i, a share α^i of all values is still noise.",
    ),
    ("SaliencyPerturbation", "maps"): ("Map", "Which saliency map of the teacher the pictures are perturbed along."),
    ("Tempered", "temperature"): ("Temperature T", "The scores are divided by it while the network learns."),
    ("Distilled", "temperature"): ("Temperature T", "The scores of teacher and student are divided by it."),
}

MOST_STEPS = 50


def settings_of(recipe: Recipe) -> tuple[Setting, ...]:
    """What can be set in a recipe, in the order of its fields. A share without an attack to apply to is left out."""
    found = _walk(recipe, "")
    attacked = any(setting.path.startswith("attack.") for setting in found)
    return tuple(setting for setting in found if setting.path != "share" or attacked)


def _walk(part: Any, prefix: str) -> list[Setting]:
    found: list[Setting] = []
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        words = _SENTENCES.get((type(part).__name__, field.name))
        if dataclasses.is_dataclass(value):
            found += _walk(value, f"{prefix}{field.name}.")
        elif field.name == "maps" and value not in STRONG_MAPS:
            continue  # annotations and noise are recipes of their own
        elif words is not None and value is not None:
            options: tuple[str, ...] = tuple(STRONG_MAPS) if field.name == "maps" else ()
            found.append(Setting(f"{prefix}{field.name}", *words, value, options))
    return found


def changed(recipe: Recipe, changes: Mapping[str, Value]) -> Recipe:
    """The recipe with other values at some paths of `settings_of`.

    Raises:
        ConfigError: an unknown path, a value of another kind, or one that the recipe refuses.
    """
    known = {setting.path: setting for setting in settings_of(recipe)}
    for path, value in changes.items():
        if path not in known:
            raise ConfigError(f"{type(recipe).__name__} has {', '.join(known) or 'nothing'} to set; got {path!r}")
        _check(known[path], value)
        recipe = _replaced(recipe, path.split("."), value)
    return recipe


def with_teacher(recipe: Recipe, teacher: str) -> Recipe:
    """The recipe with another teacher; its own where it has none."""
    for path in ("teacher", "perturbation.teacher"):
        if recipe.teacher_key is not None and _has(recipe, path.split(".")):
            return _replaced(recipe, path.split("."), teacher)
    return recipe


def _has(part: Any, names: list[str]) -> bool:
    return hasattr(part, names[0]) and (len(names) == 1 or _has(getattr(part, names[0]), names[1:]))


def _check(setting: Setting, value: Value) -> None:
    whole = isinstance(setting.value, int)
    if setting.options:
        if value not in setting.options:
            raise ConfigError(f"{setting.title} must be one of {', '.join(setting.options)}; got {value!r}")
    elif isinstance(value, bool | str) or (whole and not isinstance(value, int)):
        raise ConfigError(f"{setting.title} must be a {'whole ' if whole else ''}number; got {value!r}")
    elif setting.path.endswith("steps") and not 1 <= value <= MOST_STEPS:
        raise ConfigError(f"{setting.title} must lie in 1..{MOST_STEPS}; got {value}")


def _replaced(part: Any, names: list[str], value: Value) -> Any:
    """A copy of a dataclass with the field at a path replaced; every part on the way checks itself anew."""
    name, *rest = names
    return dataclasses.replace(part, **{name: _replaced(getattr(part, name), rest, value) if rest else value})
