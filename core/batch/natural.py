"""Answers to pictures under natural changes of several amounts as the work of a job."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
from torch import Tensor

from core.anomaly.batch_file import Fitting
from core.anomaly.batch_parts import Row
from core.batch.job import Made, PackedNetwork, unpack
from core.batch.rows import HEAD, answers_of, as_images, joined, together_or_alone, with_heads
from core.data.incoming import Incoming
from core.errors import ConfigError, choice_of
from core.models.zoo import ZooModel
from core.natural.catalogue import CHANGES

AMOUNTS = 5
"""Of each change, with the one that leaves a picture as it is."""


@dataclass(frozen=True, slots=True)
class NaturalWork:
    """Asks networks about changed pictures.

    Attributes:
        changes: keys of natural changes.
        amounts: about so many of each, evenly from one end of its range to the other.
        fitting: as for scores, see `core.images.fit`.
        batch: pictures in memory at once.

    Raises:
        ConfigError: no change, an unknown one, or fewer than two amounts.
    """

    changes: tuple[str, ...]
    amounts: int = AMOUNTS
    fitting: Fitting = "crop"
    batch: int = 64

    def __post_init__(self) -> None:
        if not self.changes or self.amounts < 2:
            raise ConfigError(f"name at least one change, and at least 2 amounts; got {self.amounts}")
        for key in self.changes:
            choice_of("change", CHANGES, key)

    @property
    def schema(self) -> pa.Schema:
        """A row for each picture, network, change and amount; `kept` says whether the answer is that at rest."""
        texts = pa.string()
        return pa.schema(
            dict.fromkeys((*HEAD, "change"), texts)
            | {"amount": pa.float64(), "answer": texts, "probability": pa.float64(), "kept": pa.bool_(), "error": texts}
        )

    def stated(self) -> dict[str, Any]:
        """All settings that decide the rows."""
        asked = {"changes": list(self.changes), "amounts": self.amounts, "fitting": self.fitting, "batch": self.batch}
        return {"work": "natural", **asked}

    def taken_up(self, packed: PackedNetwork) -> ZooModel:
        """The network."""
        return unpack(packed)

    def made_of(self, networks: Sequence[ZooModel], pictures: Sequence[Incoming], place: str) -> Made:
        """The rows of each picture, by network, change and amount.

        Raises:
            ConfigError: a change that needs colours, of networks for grey pictures.
        """
        images, errors = as_images(networks[0], self.fitting, pictures)
        found = {
            one.card.key: joined([together_or_alone(images, partial(self._answers, one, key)) for key in self.changes])
            for one in networks
        }
        return Made(with_heads(pictures, errors, found), {})

    def _answers(self, model: ZooModel, key: str, x: Tensor) -> list[list[Row]]:
        """Of each image a row for each amount."""
        change, names = CHANGES[key], model.task.class_names
        rows: list[list[Row]] = [[] for _ in x]
        at_rest = answers_of(model, x).argmax(1)
        for amount in change.positions(self.amounts):
            probabilities, classes = answers_of(model, change(x, amount)).max(1)
            for at, own in enumerate(rows):
                answer = int(classes[at])
                said = {"answer": names[answer], "probability": float(probabilities[at])}
                own.append({"change": key, "amount": amount, **said, "kept": answer == int(at_rest[at])})
        return rows
