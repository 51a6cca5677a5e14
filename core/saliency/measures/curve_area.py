"""Insertion and deletion: the area under a class's probability as pixels come and go in the map's order."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.saliency.curves import Curve, deletion, insertion
from core.saliency.measures.measure import Case, Measure, Values

_SOURCE = "Petsiuk et al. 2018, arXiv:1806.07421, Sec. 3.2"


def _area(curve: Callable[[nn.Module, Tensor, Tensor, Tensor], Curve]) -> Callable[[Case], Values]:
    """The run of a measure that is the area under a curve."""

    def run(case: Case) -> Values:
        maps = torch.from_numpy(case.heatmaps).to(case.ask.x.device)
        return curve(case.ask.model, case.ask.x, maps, _top_classes(case)).area

    return run


def _top_classes(case: Case) -> Tensor:
    """The class whose probability a curve follows: the one explained, of a contrast the first."""
    return case.ask.target if case.ask.target.dim() == 1 else case.ask.target[:, 0]


INSERTION_MEASURE = Measure(
    "insertion",
    "Insertion",
    "The class's mean probability as pixels come back into a blurred image, the map's highest first.",
    _SOURCE,
    "higher",
    "17 k",
    _area(insertion),
)

DELETION_MEASURE = Measure(
    "deletion",
    "Deletion",
    "The class's mean probability as pixels turn grey, the map's highest first.",
    _SOURCE,
    "lower",
    "17 k",
    _area(deletion),
)
