"""Answers, saliency maps and their measures as the work of a job."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly.batch_file import Fitting, Scoring, fit_files, path_text
from core.anomaly.batch_parts import Row
from core.batch.job import Made, PackedNetwork, unpack
from core.data.incoming import Incoming
from core.errors import ConfigError, InputError, choice_of
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
            dict.fromkeys(("path", "sha256", "model", "method", "answer"), texts)
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
        images, errors = fit_files(networks[0].task, Scoring(("any",), self.fitting), pictures, lambda done: None)
        of_network = [self._explained(one, images) for one in networks]
        rows: list[Row] = []
        pngs: dict[str, bytes] = {}
        for index, picture in enumerate(pictures):
            sha256 = hashlib.sha256(picture.data).hexdigest() if picture.data else None
            for one, found in zip(networks, of_network, strict=True):
                head = {"path": path_text(picture.path), "sha256": sha256, "model": one.card.key}
                if index in errors:
                    rows.append({**head, "error": errors[index]})
                    continue
                for row in found[index]:
                    png = f"{place}-{index:03d}-{one.card.key}-{row['method']}.png" if self.png else None
                    if png is not None and "map" in row:
                        pngs[png] = map_png(row["map"], ATTRIBUTION_METHODS[row["method"]].signed)
                        row["png"] = png
                    rows.append({**head, **_flat(row)})
        return Made(rows, pngs)

    def _explained(self, model: ZooModel, images: dict[int, Tensor]) -> dict[int, list[Row]]:
        """By picture a row for each method, still with its map (H, W)."""
        found: dict[int, list[Row]] = {index: [] for index in images}
        for method in self.methods:
            for index, row in together_or_alone(images, partial(self._maps, model, method)).items():
                found[index].append({"method": method, **row})
        return found

    def _maps(self, model: ZooModel, method: str, x: Tensor) -> list[Row]:
        with torch.no_grad():
            logits = model.fast(x)
        if not bool(logits.isfinite().all()):
            raise InputError("the network's answers to this picture are not finite numbers")
        target, probs = logits.argmax(1), logits.softmax(1)
        ask = AttributionRequest(model.fast, x, target, torch.Generator().manual_seed(self.seed))
        known = ATTRIBUTION_METHODS[method]
        attributions = attribute(known, ask)
        case = Case(known, ask, attributions, self.seed)
        measured = {key.replace("-", "_"): run_measure(key, case) for key in self.measures}
        return [
            {
                "answer": model.task.class_names[int(target[at])],
                "probability": float(probs[at, target[at]]),
                "map": heatmap,
                **{name: _figure(values[at]) for name, values in measured.items()},
            }
            for at, heatmap in enumerate(as_shown(known, attributions))
        ]


def together_or_alone(images: dict[int, Tensor], run: Callable[[Tensor], list[Row]]) -> dict[int, Row]:
    """The row of each image (1, C, H, W): all in one call, or one by one where that fails for one of them."""
    if not images:
        return {}
    try:
        return dict(zip(images, run(torch.cat(list(images.values()))), strict=True))
    except InputError as error:
        if len(images) == 1:
            return {index: {"error": str(error)} for index in images}
        return {at: row for index, x in images.items() for at, row in together_or_alone({index: x}, run).items()}


def map_png(heatmap: NDArray[np.float32], signed: bool) -> bytes:
    """A map (H, W) as a grey PNG on its own scale: of a signed one middle grey is zero, white speaks for the class."""
    most = float(np.abs(heatmap).max()) or 1.0
    shades = 0.5 + heatmap / (2 * most) if signed else heatmap / most
    return to_png(shades[None])


def _figure(value: float) -> float | None:
    """A number, or None where the measure has no meaning."""
    return float(value) if np.isfinite(value) else None


def _flat(row: Row) -> Row:
    """A row with its map as Parquet holds it."""
    if "map" not in row:
        return row
    height, width = row["map"].shape
    return {**row, "height": height, "width": width, "map": row["map"].ravel()}
