"""What visitors of the Saliency page share: maps cell by cell, measures of maps, and the report; all bounded."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from app.saliency.choice import SaliencyChoice
from app.state import device, zoo
from app.state.bounded_store import SERVER, BoundedStore, shared_store
from app.state.durations import seconds_an_answer
from app.state.pictures import ModelInput, gallery_of
from app.state.presence import owner
from app.state.reports import cached_report, reports_folder
from app.state.tasks import Call
from core.data.datasets import data_root
from core.data.tasks import Task
from core.errors import CoreError
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.models.step_precision import Precision
from core.models.zoo import Card, ZooModel
from core.progress import OnProgress, ShouldStop, StoppedError, never, silent
from core.reports.saliency.measurements import slightly_attacked
from core.reports.saliency.report import NAME, SaliencyReport
from core.reports.saliency.rows import Figures, robustness
from core.saliency.grid import SaliencyMap, saliency_grid, saliency_map
from core.saliency.measures.catalogue import SALIENCY_MEASURES, run_measure
from core.saliency.measures.measure import Case
from core.saliency.method import AttributionRequest, Method
from core.saliency.target import Target

SEED = 0
STORE_BYTES = 400_000_000

Cell = tuple[str, str]  # network, method

Scores = dict[tuple[Cell, str], float | str]  # by map and measure; a sentence where there is no figure


def map_store() -> BoundedStore[Any]:
    """Maps and their measures, of all visitors."""
    return shared_store("saliency", STORE_BYTES)


@dataclass(frozen=True, slots=True)
class Question:
    """What is explained by all maps of a grid.

    Attributes:
        task: the task.
        shown: the picture.
        target: the class or contrast.
        stamps: checksums of the task's networks' weights, by key.
        owner: the visitor who asks; what is made for them is forgotten when they are gone.
        layer: the name of the layer that methods of places look at; empty for each network's default.
        precision: of the gradients that methods average.
    """

    task: Task
    shown: ModelInput
    target: Target
    stamps: Mapping[str, str]
    owner: str = SERVER
    layer: str = ""
    precision: Precision = "float32"

    def key(self, model: str, method: str) -> Hashable:
        """Under which the map of a network and method is kept."""
        sha256 = self.stamps.get(model, "")
        label = self.shown.label if self.target.of == "true" else None
        layer = self.layer if ATTRIBUTION_METHODS[method].family == "place" else ""
        precision = self.method(method).precision
        return ("map", self.task.key, model, sha256, self.shown.digest, method, self.target, label, layer, precision)

    def method(self, key: str) -> Method:
        """A method as it is asked for here."""
        return ATTRIBUTION_METHODS[key].looking_at(self.layer).averaged_in(self.precision)

    def known(self, key: Hashable) -> Any:
        """What is kept under a key; None where nothing is."""
        return map_store().get(key, self.owner)

    def keep(self, key: Hashable, value: object) -> None:
        """Keep what was made for this question's visitor."""
        map_store().put(key, value, self.owner)

    def x(self) -> torch.Tensor:
        """The picture (1, C, H, W), to be written to by nobody else."""
        return device.picture(self.shown.x)


def precision_of(part: SaliencyChoice) -> Precision:
    """What methods average in: the quicker where it was not refused."""
    return "float32" if part.precision == "float32" else device.step_precision()


def question_of(task: Task, shown: ModelInput, part: SaliencyChoice) -> Question:
    """The question of a view about a picture, to the networks that are there now."""
    stamps = {key: card.sha256 for key, card in zoo.cards_of(task.key).items()}
    return Question(task, shown, part.target(task), stamps, owner(), part.layer, precision_of(part))


def known_maps(question: Question, models: Sequence[str], methods: Sequence[str]) -> dict[Cell, SaliencyMap]:
    """The maps that are there, by network and method."""
    found = {(model, method): question.known(question.key(model, method)) for method in methods for model in models}
    return {cell: one for cell, one in found.items() if one is not None}


def quick_maps(question: Question, models: Sequence[str], methods: Sequence[str]) -> Iterator[SaliencyMap]:
    """The maps that are missing of methods that are not long, cheap ones first, each as soon as it is there."""
    here = known_maps(question, models, methods)
    quick = [
        key
        for key in methods
        if not ATTRIBUTION_METHODS[key].long and any((model, key) not in here for model in models)
    ]
    loaded: list[ZooModel] = []
    for key in models:
        try:
            loaded.append(zoo.model(question.task.key, key))
        except CoreError as problem:  # the other networks' maps still stand
            for method in methods:
                if (key, method) not in here:
                    yield _no_map(question, key, method, str(problem))
    asked = [question.method(key) for key in quick]
    for one in saliency_grid(
        loaded, question.x(), asked, question.target, question.shown.label, SEED, on_full=device.note
    ):
        question.keep(question.key(one.model, one.method), one)
        yield one


def missing_maps(question: Question, cells: Sequence[Cell]) -> list[Cell]:
    """Those of the cells whose maps are not there."""
    return [cell for cell in cells if question.known(question.key(*cell)) is None]


def seconds_of(question: Question, cells: Sequence[Cell]) -> float:
    """What the maps of these cells take, by their methods' passes and what an answer of each network takes here."""
    task, stamps = question.task.key, question.stamps
    return sum(ATTRIBUTION_METHODS[method].cost * seconds_an_answer(task, key, stamps[key]) for key, method in cells)


def long_maps(question: Question, cells: Sequence[Cell]) -> Call:
    """The work that makes these maps and keeps each as soon as it is there."""
    loaded = {model: zoo.model(question.task.key, model) for model, _ in missing_maps(question, cells)}
    keys = {cell: question.key(*cell) for cell in cells}  # asked here: a thread beside the page has no visitor

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> bool:
        for number, (model, method) in enumerate(cells):
            if question.known(keys[model, method]) is not None:
                continue

            def told(done: int, of: int, before: int = number) -> None:
                on_progress(before * 100 + 100 * done // max(of, 1), len(cells) * 100)

            try:
                made = saliency_map(
                    device.placed(loaded[model]),
                    question.x(),
                    question.method(method),
                    question.target,
                    question.shown.label,
                    SEED,
                    told,
                    should_stop,
                )
            except StoppedError:
                raise
            except CoreError as problem:
                made = _no_map(question, model, method, str(problem))
            question.keep(keys[model, method], made)
        return True

    return call


def _no_map(question: Question, model: str, method: str, problem: str) -> SaliencyMap:
    x = question.shown.x[0]
    target, precision = question.target, question.method(method).precision
    settings: dict[str, object] = {"of": target.of, "against": target.against, "seed": SEED, "precision": precision}
    return SaliencyMap(question.task.key, model, method, settings, x, (), np.zeros(x.shape, np.float32), problem)


def inside(task: Task, image: str, fit: str) -> NDArray[np.bool_] | None:
    """Where the object of a gallery picture is, (H, W); None where that is not known."""
    return _inside(task.key, image, str(data_root())) if fit == "crop" else None


@st.cache_data(max_entries=512, show_spinner=False)
def _inside(task: str, image: str, root: str) -> NDArray[np.bool_] | None:
    found = gallery_of(task).annotation(image)
    return None if found is None else np.asarray(found[0] > 0)


@dataclass(frozen=True, slots=True)
class Measuring:
    """Measures of the maps of one picture.

    Attributes:
        question: what the maps explain.
        mask: where the object is, (H, W); None where that is not known.
    """

    question: Question
    mask: NDArray[np.bool_] | None

    def key(self, one: SaliencyMap, measure: str) -> Hashable:
        """Under which a measure of a map is kept; those of place differ with the mask."""
        placed = self.mask is not None and SALIENCY_MEASURES[measure].needs == "inside"
        return ("score", self.question.key(one.model, one.method), measure, placed)

    def known(self, found: Iterable[SaliencyMap], measures: Sequence[str]) -> Scores:
        """The measures that are there, by network and method, and by measure."""
        keys = {((one.model, one.method), measure): self.key(one, measure) for one in found for measure in measures}
        scores = {name: self.question.known(key) for name, key in keys.items()}
        return {name: score for name, score in scores.items() if score is not None}

    def now(self, one: SaliencyMap, measure: str) -> float | str:
        """A measure of a map; NaN where it has no meaning, and a sentence where it can't be had."""
        score: float | str | None = self.question.known(self.key(one, measure))
        if score is not None:
            return score
        model = zoo.model(one.task, one.model)
        return device.bounded(lambda: self._made(one, measure, model))

    def work(self, found: Sequence[SaliencyMap], measures: Sequence[str]) -> Call:
        """What measures these maps and keeps each figure as soon as it is there, to be done beside the page."""
        loaded = {one.model: zoo.model(one.task, one.model) for one in found}
        todo = [(one, measure, self.key(one, measure)) for measure in measures for one in found]

        def call(on_progress: OnProgress, should_stop: ShouldStop) -> bool:
            for done, (one, measure, key) in enumerate(todo):
                if should_stop():
                    return False
                on_progress(done, len(todo))
                if self.question.known(key) is None:
                    self._made(one, measure, loaded[one.model], key, should_stop)
            return True

        return call

    def _made(
        self, one: SaliencyMap, measure: str, model: ZooModel, key: Hashable = None, should_stop: ShouldStop = never
    ) -> float | str:
        model, x = device.placed(model), self.question.x()
        target, attributions = torch.tensor(one.target, device=x.device), device.picture(one.attributions[None])
        target = target[None] if len(one.target) == 2 else target
        ask = AttributionRequest(model.fast, x, target, torch.Generator().manual_seed(SEED), silent, should_stop)
        mask = None if self.mask is None else torch.from_numpy(self.mask)[None].to(x.device)
        score: float | str
        try:
            x_adv = slightly_attacked(model, x) if SALIENCY_MEASURES[measure].needs == "x_adv" else None
            case = Case(self.question.method(one.method), ask, attributions, SEED, mask, x_adv)
            score = float(run_measure(measure, case)[0])
        except StoppedError:
            raise
        except CoreError as problem:
            score = str(problem)
        self.question.keep(key or self.key(one, measure), score)
        return score


def report(task: str) -> SaliencyReport | None:
    """What the report `saliency` of a task tells of these weights, read again when its file changes.

    None while there is none, or none of these weights.

    Raises:
        InputError: it is damaged.
    """
    found = cached_report(task, NAME, SaliencyReport.read)
    return None if found is None else current(found, zoo.cards_of(task))


def current(found: SaliencyReport, cards: Mapping[str, Card]) -> SaliencyReport | None:
    """The report without networks whose weights are others now, and without relations, if there are such."""
    stale = {key for key, sha256 in found.weights.items() if key not in cards or cards[key].sha256 != sha256}
    if not stale:
        return found
    rows = tuple(row for row in found.report.rows if row["model"] and row["model"] not in stale)
    arrays = {name: array for name, array in found.arrays.items() if stale.isdisjoint(name.split("__")[1:])}
    return SaliencyReport(replace(found.report, rows=rows), arrays) if rows else None


def robust(task: str, found: SaliencyReport) -> Figures:
    """How robust the networks of a task's report are, by all reports that say so.

    Raises:
        InputError: one of them is damaged.
    """
    return robustness(task, found.weights, found.arrays, reports_folder())
