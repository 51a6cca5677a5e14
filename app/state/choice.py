"""What is looked at: task, models, picture, fit, and the attack's strength; to and from a link's query parameters."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.state.epsilon_scale import Dial, dial
from app.state.uploads import UPLOAD
from core.data.tasks import task_named
from core.norms import NORMS, Norm

Fit = Literal["crop", "letterbox"]
FITS: tuple[Fit, ...] = ("crop", "letterbox")

MOST_MODELS = 4
PHOTO = "photo:"  # an image key with this prefix means the same in every task
DEFAULT_IMAGE = f"{PHOTO}chelsea"
LINK_UPLOAD = "upload"  # what a link says in place of an uploaded picture, which it can't carry


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen on this server.

    Attributes:
        models: keys of the models of each task that has any.
        images: keys of each task's gallery.
    """

    models: Mapping[str, tuple[str, ...]]
    images: Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Choice:
    """The view a visitor has set up; all pages share it.

    Attributes:
        task: the task's key.
        models: keys of the models side by side, one to `MOST_MODELS`.
        image: key of a gallery picture, or "upload:" and the digest of an uploaded one.
        fit: how the picture is brought to the task's shape.
        invert: whether light and dark are swapped (grey tasks).
        norm: what the attack's strength measures.
        strength: the attack's position on the task's dial for that norm.
    """

    task: str
    models: tuple[str, ...]
    image: str
    fit: Fit
    invert: bool
    norm: Norm
    strength: float

    @property
    def dial(self) -> Dial:
        """The scale that `strength` stands on."""
        return dial(task_named(self.task), self.norm)

    def to_query(self) -> dict[str, str]:
        """The query parameters of a link to this view."""
        return {
            "task": self.task,
            "models": ",".join(self.models),
            "image": LINK_UPLOAD if self.image.startswith(UPLOAD) else self.image,
            "fit": self.fit,
            "invert": "yes" if self.invert else "no",
            "norm": self.norm,
            "epsilon": f"{self.strength:g}",
        }


def default(world: Options, task: str | None = None) -> Choice:
    """The view of a first visit: three models, a quarter of the reported radius, and a photograph of a cat.

    A task whose gallery does not begin with photographs begins with its own first picture instead.
    """
    task = task or next(iter(world.models))
    models = world.models[task]
    first = [key for key in ("standard", "pgd-linf", "pgd-l2") if key in models]
    chosen = tuple((first + [key for key in models if key not in first])[:3])
    images = list(world.images[task])
    image = DEFAULT_IMAGE if DEFAULT_IMAGE in images and images[0].startswith(PHOTO) else images[0]
    return Choice(task, chosen, image, "crop", False, "linf", dial(task_named(task), "linf").start)


def read(query: Mapping[str, str], world: Options) -> tuple[Choice, list[str]]:
    """The view that query parameters from anyone describe, and a sentence for each value that had to be replaced.

    The sentences name the parameter and never repeat the value, which may be anything.
    """
    notes: list[str] = []

    def refuse(name: str, because: str) -> None:
        notes.append(f"The link's `{name}` {because}")

    if query.get("task", next(iter(world.models))) not in world.models:
        refuse("task", f"is not one that this server has networks for; it must be {_listed(world.models)}.")
    choice = default(world, query["task"] if query.get("task") in world.models else None)
    if "models" in query:
        asked = tuple(query["models"].split(","))
        kept = tuple(key for key in dict.fromkeys(asked) if key in world.models[choice.task])[:MOST_MODELS]
        choice = replace(choice, models=kept or choice.models)
        if choice.models != asked:
            refuse("models", f"could not be taken as they are: up to {MOST_MODELS} networks that exist here are shown.")
    if query.get("image") == LINK_UPLOAD:
        refuse(
            "image", "was somebody's own picture, which a link can't carry: upload it again. Another picture is shown."
        )
    elif query.get("image", choice.image) in world.images[choice.task]:
        choice = replace(choice, image=query.get("image", choice.image))
    else:
        refuse(
            "image",
            "is not in this server's gallery (test images need the data set); another picture is shown instead.",
        )
    for name, options, usual in (("fit", FITS, "crop"), ("norm", NORMS, "linf"), ("invert", ("no", "yes"), "no")):
        if query.get(name, usual) not in options:
            refuse(name, f"must be {_listed(options)}; {usual} is used.")
    fit: Fit = "letterbox" if query.get("fit") == "letterbox" else "crop"
    norm: Norm = "l2" if query.get("norm") == "l2" else "linf"
    choice = replace(choice, fit=fit, norm=norm, invert=query.get("invert") == "yes")
    scale = choice.dial
    strength = query.get("epsilon", f"{scale.start:g}")
    if re.fullmatch(r"\d{1,4}(\.\d{1,6})?", strength, re.ASCII) and float(strength) <= scale.top:
        return replace(choice, strength=scale.snap(float(strength))), notes
    refuse("epsilon", f"must lie between 0 and {scale.top:g}; {scale.start:g} is used.")
    return replace(choice, strength=scale.start), notes


def change(choice: Choice, field: str, value: Any, world: Options) -> Choice:
    """The view with one field changed and the others brought along; unchanged where the value is not possible.

    A widget's options bind only an honest browser, so every value is checked here. A new task keeps the models it also
    has, and an uploaded picture or a chosen photograph; a new task or norm keeps the attack's strength relative to the
    reported radius.
    """
    if not _possible(choice, field, value, world):
        return choice
    if field == "strength":
        return replace(choice, strength=choice.dial.snap(float(value)))
    relative = choice.strength / choice.dial.reported
    fields: dict[str, Any] = {field: tuple(value) if field == "models" else value}
    changed = replace(choice, **fields)
    if field == "task":
        fresh = default(world, value)
        models = tuple(key for key in choice.models if key in world.models[value])
        chosen = choice.image.startswith(PHOTO) and choice.image != default(world, choice.task).image
        kept = choice.image.startswith(UPLOAD) or (chosen and choice.image in world.images[value])
        image = choice.image if kept else fresh.image
        changed = replace(changed, models=models or fresh.models, image=image, invert=False)
    if field in ("task", "norm"):
        changed = replace(changed, strength=changed.dial.snap(relative * changed.dial.reported))
    return changed


def within(choice: Choice, world: Options) -> Choice:
    """The nearest view that is possible in a world that may have lost networks, such as a visitor's own."""
    if choice.task not in world.models:
        return default(world)
    models = tuple(key for key in choice.models if key in world.models[choice.task])
    return choice if models == choice.models else replace(choice, models=models or default(world, choice.task).models)


def _possible(choice: Choice, field: str, value: Any, world: Options) -> bool:
    known = world.models[choice.task]
    possible = {
        "task": lambda: value in world.models,
        "models": lambda: 1 <= len(value) <= MOST_MODELS and len({*value}) == len(value) and {*value} <= {*known},
        "image": lambda: value in world.images[choice.task] or value.startswith(UPLOAD),
        "fit": lambda: value in FITS,
        "invert": lambda: isinstance(value, bool),
        "norm": lambda: value in NORMS,
        "strength": lambda: isinstance(value, int | float) and 0 <= value <= choice.dial.top,
    }
    return bool(possible[field]())


def _listed(options: Collection[str]) -> str:
    return " or ".join(f"`{option}`" for option in options)
