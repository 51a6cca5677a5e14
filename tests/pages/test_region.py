"""A region pointed at, on the three pages that have it: the box of the link, shares, new answers, the held attack."""

import base64
from functools import partial

import numpy as np
import pytest
import torch

from app.state.device import step_precision
from app.state.pictures import model_input
from app.ui.region_picker import _levels
from core.data.tasks import task_named
from core.explanations.region import EDITS, PARTS, attack_region, edited_answer, region_pgd
from core.metrics.box import Box, box_shares
from core.models.zoo import load_zoo_model
from core.natural.catalogue import CHANGES
from core.saliency.grid import saliency_map
from tests.helpers.pages import bodies, finished, opened, query, region_panels, restored, run_program, value

BOX = Box(8, 4, 16, 12)
LINK = {
    "models": "standard,pgd-l2",
    "open": "point",
    "image": "photo:chelsea",
    "pixels": "8,4,16,12",
    "fill": "photo:coffee",
}
HELD = LINK | {"norm": "l2"}


@pytest.fixture
def page(zoo, reports):
    """A page with a link's query parameters."""
    return lambda name, **link: opened(f"pages/{name}", **link)


@pytest.fixture
def x():
    return torch.from_numpy(model_input("cifar10", "photo:chelsea", "crop", False).x.copy())


def answers(panel: dict) -> list[tuple[str, str, bool]]:
    return [(one["answer"], one["share"], one["changed"]) for one in panel["answers"]]


def said(found) -> tuple[str, str, bool]:
    """An answer as a panel writes it."""
    names = task_named("cifar10").class_names
    return names[found.after], f"{found.probs_adv[found.after] * 100:.1f} %", found.changed


@pytest.mark.slow
def test_shares_answers_and_python_of_a_box_are_the_engines(page, x, tiny_zoo):
    at = page("saliency", **LINK, methods="gradient,grad-cam")
    sent = region_panels(at)
    assert sent["box"] == [8, 4, 16, 12] and not at.error and not at.warning
    (table,) = bodies(at, "data-box=")
    assert table.count("data-share=") == 4 and "18.8 %" in table
    models = {key: load_zoo_model("cifar10", key, tiny_zoo) for key in ("standard", "pgd-l2")}
    for key, model in models.items():
        heatmap = saliency_map(model, x, "gradient").heatmap
        cell = table.split(f'data-share="{key},gradient"')[1]
        assert float(value(cell, "data-value")) == pytest.approx(box_shares(heatmap, BOX).mass, abs=1e-4)
        assert sent[f"{key},gradient"]["values"] == _levels(heatmap, float(np.abs(heatmap).max()))
    other = torch.from_numpy(model_input("cifar10", "photo:coffee", "crop", False).x.copy())
    edited = {(key, edit): edited_answer(models[key], x, BOX, edit, other) for key in models for edit in EDITS}
    for edit in EDITS:
        assert answers(sent[edit]) == [said(edited[key, edit]) for key in models]

    namespace = run_program(at, "box_shares")
    assert all(np.array_equal(namespace["edited"][cell].probs_adv, one.probs_adv) for cell, one in edited.items())
    cell = table.split('data-share="pgd-l2,grad-cam"')[1]
    assert namespace["shares"]["pgd-l2", "grad-cam"].mass == pytest.approx(float(value(cell, "data-value")), abs=1e-6)


@pytest.mark.slow
def test_the_held_attack_stands_beside_the_picture_and_its_python_gives_the_same(page, x, tiny_zoo):
    at = finished(page("adversarial", **HELD))
    sent = region_panels(at)
    assert not at.error and not at.warning
    namespace = run_program(at, "attack_region")
    attack = namespace["attack"]
    assert attack == region_pgd(attack.epsilon, "l2", 20) and attack.epsilon > 0
    for key in ("standard", "pgd-l2"):
        for part in PARTS:
            network, precision = load_zoo_model("cifar10", key, tiny_zoo), step_precision()
            held = attack_region(network, x, BOX, part, attack, precision=precision)
            assert answers(sent[f"{key},{part}"]) == [said(held)] == [said(namespace["held"][key, part])]


@pytest.mark.slow
def test_without_a_box_nothing_is_asked_and_a_hostile_one_is_a_sentence(page):
    free = {name: text for name, text in LINK.items() if name not in ("pixels", "fill")}
    for name in ("saliency", "compare", "adversarial"):
        at = page(name, **free, methods="gradient") if name == "saliency" else page(name, **free)
        sent = region_panels(at)
        assert sent["box"] is None and not {*EDITS, "standard,inside"} & {*sent} and not at.error
    at = page("compare", **LINK | {"pixels": "30,30,9,<script>"})
    (warning,) = [item.value for item in at.warning]
    assert (
        "`pixels`" in warning and "32 rows" in warning and "script" not in warning and region_panels(at)["box"] is None
    )


@pytest.mark.slow
def test_compare_shows_the_region_and_its_link_brings_it_back(page):
    link = {"task": "cifar10", "fit": "crop", "norm": "linf", "epsilon": "2", "invert": "no"} | LINK
    at = restored(partial(page, "compare"), link)
    assert {"picture", "standard", "pgd-l2", *EDITS} <= {*region_panels(at)} and query(at)["pixels"] == "8,4,16,12"
    code = next(item.value for item in at.code if "box_shares" in item.value)
    assert "predictions.items()" in code and "photo:coffee" in code


@pytest.mark.slow
def test_latents_picture_its_change_and_the_answers_now_are_those_of_the_sliders(page, x, tiny_zoo):
    at = page("latent", **LINK, view="natural", natural="brightness:0.2")
    found = region_panels(at)
    assert list(found) == ["picture", "now", "change", "box"] and not at.error and found["box"] == [8, 4, 16, 12]
    changed = CHANGES["brightness"](x, 0.2)
    values = np.frombuffer(base64.b64decode(found["change"]["values"]), "<i2").reshape(32, 32) / 32767
    np.testing.assert_allclose(values * found["change"]["scale"], (changed - x)[0].mean(0).numpy(), atol=1e-4)
    logits = load_zoo_model("cifar10", "standard", tiny_zoo).fast(changed)[0]
    assert found["now"]["answers"][0]["answer"] == task_named("cifar10").class_names[int(logits.argmax())]
