"""Every page with ImageNet: photographs at 224 pixels, a thousand classes, and two networks."""

import pytest

from core.reports.form.report import read_report, report_path
from tests.helpers.pages import bodies, finished, opened

PAGES = ("compare", "adversarial", "saliency", "anomaly", "latent", "models")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_it_and_says_what_is_missing(page, reports, few_steps, monkeypatch, tmp_path):
    monkeypatch.setenv("ROBUSTSCOPE_DATA", str(tmp_path))
    at = finished(
        opened(f"pages/{page}", task="imagenet", image="photo:coffee", open="path" if page == "adversarial" else "")
    )
    assert not at.error and not at.warning
    assert page == "models" or ["standard", "robust-student"] in [item.value for item in at.multiselect]
    if page == "anomaly":
        assert any("learned from pictures that are not here" in text.value for text in at.markdown)
    if page == "adversarial":
        (block,) = bodies(at, "data-explained")
        assert block.count("data-class=") == 8 and block.count('data-class="espresso"') == 2
        assert len(at.selectbox(key="adversarial.target.imagenet").options) == 1001
    if page == "latent":  # it has no generator, so the page opens with changes that need none
        assert len(bodies(at, "data-natural")) == 1 and len(bodies(at, "data-ribbon")) == 5
        assert at.segmented_control(key="latent.view.imagenet").value == "natural"
    if page == "saliency":
        offered = at.selectbox(key="saliency.layer.imagenet").options
        assert "network.bn2 · 1280 × 7 × 7" in offered


def test_cards_say_what_the_student_and_its_teacher_withstand():
    (block,) = bodies(finished(opened("pages/models", task="imagenet", open="cards")), "data-card")
    assert block.count("Right on photographs of Tiny ImageNet") == 2 and "Accuracy not measured" not in block
    rows = read_report(report_path("imagenet", "student")).rows
    smallest = min(row["epsilon"] for row in rows if row["epsilon"])  # where the report asked APGD, too
    for row in rows:
        attacks = "PGD-50 and APGD" if row["epsilon"] == smallest else "PGD-50"
        under = f"under {attacks} within {row['epsilon'] * 255:g}/255" if row["epsilon"] else "clean"
        share = f"{row['right']:.1%}".replace("%", " %")
        assert f"{share} ({row['right_low'] * 100:.1f} to {row['right_high'] * 100:.1f}) {under}" in block


def test_the_page_train_does_not_offer_it(reports):
    at = opened("pages/training")
    offered = [item.options for item in (*at.selectbox, *at.segmented_control)]
    assert any("CIFAR-10" in options for options in offered) and not any("ImageNet" in options for options in offered)


@pytest.mark.slow
def test_a_link_says_which_layer_is_looked_at(reports):
    for layer in ("network.blocks.4", "network.nowhere"):  # the map of the second says that there is no such layer
        at = finished(opened("pages/saliency", task="imagenet", methods="grad-cam", layer=layer))
        assert at.selectbox(key="saliency.layer.imagenet").value == layer and not at.warning and not at.error
