"""Where a model stands: the report counts only for the weights it was measured on, and nothing is made up."""

import pytest

from app.models.standings import Share, cards_in_report, standings
from core.models.resnet import ResNetConfig
from core.models.zoo import Card

FIGURE = {"norm": "linf", "epsilon": 0.1, "clean": 0.9, "clean_low": 0.88, "clean_high": 0.92, "clean_n": 1000}
OWN = FIGURE | {"robust": 0.4, "robust_low": 0.35, "robust_high": 0.45, "robust_n": 500}
ROW = {
    **FIGURE,
    **{"model": "standard", "sha256": "abc", "clean_n": 300, "cost": 2, "masking": "single-step,transfer"},
    **{"pgd": 0.3, "pgd_low": 0.25, "pgd_high": 0.35, "pgd_n": 300},
    **{"apgd": 0.2, "apgd_low": 0.15, "apgd_high": 0.25, "apgd_n": 300},
}


def card(figures=(OWN,), sha256="abc") -> Card:
    return Card("cifar10", "standard", ResNetConfig(), "", {}, 0, "", {}, sha256, 0, figures)


def test_report_and_card_are_brought_together():
    (one,) = standings([card()], [ROW], "linf")
    assert one.clean == Share(0.9, 0.88, 0.92, 1000)  # the card's, on more images
    assert one.pgd == Share(0.4, 0.35, 0.45, 500)  # the figure that every other page and the README has
    assert one.apgd == Share(0.2, 0.15, 0.25, 300)
    assert (one.cost, one.flags, one.epsilon) == (2.0, ("single-step", "transfer"), 0.1)


@pytest.mark.parametrize("change", [{"sha256": "other"}, {"model": "pgd-linf"}, {"norm": "l2"}], ids=str)
def test_a_row_of_other_weights_or_another_norm_does_not_count(change):
    (one,) = standings([card()], [ROW | change], "linf")
    assert one.pgd == Share(0.4, 0.35, 0.45, 500) and one.apgd is None and one.cost is None and one.flags is None
    assert cards_in_report([card()], [ROW | change]) == ([] if "norm" not in change else [card()])


def test_a_card_without_figures_has_none():
    (one,) = standings([card(())], [], "l2")
    assert one.clean is one.pgd is one.apgd is one.epsilon is one.flags is None


@pytest.mark.parametrize(
    "broken", [{"apgd": None}, {"apgd": "x"}, {"apgd": 1.2}, {"apgd_low": 0.3}, {"apgd_n": 0}], ids=str
)
def test_half_a_figure_is_no_figure(broken):
    (one,) = standings([card()], [ROW | broken], "linf")
    assert one.apgd is None and one.pgd is not None


def test_no_flags_raised_is_not_the_same_as_nobody_looked():
    assert standings([card()], [ROW | {"masking": ""}], "linf")[0].flags == ()
