"""What does the shards of a job: the processes of this machine, or those of a cluster."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from core.batch.divided import A, Divided, P
from core.batch.local import LocalEngine, cores
from core.batch.on_ray import ray_engine
from core.errors import ConfigError


class BatchEngine(Protocol):
    """What does shards."""

    @property
    def processes(self) -> int:
        """How many it does at once."""

    def answers(self, job: Divided[P, A], shards: Iterable[P]) -> Iterator[A]:
        """What comes out for each shard, in the order in which they are finished.

        Shards are taken as they can be begun, so that few are in memory. Where a process is killed its shard is done
        again, a few times. Its processes keep the work that they have taken up until another comes.

        Raises:
            CoreError: the job is impossible, or a shard ends each process that begins it.
        """


Open = Callable[[str | None, int | None], AbstractContextManager[BatchEngine]]


def _local(address: str | None, processes: int | None) -> AbstractContextManager[BatchEngine]:
    if address is not None:
        raise ConfigError("an address goes with the engine ray; the engine local has the processes of this machine")
    return LocalEngine(cores() if processes is None else processes)


ENGINES: Mapping[str, Open] = {"local": _local, "ray": ray_engine}
"""By name how an engine is begun: with an address and a number of processes, None for its own choice of each."""
