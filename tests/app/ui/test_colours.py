import pytest

from app.state.names import model_name
from app.ui.colours import model_colour
from core.training.zoo_plans import SHIPPED

GROUNDS = ("#FBFBF9", "#0C1622")  # of the light and the dark theme


def luminance(colour):
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("key", sorted({key for _, key in SHIPPED}))
@pytest.mark.parametrize("ground", GROUNDS)
def test_a_models_colour_shows_on_both_grounds(key, ground):
    low, high = sorted([luminance(model_colour(key)), luminance(ground)])
    assert (high + 0.05) / (low + 0.05) >= 3


@pytest.mark.parametrize("task", sorted({task for task, _ in SHIPPED}))
def test_models_of_a_task_have_colours_and_names_of_their_own(task):
    keys = [key for of, key in SHIPPED if of == task]
    assert len({model_colour(key) for key in keys}) == len({model_name(key) for key in keys}) == len(keys)
    assert all(model_name(key) != key for key in keys)
