"""The epsilon slider's scale, and the positions at which an attack that grows stands."""

from itertools import pairwise

import pytest

from app.state.epsilon_scale import dial
from core.data.tasks import TASKS


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("task", TASKS.values(), ids=str)
def test_stops_are_positions_of_the_slider_evenly_spaced_and_reach_it_nearly_whole(task, norm):
    scale = dial(task, norm)
    stops = scale.stops()
    gaps = {round(high - low, 6) for low, high in pairwise(stops)}
    assert stops[0] == 0 and len(gaps) == 1 and all(scale.snap(stop) == stop for stop in stops)
    assert 8 <= len(stops) - 1 <= 13 and 0 <= scale.top - stops[-1] < gaps.pop() + 1e-9
