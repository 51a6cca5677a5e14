"""Ready-made sessions of ten minutes, and how the rounds of a session are prepared."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from core.data.galleries import gallery
from core.data.tasks import Task, task_named
from core.devices import CPU
from core.errors import ConfigError
from core.images import fit
from core.models.step_precision import Precision
from core.models.zoo import ZooModel
from core.progress import OnProgress, silent
from core.workshop.rounds.catalogue import kind_named
from core.workshop.rounds.kind import Preparation, Subject
from core.workshop.state import PreparedRound

LoadModel = Callable[[str, str], ZooModel]
"""A network by task and key."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One round that is to be prepared: its kind, its networks by key, and what the presenter wrote."""

    kind: str
    networks: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """A ready-made session.

    Attributes:
        key: its name in links and commands.
        title: its name for people, and the workshop's title unless another is given.
        sentence: what a room takes home.
        task: key of its task.
        plans: its rounds.
        minutes: about how long it takes.
    """

    key: str
    title: str
    sentence: str
    task: str
    plans: tuple[Plan, ...]
    minutes: int = 10


_STUDY = ("standard", "distilled", "double-backprop")
_TRUST = {"prompt": "Would you trust a network more after seeing its map?", "options": ("Yes", "No", "It depends")}

_SESSIONS = (
    Session(
        "maps",
        "Whose maps can you read?",
        "Maps of a robust network can be read by people, those of a standard one hardly.",
        "fashion-mnist",
        (Plan("guess", ("standard", "pgd-l2")), Plan("pair", ("standard", "pgd-l2")), Plan("poll", (), _TRUST)),
    ),
    Session(
        "study",
        "Are its mistakes reasonable?",
        "The human-subject study of Ross and Doshi-Velez (2018): its conditions, and its table beside the room's.",
        "fashion-mnist",
        (Plan("mistake", _STUDY), Plan("guess", ("standard", "double-backprop"))),
    ),
    Session(
        "study-colour",
        "Are its mistakes reasonable? In colour",
        "The same study with iterated TGSM on colour pictures, where the paper used house numbers.",
        "cifar10",
        (Plan("mistake", _STUDY), Plan("pair", ("standard", "pgd-linf"))),
    ),
    Session(
        "machines",
        "People against machines",
        "What people find odd, and where they let go of a class, is not what detectors and networks do.",
        "fashion-mnist",
        (Plan("odd", ("standard", "pgd-l2")), Plan("slider", ("standard", "pgd-l2"))),
    ),
)
SESSIONS: Mapping[str, Session] = {session.key: session for session in _SESSIONS}
"""By the key used in links and commands."""


def session_named(key: str) -> Session:
    """The session with this key.

    Raises:
        ConfigError: there is none.
    """
    if key not in SESSIONS:
        raise ConfigError(f"session must be one of {', '.join(SESSIONS)}; got {key[:40]!r}")
    return SESSIONS[key]


def subjects_of(task: Task, seed: int, root: Path | None = None, most: int = 60) -> tuple[Subject, ...]:
    """Labelled pictures to draw from: test images where the data set is here, and those that ship; classes take turns.

    Args:
        task: whose pictures.
        seed: of their order within a class.
        root: where data sets lie.
        most: how many test images at most.
    """
    here = gallery(task, root)
    labelled = [item for item in here.items.values() if item.label is not None]
    tests = [item for item in labelled if item.key.startswith("test:")][:most]
    found = tests or labelled
    Random(seed).shuffle(found)
    turn: dict[int, int] = {}
    order = []
    for item in found:
        assert item.label is not None
        turn[item.label] = turn.get(item.label, 0) + 1
        order.append((turn[item.label], item))
    order.sort(key=lambda each: each[0])  # stable: the first of every class, then the second
    return tuple(Subject(item.title, fit(here.picture(item.key).pixels, task.shape), item.label) for _, item in order)


def prepare(
    plans: Sequence[Plan],
    task: str,
    load: LoadModel,
    subjects: Sequence[Subject],
    seed: int = 0,
    on_progress: OnProgress = silent,
    precision: Precision = "float32",
) -> Iterator[PreparedRound]:
    """The rounds of plans, one after the other; attacks take their steps in `precision`.

    Raises:
        ConfigError: an unknown kind, task or network, or a number of networks that the kind does not take.
        InputError: a round that can't be made of these networks and pictures.
    """
    for plan in plans:
        kind = kind_named(plan.kind)
        least, most = kind.networks
        if not least <= len(plan.networks) <= most:
            raise ConfigError(f"“{kind.title}” takes {least} to {most} networks; got {len(plan.networks)}")
        models = tuple(load(task, key).on(CPU) for key in plan.networks)  # where the pictures are: few, and once
        yield kind.rules.prepare(
            Preparation(task_named(task), models, tuple(subjects), plan.settings, seed, on_progress, precision)
        )
