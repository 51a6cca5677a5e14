"""Mass on the object: the share of the map that lies where the object is."""

from core.metrics.localisation import mass_inside
from core.saliency.measures.measure import Measure, on_object

MASS_INSIDE_MEASURE = Measure(
    "mass-inside",
    "Mass on the object",
    "The share of the map's absolute mass on the object; of an even map, the object's share of the area.",
    "Kohlbrenner et al. 2020, arXiv:1910.09840",
    "higher",
    "none",
    on_object(mass_inside),
    needs="inside",
)
