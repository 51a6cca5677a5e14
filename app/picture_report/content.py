"""What the report of a picture holds: all pages' answers for the view as it stands, made in one go."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.picture_report import latent_view, natural_view, region_view
from app.picture_report.latent_view import LatentView
from app.picture_report.natural_view import NaturalView
from app.picture_report.region_view import RegionView
from app.state import address, device, judgements, predictions, session, zoo
from app.state.choice import Choice
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.ui import python_code
from app.ui.task_progress import LongTask
from core.anomaly.verdict import Verdict
from core.attacks.pgd import Pgd
from core.data.tasks import Task, task_named
from core.explanations.attack_result import AttackResult, attack_result
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.explanations.class_explanations import Explanations, explain
from core.explanations.prediction import Prediction
from core.explanations.region import PARTS
from core.models.zoo import Card
from core.progress import OnProgress, ShouldStop, check
from core.saliency.grid import SaliencyMap, saliency_grid
from core.saliency.target import Target

PGD_STEPS = 20
RHO = 0.1  # RMSE of an explanation, the paper's
METHODS = ("gradient", "integrated-gradients", "smooth-grad", "grad-cam", "guided-backprop")
MOST_CLASSES = 20  # of a task whose classes are all explained
SEED = 0
PHOTOGRAPH = 96  # pixels of a side from which on the natural changes take minutes
PAGES = ("compare", "adversarial", "anomaly", "saliency", "latent")


@dataclass(frozen=True, slots=True, eq=False)
class PictureReport:
    """The answers of all pages about one picture.

    Attributes:
        choice: the view.
        shown: the picture.
        cards: of its networks.
        predictions: of each network.
        attacks: on each network, at the view's strength.
        verdicts: of the networks that are calibrated, by key.
        maps: by network and method.
        explanations: of each network; none where the task has more than `MOST_CLASSES` classes.
        natural: the picture under each natural change.
        latent: the picture in its generator's latent space; None where there is no generator.
        region: what hangs on the box that is drawn; None where there is none.
        links: by page the address of this view.
        code: the program that gives the same numbers.
    """

    choice: Choice
    shown: ModelInput
    cards: tuple[Card, ...]
    predictions: tuple[Prediction, ...]
    attacks: tuple[AttackResult, ...]
    verdicts: Mapping[str, Verdict]
    maps: Mapping[tuple[str, str], SaliencyMap]
    explanations: tuple[Explanations, ...]
    natural: tuple[NaturalView, ...]
    latent: LatentView | None
    region: RegionView | None
    links: Mapping[str, str]
    code: str

    @property
    def task(self) -> Task:
        """The task."""
        return task_named(self.choice.task)


def making(choice: Choice, shown: ModelInput) -> LongTask:
    """The making of the report; everything that it rests on is in its key."""
    task = task_named(choice.task)
    models = [zoo.model(task.key, key) for key in choice.models]
    cards = tuple(model.card for model in models)
    links = {page: address.room_link(session.link_to(page)) for page in PAGES}
    seen = predictions.predictions_of(task, choice.models, shown)
    verdicts = {key: found for key in choice.models if (found := judgements.judgements_of(task, key, shown))}
    attack = Pgd(choice.dial.epsilon(choice.strength), choice.norm, PGD_STEPS)
    small = task.classes <= MOST_CLASSES
    code, start = program(choice, shown), latent_view.start_of(task, shown)
    pointed = region_view.start_of(choice, PGD_STEPS)
    steps = len(models) * (1 + len(METHODS) + small) + len(natural_view.changes(task)) + (start is not None)
    steps += len(models) * len(PARTS) * (pointed is not None)

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> PictureReport:
        done = _counted(on_progress, steps)
        x, loaded = device.picture(shown.x), [device.placed(model) for model in models]
        attacked, explanations, maps = [], [], {}
        for model in loaded:
            check(should_stop)
            attacked.append(attack_result(model, x, attack, SEED, device.step_precision()))
            next(done)
        methods = [ATTRIBUTION_METHODS[key].averaged_in(device.step_precision()) for key in METHODS]
        for found in saliency_grid(loaded, x, methods, Target(), shown.label, SEED, should_stop=should_stop):
            maps[found.model, found.method] = found
            next(done)
        for model in loaded if small else []:
            check(should_stop)
            explanations.append(explain(model, x, RHO, precision=device.step_precision(), away=False))
            next(done)
        natural = []
        for turned in natural_view.views(task, loaded, x):
            check(should_stop)
            natural.append(turned)
            next(done)
        latent = region = None
        if start is not None:
            check(should_stop)
            latent = latent_view.view(start, loaded)
            next(done)
        if pointed is not None:
            region = region_view.view(pointed, loaded, shown, done, should_stop)
        return PictureReport(
            choice, shown, cards, tuple(seen), tuple(attacked), verdicts, maps, tuple(explanations), tuple(natural),
            latent, region, links, code,
        )  # fmt: skip

    stamps = tuple((card.key, card.sha256) for card in cards)
    calibrations = tuple(one.settings["calibration"] for one in verdicts.values())
    names = ", ".join(f"**{model_name(key)}**" for key in choice.models)
    return LongTask(
        "report.picture",
        (
            "picture report", calibrations, shown.digest, shown.title, stamps, tuple(choice.to_query().items()),
            tuple(links.items()), start and start.generator, pointed and (pointed.box, pointed.fill.digest),
            device.step_precision(),
        ),
        lambda: call,
        f"Answers, an attack at {choice.dial.text(choice.strength)}, anomaly scores, {len(METHODS)} saliency methods, "
        f"natural changes{', the box' * (pointed is not None)} and explanations of {names}: "
        + ("some minutes." if min(task.shape[1:]) > PHOTOGRAPH else "up to a minute."),
        "Make the report",
        ":material/description:",
        lambda work: f"Step {work.done} of {work.of}" if work.of else "Begun",
    )  # fmt: skip


def program(choice: Choice, shown: ModelInput) -> str:
    """The Python that gives the report's numbers."""
    names = [*python_code.FOR_PREDICTIONS, *python_code.FOR_ATTACKS, *python_code.FOR_VERDICTS, *python_code.FOR_MAPS]
    task, pointed = task_named(choice.task), region_view.start_of(choice, PGD_STEPS)
    small, start = task.classes <= MOST_CLASSES, latent_view.start_of(task, shown)
    if pointed:
        names += [*python_code.FOR_REGIONS, *python_code.FOR_REGION_ATTACKS]
    own = judgements.on_own_pictures(choice.task, choice.models)
    return (
        python_code.picture_and_networks(choice, [*names, *["explain"] * small])
        + python_code.PREDICTIONS
        + python_code.attacks(choice, PGD_STEPS)
        + python_code.verdicts(own)
        + python_code.maps(METHODS, Target(), shown.label, SEED, precision=device.step_precision())
        + python_code.explanations(RHO) * small
        + natural_view.program(task)
        + (latent_view.program(start) if start else "")
        + (region_view.program(choice, pointed) if pointed else "")
    )


def _counted(on_progress: OnProgress, steps: int) -> Iterator[None]:
    """Tells one step more each time it is asked."""
    for done in range(steps + 1):
        on_progress(done, steps)
        yield
