"""Anomaly scores as the work of a job: the rows of `core.anomaly.batch_file`, of several networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from core.anomaly.batch_file import Scoring, Tally, count_rows, fit_files, rows_of
from core.anomaly.batch_parts import SCHEMA
from core.anomaly.batch_table import rows_by_file
from core.anomaly.calibration import Calibration, calibration_in, check_detectors
from core.batch.dataset import Dataset
from core.batch.job import Made, PackedNetwork, unpack
from core.data.incoming import Incoming
from core.models.zoo import ZooModel


@dataclass(frozen=True, slots=True)
class ScoreWork:
    """Scores pictures.

    Attributes:
        scoring: how.
    """

    scoring: Scoring

    @property
    def batch(self) -> int:
        """Pictures in memory at once."""
        return self.scoring.batch

    @property
    def schema(self) -> pa.Schema:
        """That of `robustscope score`."""
        return SCHEMA

    def stated(self) -> dict[str, Any]:
        """All settings that decide the rows."""
        asked = self.scoring
        return {
            "work": "score",
            "detectors": list(asked.detectors),
            "fitting": asked.fitting,
            "invert": asked.invert,
            "batch": asked.batch,
        }

    def taken_up(self, packed: PackedNetwork) -> tuple[ZooModel, Calibration]:
        """The network and its detectors.

        Raises:
            ConfigError: a detector that it has not.
        """
        model = unpack(packed)
        screen = calibration_in(model, packed.calibration, f"{packed.key}.npz")
        check_detectors(screen, self.scoring.detectors)
        return model, screen

    def made_of(
        self, networks: Sequence[tuple[ZooModel, Calibration]], pictures: Sequence[Incoming], place: str
    ) -> Made:
        """The rows of each picture, by network and detector."""
        images, errors = fit_files(networks[0][0].task, self.scoring, pictures, lambda done: None)
        by_network = []
        for model, screen in networks:
            rows = rows_of(model, screen, self.scoring, pictures, images, errors)
            by_network.append(rows_by_file(rows, len(self.scoring.detectors)))
        return Made([row for of_one in zip(*by_network, strict=True) for rows in of_one for row in rows], {})


def tally_scores(dataset: Dataset, models: Sequence[str], scoring: Scoring) -> dict[str, Tally]:
    """By network what the finished tables hold."""
    found = {key: Tally(flagged=dict.fromkeys(scoring.detectors, 0)) for key in models}
    for table in dataset.tables(("model", "detector", "p_value")):
        for key, tally in found.items():
            count_rows(table.filter(pa.compute.equal(table["model"], key)), scoring, tally)
    return found
