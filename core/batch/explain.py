"""Answers, saliency maps and their measures as the work of a job."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly.batch_file import Fitting
from core.anomaly.batch_parts import Row
from core.batch.job import Made, PackedNetwork, unpack
from core.batch.rows import HEAD, Found, answers_of, as_images, joined, together_or_alone, with_heads
from core.data.incoming import Incoming
from core.errors import ConfigError, choice_of
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.images import to_png
from core.models.zoo import ZooModel
from core.saliency.catalogue import attribute
from core.saliency.measures.catalogue import SALIENCY_MEASURES, run_measure
from core.saliency.measures.measure import Case
from core.saliency.method import AttributionRequest
from core.saliency.randomisation import as_shown

MEASURES = ("insertion", "deletion", "stability-noise", "sparsity")
"""Of maps, where none are named."""


@dataclass(frozen=True, slots=True)
class ExplainWork:
    """Explains the class that a network predicts.

    Attributes:
        methods: keys of saliency methods.
        measures: keys of measures of their maps; none is possible.
        fitting: as for scores, see `core.images.fit`.
        seed: of all draws; each batch draws the same.
        png: whether each map is laid beside the tables as a picture.
        batch: pictures in memory at once.

    Raises:
        ConfigError: an unknown method or measure, none of the first, or a measure that needs more than a picture.
    """

    methods: tuple[str, ...]
    measures: tuple[str, ...] = MEASURES
    fitting: Fitting = "crop"
    seed: int = 0
    png: bool = False
    batch: int = 16

    def __post_init__(self) -> None:
        for method in self.methods:
            choice_of("method", ATTRIBUTION_METHODS, method)
        for key in self.measures:
            measure = SALIENCY_MEASURES[choice_of("measure", SALIENCY_MEASURES, key)]
            if measure.needs != "nothing" or measure.of != "map":
                raise ConfigError(f"the measure {key} is not one of a picture's map alone")
        if not self.methods:
            raise ConfigError("name at least one method")

    @property
    def schema(self) -> pa.Schema:
        """A row for each picture, network and method; `map` holds its rows of pixels one after the other."""
        texts, figures = pa.string(), [key.replace("-", "_") for key in self.measures]
        return pa.schema(
            dict.fromkeys((*HEAD, "method", "answer"), texts)
            | {"probability": pa.float64(), "height": pa.int32(), "width": pa.int32(), "map": pa.list_(pa.float32())}
            | {"png": texts, **dict.fromkeys(figures, pa.float64()), "error": texts}
        )

    def stated(self) -> dict[str, Any]:
        """All settings that decide the rows."""
        return {
            "work": "explain",
            "methods": list(self.methods),
            "measures": list(self.measures),
            "fitting": self.fitting,
            "seed": self.seed,
            "png": self.png,
            "batch": self.batch,
        }

    def taken_up(self, packed: PackedNetwork) -> ZooModel:
        """The network."""
        return unpack(packed)

    def made_of(self, networks: Sequence[ZooModel], pictures: Sequence[Incoming], place: str) -> Made:
        """The rows of each picture, by network and method.

        Raises:
            ConfigError: a method that a network does not allow.
        """
        images, errors = as_images(networks[0], self.fitting, pictures)
        found = {one.card.key: self._explained(one, images) for one in networks}
        pngs: dict[str, bytes] = {}
        for key, index, row in ((key, at, row) for key, each in found.items() for at in each for row in each[at]):
            if self.png and "map" in row:
                row["png"] = f"{place}-{index:03d}-{key}-{row['method']}.png"
                pngs[row["png"]] = map_png(row["map"], ATTRIBUTION_METHODS[row["method"]].signed)
            row.update(_flat(row))
        return Made(with_heads(pictures, errors, found), pngs)

    def _explained(self, model: ZooModel, images: dict[int, Tensor]) -> Found:
        """By picture a row for each method, still with its map (H, W)."""
        return joined([together_or_alone(images, partial(self._maps, model, method)) for method in self.methods])

    def _maps(self, model: ZooModel, method: str, x: Tensor) -> list[list[Row]]:
        probs, target = answers_of(model, x).max(1)
        ask = AttributionRequest(model.fast, x, target, torch.Generator().manual_seed(self.seed))
        known = ATTRIBUTION_METHODS[method]
        attributions = attribute(known, ask)
        case = Case(known, ask, attributions, self.seed)
        measured = {key.replace("-", "_"): run_measure(key, case) for key in self.measures}
        return [
            [
                {
                    "method": method,
                    "answer": model.task.class_names[int(target[at])],
                    "probability": float(probs[at]),
                    "map": heatmap,
                    **{name: _figure(values[at]) for name, values in measured.items()},
                }
            ]
            for at, heatmap in enumerate(as_shown(known, attributions))
        ]


def map_png(heatmap: NDArray[np.float32], signed: bool) -> bytes:
    """A map (H, W) as a grey PNG on its own scale: of a signed one middle grey is zero, white speaks for the class."""
    most = float(np.abs(heatmap).max()) or 1.0
    shades = 0.5 + heatmap / (2 * most) if signed else heatmap / most
    return to_png(shades[None])


def _figure(value: float) -> float | None:
    """A number, or None where the measure has no meaning."""
    return float(value) if np.isfinite(value) else None


def _flat(row: Row) -> Row:
    """A row's map as Parquet holds it."""
    if "map" not in row:
        return {}
    height, width = row["map"].shape
    return {"height": height, "width": width, "map": row["map"].ravel()}
