"""What every kind of round is: its question, how its items are made, and what its answers are counted as."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from core.data.tasks import Task
from core.errors import InputError
from core.models.step_precision import Precision
from core.models.zoo import ZooModel
from core.progress import OnProgress, silent
from core.training.recipes.registry import name_of
from core.workshop.rounds.bars import Measure, Share
from core.workshop.state import PreparedRound, Round, Tallies


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A picture that a round may be about.

    Attributes:
        title: its name for people.
        x: (1, C, H, W), float32 in [0, 1], in the task's shape.
        label: its true class; None where nobody knows.
    """

    title: str
    x: Tensor
    label: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """What a round is made of.

    Attributes:
        task: the classification problem.
        networks: those that are compared.
        subjects: pictures to draw from, in the order in which they are taken.
        settings: what the presenter wrote, of a poll.
        seed: of everything that is drawn.
        on_progress: called with steps done, and of how many.
        precision: of attacks' gradient steps; what they come to is judged in float32.
    """

    task: Task
    networks: tuple[ZooModel, ...]
    subjects: tuple[Subject, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    on_progress: OnProgress = silent
    precision: Precision = "float32"

    @property
    def names(self) -> dict[str, str]:
        """What the networks are called, by key."""
        return {model.card.key: _name(model.card.key) for model in self.networks}

    def stated(self, **more: Any) -> dict[str, Any]:
        """The settings of a round, as plain values."""
        return {"task": self.task.key, "networks": [*self.names], "names": self.names, **more}


def _name(key: str) -> str:
    return name_of(key) or key.removeprefix("own-").replace("-", " ")


@dataclass(frozen=True, slots=True)
class Rules:
    """How a round is asked and counted.

    Attributes:
        prepare: everything that may be asked.
        measures: the bars of a round.
        words: the room's answer in a sentence, from the shares in the order of `measures` and the counts.
        compared: pairs of bars, by number, that are compared person by person.
        machines: what networks and detectors did on the same items, as shares.
    """

    prepare: Callable[[Preparation], PreparedRound]
    measures: Callable[[Round], tuple[Measure, ...]]
    words: Callable[[Round, Sequence[Share], Tallies], str]
    compared: Callable[[Round], tuple[tuple[int, int], ...]] = lambda round_: ()
    machines: Callable[[Round], tuple[Share, ...]] = lambda round_: ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of round.

    Attributes:
        key: its name in the database and in files.
        title: its name for people, in the presenter's menu.
        sentence: what it shows, in the menu, too.
        source: where the question comes from.
        rules: how it is asked and counted.
        shuffled: how many options, from the first, stand in an order of each person's own.
        networks: how many networks it takes, least and most.
    """

    key: str
    title: str
    sentence: str
    source: str
    rules: Rules
    shuffled: int = 0
    networks: tuple[int, int] = (1, 4)


def full_blocks(count: int, each: int, wanted: int) -> int:
    """How many pictures a round takes: a multiple of `each`, so that judgements are balanced; at most `wanted`.

    Raises:
        InputError: fewer than one person judges.
    """
    blocks = min(count, wanted) // each
    if blocks < 1:
        raise InputError(f"This round needs {each} pictures that fit it, and {count} do: choose other networks.")
    return blocks * each


def known_by_all(preparation: Preparation) -> list[Subject]:
    """The subjects whose class is known, and answered rightly by every network: of these nobody disputes the class."""
    found = []
    for subject in preparation.subjects:
        answers = {int(model.fast(subject.x).argmax()) for model in preparation.networks}
        if subject.label is not None and answers <= {subject.label}:
            found.append(subject)
    return found
