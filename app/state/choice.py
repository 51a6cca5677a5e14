"""What is looked at: task, models, picture, fit, and the attack's strength; to and from a link's query parameters."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from app.state import query_fields
from app.state.boxes import box_text, parse_box
from app.state.epsilon_scale import Dial, dial
from app.state.query_fields import QueryField, between, keys, matching, one_of, some_of
from app.state.uploads import UPLOAD
from app.state.windows import kept, parse_window, window_text
from core.data.tasks import task_named
from core.decoding.window import AS_IT_CAME, Window
from core.metrics.box import Box
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
        openings: by task the picture of a first visit, where one was chosen for it.
        own: key of the visitor's latest uploaded picture that is still here, or "".
    """

    models: Mapping[str, tuple[str, ...]]
    images: Mapping[str, Collection[str]]
    openings: Mapping[str, str] = field(default_factory=dict)
    own: str = ""


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
        window: which values of the picture go from black to white.
        box: the region pointed at, in pixels of the networks' input; None where there is none.
        fill: key of the gallery picture that the region is replaced from, or "" for the first other one.
    """

    task: str
    models: tuple[str, ...]
    image: str
    fit: Fit
    invert: bool
    norm: Norm
    strength: float
    window: Window = AS_IT_CAME
    box: Box | None = None
    fill: str = ""

    @property
    def dial(self) -> Dial:
        """The scale that `strength` stands on."""
        return dial(task_named(self.task), self.norm)

    def to_query(self) -> dict[str, str]:
        """The query parameters of a link to this view."""
        return query_fields.to_query(FIELDS, self)


def default(options: Options, task: str | None = None) -> Choice:
    """The view of a first visit: three models, a quarter of the reported radius, and the picture chosen for it.

    Where none was chosen it is a photograph of a cat, or the first picture of a gallery that does not begin with those.
    """
    task = task or next(iter(options.models))
    models = options.models[task]
    first = [key for key in ("standard", "pgd-linf", "pgd-l2") if key in models]
    chosen = tuple((first + [key for key in models if key not in first])[:3])
    images = list(options.images[task])
    image = DEFAULT_IMAGE if DEFAULT_IMAGE in images and images[0].startswith(PHOTO) else images[0]
    if options.openings.get(task) in options.images[task]:
        image = options.openings[task]
    return Choice(task, chosen, image, "crop", False, "linf", dial(task_named(task), "linf").start)


def read(query: Mapping[str, str], options: Options) -> tuple[Choice, list[str]]:
    """The view that query parameters from anyone describe, and a sentence for each value that had to be replaced.

    The sentences name the parameter and never repeat the value, which may be anything. A link says of an uploaded
    picture only that it was one: who made the link sees their latest again.
    """
    back = query.get("image") == LINK_UPLOAD and bool(options.own)
    asked = {name: text for name, text in query.items() if not (back and name == "image")}
    choice, notes = query_fields.read(FIELDS, _start(query, options), asked, options)
    return (_with_image(choice, options.own) if back else choice), notes


def _start(query: Mapping[str, str], options: Options) -> Choice:
    """The first view in the link's task and norm, with those of its models that are here."""
    choice = default(options, query["task"] if query.get("task") in options.models else None)
    norm: Norm = "l2" if query.get("norm") == "l2" else "linf"
    here = options.models[choice.task]
    models = tuple(key for key in dict.fromkeys(query.get("models", "").split(",")) if key in here)
    choice = replace(choice, norm=norm, models=models[:MOST_MODELS] or choice.models)
    return replace(choice, strength=choice.dial.start)


def change(choice: Choice, field: str, value: Any, options: Options) -> Choice:
    """The view with one field changed and the others brought along; unchanged where the value is not possible.

    A widget's options bind only an honest browser, so every value is checked here. A new task keeps the models it also
    has, and an uploaded picture or a chosen photograph; a new task or norm keeps the attack's strength relative to the
    reported radius.
    """
    return query_fields.change(FIELDS, choice, field, value, options)


def _with_task(choice: Choice, task: str, options: Options) -> Choice:
    if task == choice.task:
        return choice
    fresh = default(options, task)
    models = tuple(key for key in choice.models if key in options.models[task])
    chosen = choice.image.startswith(PHOTO) and choice.image != default(options, choice.task).image
    known = choice.image.startswith(UPLOAD) or (chosen and choice.image in options.images[task])
    image = choice.image if known else fresh.image
    box = choice.box if choice.box is not None and choice.box.fits(*task_named(task).shape[1:]) else None
    fill = choice.fill if choice.fill in options.images[task] else ""
    changed = replace(
        _with_image(choice, image), task=task, models=models or fresh.models, invert=False, box=box, fill=fill
    )
    return _with_strength_of(choice, changed)


def _with_image(choice: Choice, image: str, options: object = None) -> Choice:
    """Another picture has other values, which come as its file says."""
    return choice if image == choice.image else replace(choice, image=image, window=AS_IT_CAME)


def _with_strength_of(before: Choice, choice: Choice) -> Choice:
    """The view with the strength of another, relative to the reported radius of each."""
    relative = before.strength / before.dial.reported
    return replace(choice, strength=choice.dial.snap(relative * choice.dial.reported))


def _with_norm(choice: Choice, norm: Norm, options: Options) -> Choice:
    return choice if norm == choice.norm else _with_strength_of(choice, replace(choice, norm=norm))


def _image_rule(choice: Choice, options: Options, text: str) -> str:
    if text == LINK_UPLOAD:
        return "was somebody's own picture, which a link can't carry: upload it again. Another picture is shown."
    return "is not in this server's gallery (test images need the data set); another picture is shown instead."


def _is_fill(value: object, choice: Choice, options: Options) -> bool:
    return isinstance(value, str) and (value == "" or value in options.images[choice.task])


def _box_fits(value: object, choice: Choice, options: Options) -> bool:
    return value is None or (isinstance(value, Box) and value.fits(*task_named(choice.task).shape[1:]))


def _box_rule(choice: Choice, options: Options, text: str) -> str:
    height, width = task_named(choice.task).shape[1:]
    return (
        "must be four whole numbers, the first row, the first column, how many rows and how many columns, inside of "
        f"the picture's {height} rows and {width} columns; no region is pointed at."
    )


def _listed(known: Collection[str]) -> str:
    return " or ".join(f"`{one}`" for one in known)


FIELDS: tuple[QueryField[Choice, Options], ...] = (
    QueryField(
        "task", "task", str, one_of(lambda choice, options: options.models),
        lambda choice, options, text: (
            f"is not one that this server has networks for; it must be {_listed(options.models)}."
        ),
        instead="", put=_with_task,
    ),
    QueryField(
        "models", "models", keys, some_of(lambda choice, options: options.models[choice.task], MOST_MODELS),
        f"could not be taken as they are: up to {MOST_MODELS} networks that exist here are shown.",
        instead="", clean=lambda value, choice, options: tuple(value),
    ),
    QueryField(
        "image", "image", lambda text: None if text == LINK_UPLOAD or text.startswith(UPLOAD) else text,
        lambda value, choice, options: (
            isinstance(value, str) and (value in options.images[choice.task] or value.startswith(UPLOAD))
        ),
        _image_rule, instead="", put=_with_image,
        text=lambda image: LINK_UPLOAD if image.startswith(UPLOAD) else image,
    ),
    QueryField(
        "window", "window", parse_window, lambda value, choice, options: isinstance(value, Window),
        "must be `stretch`, `percentiles:1:99` or `values:0:255`, the lower bound first; the picture is shown as it "
        "came.",
        instead="", clean=lambda value, choice, options: kept(value), text=window_text,
        written=lambda choice: choice.window != AS_IT_CAME and not choice.image.startswith(UPLOAD),
    ),
    QueryField("fit", "fit", str, one_of(FITS), f"must be {_listed(FITS)}; crop is used.", instead=""),
    QueryField(
        "norm", "norm", str, one_of(NORMS), f"must be {_listed(NORMS)}; linf is used.", instead="", put=_with_norm
    ),
    QueryField(
        "invert", "invert", {"no": False, "yes": True}.get, lambda value, choice, options: isinstance(value, bool),
        "must be `no` or `yes`; no is used.", instead="",
    ),
    QueryField(
        "epsilon", "strength", matching(r"\d{1,4}(\.\d{1,6})?", float), between(0, lambda choice, _: choice.dial.top),
        lambda choice, options, text: f"must lie between 0 and {choice.dial.top:g}; {choice.dial.start:g} is used.",
        instead="", clean=lambda value, choice, options: choice.dial.snap(float(value)),
    ),
    QueryField(
        "pixels", "box", parse_box, _box_fits, _box_rule, instead="", text=box_text,
        written=lambda choice: not choice.image.startswith(UPLOAD),
    ),
    QueryField(
        "fill", "fill", lambda text: text or None, _is_fill,
        "must be a picture of this server's gallery; the first other one is taken.", instead="",
    ),
)  # fmt: skip


def within(choice: Choice, options: Options) -> Choice:
    """The nearest view that is possible where this server may have lost networks, such as a visitor's own."""
    if choice.task not in options.models:
        return default(options)
    models = tuple(key for key in choice.models if key in options.models[choice.task])
    return choice if models == choice.models else replace(choice, models=models or default(options, choice.task).models)
