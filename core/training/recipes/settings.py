"""The numbers of a recipe that can be set from outside, each with a sentence on what it does."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import ConfigError
from core.training.recipes.base import Recipe

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

# Attacks stand below training and know nothing of it, so the words for their fields stand here, by class and field.
_OF_ATTACKS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("Pgd", "epsilon"): ("Radius of the attack", _RADIUS),
    ("Pgd", "steps"): ("Steps of the attack", _STEPS),
    ("Pgd", "step_size"): ("Length of a step", "How far one step of the attack goes, in the unit of its radius."),
    ("Fgsm", "epsilon"): ("Radius of the attack", "How far every value of a picture is moved, in [0, 1]."),
    ("KlAscent", "epsilon"): ("Radius of the attack", _RADIUS),
    ("KlAscent", "steps"): ("Steps of the attack", _STEPS),
    ("ScheduledAttack", "epsilon"): ("Size of the attack", "Root mean square of the change of a picture, in [0, 1]."),
    ("ScheduledAttack", "steps"): ("Steps of the attack", _STEPS),
}

MOST_STEPS = 50

_WORDS = "setting"  # where the words stand in a field's metadata


def settings_of(recipe: Recipe) -> tuple[Setting, ...]:
    """What can be set in a recipe, in the order of its fields; what changes nothing is left out.

    That is a share without an attack to apply to, and the pace at which maps take the place of noise where there are
    none.
    """
    found = _walk(recipe, "")
    if getattr(getattr(recipe, "perturbation", None), "maps", "") == "none":
        found = [setting for setting in found if setting.path != "perturbation.alpha"]
    attacked = any(setting.path.startswith("attack.") for setting in found)
    return tuple(setting for setting in found if setting.path != "share" or attacked)


def words(title: str, sentence: str, options: tuple[str, ...] = ()) -> Mapping[str, object]:
    """The metadata of a dataclass's field that can be set: its name for people, what it does, and what it can be.

    Where a recipe has a value that is not among the options, that is what makes it another recipe: it can't be set.
    """
    return {_WORDS: (title, sentence, options)}


def _walk(part: Any, prefix: str) -> list[Setting]:
    found: list[Setting] = []
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if dataclasses.is_dataclass(value):
            found += _walk(value, f"{prefix}{field.name}.")
            continue
        title, sentence, options = _words_of(part, field)
        if title and value is not None and (not options or value in options):
            found.append(Setting(f"{prefix}{field.name}", title, sentence, value, options))
    return found


def _words_of(part: Any, field: "dataclasses.Field[Any]") -> tuple[str, str, tuple[str, ...]]:
    """Title, sentence and options of a field; empty ones where it can't be set."""
    of_attack = _OF_ATTACKS.get((type(part).__name__, field.name), ("", ""))
    found: tuple[str, str, tuple[str, ...]] = field.metadata.get(_WORDS, (*of_attack, ()))
    return found


def changed(recipe: Recipe, changes: Mapping[str, Value], most_steps: int = MOST_STEPS) -> Recipe:
    """The recipe with other values at some paths of `settings_of`; attacks take at most `most_steps` steps.

    Raises:
        ConfigError: an unknown path, a value of another kind, or one that the recipe refuses.
    """
    known = {setting.path: setting for setting in settings_of(recipe)}
    for path, value in changes.items():
        if path not in known:
            raise ConfigError(f"{type(recipe).__name__} has {', '.join(known) or 'nothing'} to set; got {path!r}")
        names = path.split(".")
        _check(known[path], value, most_steps)
        _check_range(_part(recipe, names[:-1]), known[path], value)
        recipe = _replaced(recipe, names, value)
    return recipe


def with_teacher(recipe: Recipe, teacher: str) -> Recipe:
    """The recipe with another teacher; its own where it has none."""
    for path in ("teacher", "perturbation.teacher"):
        if recipe.teacher_key is not None and _has(recipe, path.split(".")):
            taught: Recipe = _replaced(recipe, path.split("."), teacher)
            return taught
    return recipe


def _has(part: Any, names: list[str]) -> bool:
    return hasattr(part, names[0]) and (len(names) == 1 or _has(getattr(part, names[0]), names[1:]))


def _check(setting: Setting, value: Value, most_steps: int) -> None:
    whole = isinstance(setting.value, int)
    if setting.options:
        if value not in setting.options:
            raise ConfigError(f"{setting.title} must be one of {', '.join(setting.options)}; got {value!r}")
    elif isinstance(value, bool | str) or (whole and not isinstance(value, int)):
        raise ConfigError(f"{setting.title} must be a {'whole ' if whole else ''}number; got {value!r}")
    elif setting.path.endswith("steps") and not 1 <= value <= most_steps:
        raise ConfigError(f"{setting.title} must lie in 1..{most_steps}; got {value}")


def _check_range(part: Any, setting: Setting, value: Value) -> None:
    """Refuse a move of a value by more than its whole range [0, 1]; a length of a whole picture, L2, may be larger."""
    whole_picture = getattr(part, "norm", "linf") == "l2"
    if setting.path.split(".")[-1] == "epsilon" and not whole_picture and isinstance(value, int | float) and value > 1:
        raise ConfigError(
            f"{setting.title} must lie in 0..1, the range of a pixel; got {value:g}. Of 255 levels that is "
            f"{value:g}/255"
        )


def _part(recipe: Any, names: list[str]) -> Any:
    """The part of a recipe at a path."""
    return _part(getattr(recipe, names[0]), names[1:]) if names else recipe


def _replaced(part: Any, names: list[str], value: Value) -> Any:
    """A copy of a dataclass with the field at a path replaced; every part on the way checks itself anew."""
    name, *rest = names
    return dataclasses.replace(part, **{name: _replaced(getattr(part, name), rest, value) if rest else value})
