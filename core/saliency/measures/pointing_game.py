"""The pointing game: whether the map's highest place lies on the object."""

from core.metrics.localisation import pointing_game
from core.saliency.measures.measure import Measure, on_object

POINTING_GAME_MEASURE = Measure(
    "pointing-game",
    "Pointing game",
    "Whether the map's highest place lies on the object; by chance, the object's share of the area.",
    "Zhang et al. 2016, arXiv:1608.00507",
    "higher",
    "none",
    on_object(pointing_game),
    needs="inside",
)
