"""Fool the heat map: its controls, the work behind the button, and what came out for each network."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.adversarial.choice import METHOD_TITLES, REGION_TITLES, AdversarialChoice
from app.state import device, session, zoo
from app.state.epsilon_scale import size_dial
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.state.tasks import Call
from app.ui import downloads as files
from app.ui import map_png, tiles
from app.ui.colours import model_colour, signed_colours
from app.ui.controls import pick
from app.ui.data_urls import bytes_url, data_url
from app.ui.elements import how_to_read, percent
from app.ui.task_progress import LongTask
from core.data.tasks import Task
from core.explanations.attack_outside_map import STEPS as ATTACK_STEPS
from core.explanations.attack_outside_map import OutsideAttackResult, attack_outside
from core.explanations.manipulate_map import STEPS as MOVE_STEPS
from core.explanations.manipulate_map import TOLERANCE, ManipulationResult, manipulate_map
from core.explanations.smoothed_network import check_method
from core.norms import radius_words
from core.progress import OnProgress, ShouldStop

MOST_FOOLED = 2  # networks at once: the search takes seconds for each
Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FoolingResult:
    """What came out for one network.

    Attributes:
        moved: the heat map that was moved.
        outside: the attack from where the map does not look.
    """

    moved: ManipulationResult
    outside: OutsideAttackResult


def region_mask(region: str, height: int, width: int) -> NDArray[np.bool_]:
    """The pixels (H, W) of a named region: a quadrant, or the middle half of both sides."""
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    if region == "centre":
        return _middle(rows, height) & _middle(columns, width)
    low, right = region.startswith("bottom"), region.endswith("right")
    return ((rows >= height // 2) == low) & ((columns >= width // 2) == right)


def _middle(index: NDArray[np.int_], side: int) -> NDArray[np.bool_]:
    return (index >= side // 4) & (index < side - side // 4)


def controls(task: Task) -> None:
    """Method, region and size of the change."""
    left, middle = st.columns([1, 1.5], gap="medium", vertical_alignment="bottom")
    pick("Heat map", METHOD_TITLES, place=left, **session.binding("method", "adversarial.method"))
    pick("Move it to the", REGION_TITLES, place=middle, **session.binding("region", "adversarial.region"))
    st.columns([1, 1.5], gap="medium")[0].slider(
        "Largest change of a pixel, ε (L∞)", 0, int(size_dial(task).top), format="%d/255",
        **session.binding("size", f"adversarial.size.{task.key}"),
    )  # fmt: skip


def fooled_models(models: Sequence[str]) -> tuple[str, ...]:
    """Whose heat maps are fooled: the first of the networks side by side."""
    return tuple(models[:MOST_FOOLED])


def fooling_task(task: Task, models: Sequence[str], shown: ModelInput, part: AdversarialChoice) -> LongTask:
    """Both searches for this view."""
    names = " and ".join(f"**{model_name(key)}**" for key in models)
    checksums = tuple(zoo.model(task.key, key).card.sha256 for key in models)
    return LongTask(
        "fool",
        ("fool", task.key, *models, checksums, shown.digest, part.method, part.region, part.size),
        partial(_call, task, models, shown, part),
        f"Two searches, in {names} (the first of the networks side by side): one moves the heat map and "
        "keeps the answer, one changes the answer from where the map does not look. They take some seconds.",
        "Fool the heat map",
        ":material/local_fire_department:",
        lambda work: f"Step {work.done:,} of {work.of:,}" if work.of else "Begun",
    )


def _call(task: Task, models: Sequence[str], shown: ModelInput, part: AdversarialChoice) -> Call:
    loaded = [zoo.model(task.key, key) for key in models]
    method, epsilon = check_method(part.method), part.size / 255
    region = region_mask(part.region, *task.shape[1:])

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> list[FoolingResult]:
        found: list[FoolingResult] = []
        x = device.picture(shown.x)
        each = MOVE_STEPS[method] + ATTACK_STEPS

        def told(before: int) -> OnProgress:
            return lambda done, of: on_progress(len(found) * each + before + done, len(loaded) * each)

        for model in map(device.placed, loaded):
            moved = manipulate_map(model, x, method, region, epsilon, on_progress=told(0), should_stop=should_stop)
            attacked = attack_outside(model, x, method, epsilon, on_progress=told(MOVE_STEPS[method]))
            found.append(FoolingResult(moved, attacked))
        return found

    return call


def results(task: Task, found: Sequence[FoolingResult]) -> None:
    """A column a network: its heat map moved, and the attack from outside of it."""
    scale = max((float(one.moved.heatmap.max()) for one in found), default=0.0) or 1.0
    blocks = "".join(_manipulated(task, one.moved, scale) for one in found)
    st.subheader("A heat map that moves while the answer stays", anchor=False)
    tiles.show(f'<div class="rs-fooled">{blocks}</div>', "moved-maps")
    moved_guide(found)
    st.subheader("An answer that changes from where the map does not look", anchor=False)
    factor = map_png.amplification([one.outside.delta for one in found])
    blocks = "".join(_outside(task, one.outside, factor) for one in found)
    tiles.show(f'<div class="rs-fooled">{blocks}</div>', "outside-maps")
    outside_guide(factor)


def _manipulated(task: Task, one: ManipulationResult, scale: float) -> str:
    names, before = task.class_names, one.before
    verdict = "fooled" if one.succeeded else ("map held" if one.kept else "answer not kept")
    verdict = verdict if one.heatmap.any() else "no heat map: this network gives no gradient here"
    shown = _tiles(
        ("the picture", data_url(one.x)),
        ("its heat map", _heat_url(one.heatmap, scale)),
        ("asked for", _heat_url(one.target_map, float(one.target_map.max()) or 1.0)),
        ("changed picture", data_url(one.x_adv)),
        ("its heat map now", _heat_url(one.heatmap_adv, scale)),
        (f"the change × {map_png.amplification([one.delta])}", data_url(_amplified(one.delta))),
    )
    return _block(
        one.model,
        names[before],
        verdict,
        one.succeeded,
        shown,
        f"{names[before]}: {percent(one.probs[before])} before, {percent(one.probs_adv[before])} after. "
        f"Correlation with the map asked for: {_signed(one.correlation_before)} before, "
        f"{_signed(one.correlation_target)} after; of the new map with the old one: "
        f"{_signed(one.correlation_original)}. Share of the map in the region: "
        f"{one.mass * 100:.0f} % before, {one.mass_adv * 100:.0f} % after.",
        f'data-moved="{escape(one.model)}" data-succeeded="{one.succeeded}"',
    )


def _outside(task: Task, one: OutsideAttackResult, factor: int) -> str:
    names = task.class_names
    shade = np.where(one.highlighted, 1.0, 0.25).astype(np.float32)
    shown = _tiles(
        ("what the map highlights", data_url(one.x * shade)),
        ("changed picture", data_url(one.x_adv)),
        (f"the change × {factor}", data_url(_amplified(one.delta, factor))),
    )
    return _block(
        one.model,
        f"{names[one.before]} → {names[one.after]}" if one.changed else names[one.after],
        "answer changed" if one.changed else "answer kept",
        one.changed,
        shown,
        f"{names[one.before]}: {percent(one.probs[one.before])} before, {percent(one.probs_adv[one.before])} after; "
        f"{names[one.after]} now {percent(one.probs_adv[one.after])}. "
        f"Energy of the change outside of what is highlighted: {one.share_outside * 100:.0f} %.",
        f'data-outside="{escape(one.model)}" data-changed="{one.changed}"',
    )


def _block(model: str, answer: str, verdict: str, fell: bool, shown: str, said: str, data: str) -> str:
    return (
        f'<section style="--rs-colour: {model_colour(model)}" {data}><div class="rs-head">'
        f'<span class="rs-name">{escape(model_name(model))}</span></div>'
        f'<div class="rs-answer"><span class="rs-class">{escape(answer)}</span>'
        f'<span class="rs-verdict{" rs-changed" if fell else ""}">{verdict}</span></div>'
        f'<div class="rs-tiles">{shown}</div><div class="rs-small">{escape(said)}</div></section>'
    )


def _tiles(*shown: tuple[str, str]) -> str:
    return "".join(
        f'<figure><img src="{url}" alt="{escape(words)}"><figcaption>{escape(words)}</figcaption></figure>'
        for words, url in shown
    )


def _heat_url(heatmap: Image, scale: float) -> str:
    """A heat map of at least 0 (H, W): white at 0, full colour at `scale`."""
    return bytes_url(np.rint(signed_colours(heatmap, scale)).astype(np.uint8))


def _amplified(delta: Image, factor: int | None = None) -> Image:
    return (0.5 + (factor or map_png.amplification([delta])) * delta).astype(np.float32)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def moved_guide(found: Sequence[FoolingResult]) -> None:
    """How to read the moved maps."""
    most = radius_words("linf", float(str(found[0].moved.settings["epsilon"]))) if found else "ε"
    how_to_read(
        "Darker pixels count more for the answer; each map adds up to 1. The picture was changed by at most "
        f"{most} a pixel so that the map goes where you asked. Fooled: the answer is the same, its probability "
        f"within {TOLERANCE:g}, and the map is now more like the one asked for than like the old one. Where a map can "
        "be moved so, it does not by itself say why the network answers as it does.",
        "Ghorbani et al. 2019, arXiv:1710.10547; Dombrowski et al. 2019, arXiv:1906.07983.",
    )


def outside_guide(factor: int) -> None:
    """How to read the attack from outside."""
    how_to_read(
        "Bright pixels are those that the heat map highlights: the fewest that hold half of it. The attack may change "
        "only the dark ones. Where the answer falls all the same, the map misses pixels that can turn it. "
        f"Changes are shown × {factor} around grey.",
        f"The claim: Woods, Chen, Teuscher 2019, arXiv:1906.02896, first version. Here: PGD, {ATTACK_STEPS} steps, L∞.",
    )


def npz(found: Sequence[FoolingResult]) -> bytes:
    """All arrays by name, `__` and the model's key after each, with what decides them."""
    kept: dict[str, NDArray[Any]] = {}
    for one in found:
        for kind, result in (("moved", one.moved), ("outside", one.outside)):
            for name in ("x_adv", "delta", "heatmap", "probs", "probs_adv"):
                kept[f"{kind}_{name}__{one.moved.model}"] = getattr(result, name)
        kept[f"moved_heatmap_adv__{one.moved.model}"] = one.moved.heatmap_adv
        kept[f"outside_highlighted__{one.moved.model}"] = one.outside.highlighted
    first = found[0].moved
    kept |= {"x": first.x, "region": first.region, "target_map": first.target_map}
    return files.npz(kept, _settings(found))


def _settings(found: Sequence[FoolingResult]) -> dict[str, object]:
    """What decides the arrays, and what was measured from them."""
    return {
        "task": found[0].moved.task,
        "method": found[0].moved.method,
        "models": {
            one.moved.model: {
                "moved": one.moved.settings,
                "outside": one.outside.settings,
                "succeeded": one.moved.succeeded,
                "correlation_target": one.moved.correlation_target,
                "correlation_original": one.moved.correlation_original,
                "share_outside": one.outside.share_outside,
            }
            for one in found
        },
    }
