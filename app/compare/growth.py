"""An attack that grows, with all that moves with it: picture, answer, gradient map and how odd the picture looks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.state import device, zoo
from app.state.choice import Choice
from app.state.durations import duration, seconds_an_answer
from app.state.epsilon_scale import Dial
from app.state.errors import guard
from app.state.judgements import ALPHA, calibration_of
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.state.tasks import Call
from app.ui import map_png, python_code
from app.ui.colours import model_colour, signed_colours
from app.ui.data_urls import data_url, png_url
from app.ui.elements import how_to_read, no_gradients, percent
from app.ui.player import Line, Series, Track, player
from app.ui.presenter import SIGNED, Face, Slide, answered, network
from app.ui.task_progress import LongTask
from core.anomaly.calibration import Calibration
from core.anomaly.catalogue import DEFAULT, DETECTORS
from core.attacks.pgd import Pgd
from core.data.tasks import Task
from core.explanations.growing_attack import GrowingAttack, growing_attack
from core.metrics.map_agreement import spearman
from core.models.zoo import ZooModel
from core.progress import OnProgress, ShouldStop

STEPS = 20
AT_ONCE = 64  # pixels a side up to which the work begins by itself
PASSES = 3  # that a step of an attack costs, in answers


@dataclass(frozen=True, slots=True)
class Growth:
    """One network along the growing attack.

    Attributes:
        attack: what was found at each radius.
        p_values: of the default detector at each radius (S,); None of a network that is not calibrated.
    """

    attack: GrowingAttack
    p_values: NDArray[np.float64] | None


def growing(task: Task, choice: Choice, shown: ModelInput) -> LongTask:
    """The attacks on each network that has gradients; on small pictures they begin by themselves."""
    cards, screens = zoo.cards_of(task.key), _screens(task, zoo.with_gradients(task.key, choice.models))
    known = tuple((key, cards[key].sha256, screen.digest if screen else "") for key, screen in screens.items())
    dial = choice.dial
    seconds = sum(seconds_an_answer(task.key, *each[:2]) for each in known) * PASSES * STEPS * (len(dial.stops()) - 1)
    return LongTask(
        "growth",
        ("growth", task.key, known, shown.digest, dial, device.step_precision()),
        partial(_call, task, screens, shown, dial),
        f"PGD with {STEPS} steps against each network at {len(dial.stops()) - 1} radii, up to {dial.text(dial.top)}, "
        f"each picture explained and judged: {duration(seconds)}.",
        "Grow the attack",
        ":material/trending_up:",
        lambda work: f"Attack {work.done + 1} of {work.of}" if work.of else "Begun",
        automatic=max(task.shape[1:]) <= AT_ONCE,
    )


def _screens(task: Task, models: Sequence[str]) -> dict[str, Calibration | None]:
    """The detectors of each network; of one whose file is damaged none, and a sentence on the page."""
    screens: dict[str, Calibration | None] = dict.fromkeys(models)
    for key in models:
        with guard():
            screens[key] = calibration_of(task.key, key)
    return screens


def program(dial: Dial) -> str:
    """The attacks as Python."""
    radii = [dial.epsilon(stop) for stop in dial.stops()[1:]]
    return (
        "\nfrom core.explanations.growing_attack import growing_attack\n\n"
        f"attacks = [Pgd(radius, {dial.norm!r}, {STEPS}) for radius in {radii}]\n"
        "grown = {\n"
        f"    key: growing_attack(model, x, attacks{python_code.stepping_in()}) for key, model in models.items()\n"
        "}\n"
        "for key, found in grown.items():\n"
        "    print(key, [task.class_names[answer] for answer in found.probs.argmax(1)])\n"
    )


def _call(task: Task, screens: Mapping[str, Calibration | None], shown: ModelInput, dial: Dial) -> Call:
    loaded: list[tuple[ZooModel, Calibration | None]] = [
        (zoo.model(task.key, key), screen) for key, screen in screens.items()
    ]
    attacks, precision = (
        [Pgd(dial.epsilon(stop), dial.norm, STEPS) for stop in dial.stops()[1:]],
        device.step_precision(),
    )

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> list[Growth]:
        found: list[Growth] = []
        x, of = device.picture(shown.x), len(loaded) * len(attacks)
        for model, screen in loaded:
            told = partial(_told, on_progress, len(found) * len(attacks), of)
            one = growing_attack(model, x, attacks, 0, precision, told, should_stop)
            found.append(Growth(one, _p_values(model, screen, one)))
        return found

    return call


def _told(on_progress: OnProgress, before: int, of: int, done: int, attacks: int) -> None:
    """One network's progress among all."""
    on_progress(before + done, of)


def _p_values(model: ZooModel, screen: Calibration | None, one: GrowingAttack) -> NDArray[np.float64] | None:
    if screen is None or DEFAULT not in screen.detectors:
        return None
    alone = screen.of([DEFAULT])
    return alone.p_values(alone.scores(alone.measure(model, device.picture(one.x))))[DEFAULT]


def show(task: Task, choice: Choice, found: Sequence[Growth]) -> None:
    """All networks' pictures and maps, moved by one slider with the curves of their answers, maps and p-values."""
    no_gradients([key for key in choice.models if key not in {one.attack.model for one in found}])
    if not found:
        return
    dial = choice.dial
    stops = dial.stops()
    start = int(np.abs(np.asarray(stops) - choice.strength).argmin())
    player(
        [_track(task, one) for one in found], list(_series(found)), f"growth-{task.key}", "ε", start,
        ("beside", "blink", "change"), ("before", "attacked"), [dial.text(stop) for stop in stops],
    )  # fmt: skip
    how_to_read(
        "Move the slider, click a curve, or press the arrow keys; space plays. At each ε each network is attacked on "
        "its own, from the picture as it was. The map explains the network's first answer throughout, and all maps of "
        "a network share one scale. Its correlation with the first map (Spearman) says whether the explanation moves "
        f"before the answer does. {_of_detector(found)}",
        f"PGD with {STEPS} steps, seed 0: Madry et al. 2018, arXiv:1706.06083; in L2 too." + device.steps_in_words(),
    )


def slide(task: Task, dial: Dial, found: Sequence[Growth]) -> Slide:
    """The same for a room: blinking goes from one radius to the next."""
    return Slide(
        "growth", "What moves first as the attack grows?",
        tuple(network(one.attack.model, *_faces(task, dial, one)) for one in found),
        "Blink goes on to the next ε.", over="map", legend=SIGNED,
    )  # fmt: skip


def _faces(task: Task, dial: Dial, one: Growth) -> Iterator[Face]:
    attack, scale = one.attack, map_png.strongest(one.attack.heatmaps)
    for step, stop in enumerate(dial.stops()):
        yield answered(
            task.class_names, attack.probs[step], f"ε {dial.text(stop)}", data_url(attack.x[step]),
            over=png_url(map_png.signed_map(attack.heatmaps[step], scale)), verdict=", ".join(_moved(one, step)),
        )  # fmt: skip


def _of_detector(found: Sequence[Growth]) -> str:
    if all(one.p_values is None for one in found):
        return "No detector speaks: these networks are not calibrated (page Anomaly)."
    return (
        f"The detector is {DETECTORS[DEFAULT].name}: where at most {percent(ALPHA)} of normal pictures look as odd, it "
        "flags. A network may be fooled and the detector not notice."
    )


def _track(task: Task, one: Growth) -> Track:
    attack = one.attack
    scale = map_png.strongest(attack.heatmaps)
    maps = np.stack([signed_colours(heatmap, scale).transpose(2, 0, 1) / 255 for heatmap in attack.heatmaps])
    return Track(
        model_name(attack.model), model_colour(attack.model), attack.x,
        [_caption(task, one, step) for step in range(len(attack.x))],
        beside=maps.astype(np.float32), beside_name=f"gradient of {task.class_names[attack.target]}",
    )  # fmt: skip


def _caption(task: Task, one: Growth, step: int) -> str:
    """The answer, whether it is another than at first, and whether the picture is flagged."""
    probs = one.attack.probs[step]
    answer = int(probs.argmax())
    return ", ".join([f"{task.class_names[answer]} {percent(float(probs[answer]))}", *_moved(one, step)])


def _moved(one: Growth, step: int) -> Iterator[str]:
    if one.attack.probs[step].argmax() != one.attack.target:
        yield "changed"
    if one.p_values is not None and one.p_values[step] <= ALPHA:
        yield "flagged"


def _series(found: Sequence[Growth]) -> Iterator[Series]:
    lines: dict[str, list[Line]] = {"answer": [], "map": [], "odd": []}
    for one in found:
        name, colour, maps = model_name(one.attack.model), model_colour(one.attack.model), one.attack.heatmaps
        lines["answer"].append(Line(one.attack.probs[:, one.attack.target].tolist(), colour, name))
        lines["map"].append(Line([spearman(maps[0], each) for each in maps], colour, name))
        if one.p_values is not None:
            lines["odd"].append(Line(one.p_values.tolist(), colour, name))
    yield Series("Probability of its first answer", lines["answer"], "percent")
    yield Series("Its map's correlation with the first", lines["map"])
    if lines["odd"]:
        yield Series("Normal pictures as odd", lines["odd"], "percent", ALPHA, f"{ALPHA * 100:g} %")
