"""A job from its beginning, or from where it stopped, to its end; and what it costs, measured on its first pictures."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from core.batch.dataset import Dataset, Done
from core.batch.engine import BatchEngine
from core.batch.job import Job, loaded
from core.batch.reading import read
from core.batch.shards import Shard
from core.models.asking import one_thread

MEASURED = 16
"""Pictures that a cost is measured on."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a job will take.

    Attributes:
        pictures: still to be done.
        measured: pictures that this was measured on.
        seconds_each: of one core, a picture.
    """

    pictures: int
    measured: int
    seconds_each: float

    @property
    def core_seconds(self) -> float:
        """Of one core, for all."""
        return self.pictures * self.seconds_each

    def seconds(self, processes: int) -> float:
        """By the clock, where so many processes have a core each and nothing holds them up."""
        return self.core_seconds / processes


def remaining(shards: Sequence[Shard], dataset: Dataset) -> list[Shard]:
    """The shards that have no rows yet."""
    return [shard for shard in shards if shard.number not in dataset.done]


def measure_cost(job: Job, shards: Sequence[Shard], pictures: int = MEASURED) -> Cost:
    """What these shards will take, measured by doing the first pictures here, with one thread.

    Taking up the networks and the first picture that can be read is not counted: every process does that once. First
    pictures may be cheaper or dearer than the rest, a machine that is busy later is slower.

    Raises:
        CoreError: the job is impossible for these networks; better now than in each process.
    """
    networks = loaded(job)
    first = list(islice((each for shard in shards for each in read(shard)), pictures))
    with one_thread():
        for one in first:
            if not all(row.get("error") for row in job.work.made_of(networks, [one], "").rows):
                break
        start = time.perf_counter()
        job.work.made_of(networks, first, "")
        spent = time.perf_counter() - start
    return Cost(sum(shard.pictures for shard in shards), len(first), spent / max(1, len(first)))


def run_batch(
    job: Job,
    shards: Sequence[Shard],
    engine: BatchEngine,
    dataset: Dataset,
    on_shard: Callable[[Shard, Done], None] = lambda shard, done: None,
) -> None:
    """Do the shards that are not done, and write into the manifest that all are there.

    Raises:
        CoreError: the job is impossible, a shard ends each process that begins it, or the folder can't be written.
    """
    by_number = {shard.number: shard for shard in remaining(shards, dataset)}
    for found in engine.answers(job, by_number.values()):
        on_shard(by_number[found.number], dataset.write(found))
    dataset.finish()
