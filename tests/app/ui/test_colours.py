"""Colours show on both grounds, none of them means two things on one page, and signs tell apart what looks alike."""

from itertools import combinations

import numpy as np
import pytest

from app.adversarial import figures as adversarial
from app.anomaly.figures import ALARM
from app.latent import figures as latent
from app.models import answer_figures
from app.models import figures as models
from app.models.standings import Share
from app.state.choice import MOST_MODELS
from app.state.names import model_name
from app.ui.colours import model_colour, signed_colours
from app.ui.slider_predictions import CLASS_COLOURS, NO_COLOUR, ClassColours
from core.data.tasks import task_named
from core.metrics.confusion import ClassShare
from core.metrics.survival_curve import survival_curve
from core.training.recipes.registry import RECIPES, STUDENT
from core.training.zoo_plans import SHIPPED
from tests.helpers.colour_vision import SIGHTS, channels, distances, linear

GROUNDS = ("#FBFBF9", "#0C1622")  # of the light and the dark theme
OWN = tuple(f"own-{number}" for number in range(40))
NETWORKS = sorted({key for _, key in SHIPPED} | {*RECIPES, STUDENT.key}) + list(OWN)
OPENED = ("standard", "pgd-linf", "pgd-l2", "sat-box", "sat-mask")  # what pages open with
STRENGTHS = np.linspace(-1, 1, 201, dtype=np.float32)
MAPS = signed_colours(STRENGTHS[None] * np.abs(STRENGTHS), 1.0)[0] / 255  # in even steps of shade
CLASSES = np.stack([channels(colour) for colour in CLASS_COLOURS])


def luminance(colour):
    """Relative luminance as WCAG 2.2 defines it."""
    return float(linear(channels(colour)) @ [0.2126, 0.7152, 0.0722])


def nearest(key, others, sight="normal"):
    return float(distances(model_colour(key), others, sight).min())


@pytest.mark.parametrize("ground", GROUNDS)
def test_a_models_colour_shows_on_both_grounds(ground):
    for key in NETWORKS:
        low, high = sorted([luminance(model_colour(key)), luminance(ground)])
        assert (high + 0.05) / (low + 0.05) >= 3, key


def test_no_network_has_a_colour_of_maps_or_of_classes():
    assert not {key: near for key in NETWORKS if (near := nearest(key, MAPS)) < 12}
    assert not {key: near for _, key in SHIPPED if (near := nearest(key, CLASSES)) < 11}
    assert not {key: near for key in NETWORKS if (near := nearest(key, CLASSES)) < 7}


@pytest.mark.parametrize("sight", SIGHTS)
def test_the_networks_that_pages_open_with_are_apart_from_maps_classes_and_each_other_in_any_sight(sight):
    assert all(nearest(key, MAPS, sight) >= 9 and nearest(key, CLASSES, sight) >= 11 for key in OPENED)
    for task in {task for task, _ in SHIPPED}:
        of_task = [key for key in OPENED if (task, key) in SHIPPED]
        for one, other in combinations(of_task, 2):
            assert nearest(one, channels(model_colour(other))[None], sight) >= 15, (task, one, other)


def test_what_is_flagged_has_a_red_of_its_own():
    alarm = channels(ALARM)[None]
    assert all(nearest(key, alarm) >= 10 for _, key in SHIPPED) and nearest("standard", alarm) >= 15


@pytest.mark.parametrize("task", sorted({task for task, _ in SHIPPED}))
def test_models_of_a_task_have_colours_and_names_of_their_own(task):
    keys = [key for of, key in SHIPPED if of == task]
    for one, other in combinations(keys, 2):
        assert nearest(one, channels(model_colour(other))[None]) >= 9, (one, other)
    assert len({model_name(key) for key in keys}) == len(keys)
    assert all(model_name(key) != key for key in keys)


def charts_of(keys):
    """The charts in which networks are told apart by colour: two of all of a task, three of those side by side."""
    curve, share = survival_curve(np.array([0, 0.5, 1]), np.array([0.5, 1.0])), Share(0.9, 0.88, 0.92, 100)
    yield models.curves(dict.fromkeys(keys, curve), "l2", 0.5, GROUNDS[1])
    yield models.trade_off([(key, share, share) for key in keys], "PGD-50", GROUNDS[1])
    few, known = keys[:MOST_MODELS], ([ClassShare(3, 4, 0, 1)], [ClassShare(1, 4, 0, 1)])
    yield adversarial.areas(dict.fromkeys(few, np.array([0.1])), 10, 0.2, GROUNDS[1])
    yield latent.standing(dict.fromkeys(few, np.array([0.1])), 0.2, 0.1, GROUNDS[1])
    yield answer_figures.by_class(["cat"], dict.fromkeys(few, known), GROUNDS[1])


@pytest.mark.parametrize("task", sorted({task for task, _ in SHIPPED}))
def test_networks_that_look_alike_in_some_sight_have_signs_of_their_own(task):
    keys = [key for of, key in SHIPPED if of == task]
    apart = {
        pair: min(nearest(pair[0], channels(model_colour(pair[1]))[None], sight) for sight in SIGHTS)
        for pair in combinations(keys, 2)
    }
    if len(keys) > MOST_MODELS + 1:
        assert min(apart.values()) < 9  # no palette of so many keeps off maps, classes and each other in every sight
    for turned in (keys, keys[::-1]):
        for chart in charts_of(turned):
            signs = [(one.marker.symbol, one.line.dash) for one in chart.data if one.name]
            assert len(set(signs)) == len(signs) > 1, chart.layout.xaxis.title.text


def test_of_a_thousand_classes_those_met_first_are_coloured_and_no_two_share_a_colour():
    few, many = ClassColours(task_named("cifar10")), ClassColours(task_named("imagenet"))
    assert [few[index] for index in (9, 0)] == [CLASS_COLOURS[9], CLASS_COLOURS[0]]
    met = [many[index] for index in range(281, 301)]
    assert met[:10] == list(CLASS_COLOURS) and set(met[10:]) == {NO_COLOUR} and many[281] == met[0]
