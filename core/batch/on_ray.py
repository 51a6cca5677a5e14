"""The processes of a Ray cluster, or of a small one that is begun on this machine for the time of the job."""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from core.batch.divided import A, Divided, P, Piecewise
from core.batch.local import ATTEMPTS, cores
from core.errors import ConfigError, CoreError, InputError
from core.text import shorten

STORE_BYTES = 512 << 20
"""Of the object store of a cluster that is begun here: networks and the answers on their way."""
SECONDS_TO_ANSWER = 5
"""That a cluster with an address has."""
_AHEAD = 2  # shards handed out for each process; an answer that waits is held in the object store


@dataclass(frozen=True, slots=True)
class RayEngine:
    """A cluster that this process is connected to.

    Attributes:
        ray: the package.
        processes: the cores of all its nodes.
    """

    ray: Any
    processes: int

    def answers(self, job: Divided[P, A], shards: Iterable[P]) -> Iterator[A]:
        """As `core.batch.engine.BatchEngine`; Ray itself does the shards of a node that was lost on another one."""
        ray, waiting = self.ray, iter(shards)
        begun: dict[Any, P] = {}
        work = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(_answer)
        kept = ray.put(job)  # once for the cluster; a list keeps Ray from handing each shard a copy of it
        try:
            while True:
                while len(begun) < _AHEAD * self.processes and (shard := next(waiting, None)) is not None:
                    begun[work.remote(job.identity, [kept], shard)] = shard
                if not begun:
                    return
                (ready, *_), _ = ray.wait(list(begun), num_returns=1)
                shard = begun.pop(ready)
                yield cast(A, self._got(ready, shard))
        finally:
            for each in begun:
                ray.cancel(each, force=True)

    def _got(self, ready: Any, shard: Piecewise) -> Any:
        errors = self.ray.exceptions
        try:
            return self.ray.get(ready)
        except errors.RayTaskError as error:
            if isinstance(error.cause, CoreError):
                raise error.cause from None
            raise
        except errors.RayError as error:
            raise InputError(
                f"Ray lost shard {shard.number} more than {ATTEMPTS - 1} times ({type(error).__name__}): its node may "
                f"have ended, or too little memory be left; the shard {shard.words}. The same command goes on"
            ) from error


_jobs: dict[str, Divided[Any, Any]] = {}


def _answer(identity: str, kept: list[Any], shard: Piecewise) -> Any:
    """The answer of a shard, by a process of Ray's, which fetches each job once."""
    import ray  # noqa: PLC0415 - an optional package

    if identity not in _jobs:
        _jobs.clear()
        _jobs[identity] = ray.get(kept[0])
    return _jobs[identity].answer(shard)


@contextmanager
def ray_engine(address: str | None, processes: int | None) -> Iterator[RayEngine]:
    """The cluster at an address, or one of `processes` on this machine, all cores if none are named.

    A cluster that this process is connected to already is used as it is, and left so.

    Raises:
        ConfigError: Ray is not installed, processes are named for a cluster that has its own, or nobody answers.
    """
    if address is not None and processes is not None:
        raise ConfigError("a cluster with an address has its own processes: leave their number out")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise ConfigError(
            "the engine ray needs the package ray, the engine local does not: .venv/bin/pip install -r "
            "requirements-extras.txt"
        ) from error
    ours = not ray.is_initialized()
    if ours and address is not None:
        _knock(address)
    if ours:
        _connect(ray, address, processes or cores())
    try:
        yield RayEngine(ray, max(1, int(ray.cluster_resources().get("CPU", 1))))
    finally:
        if ours:
            ray.shutdown()


def _knock(address: str) -> None:
    """Ask at an address whether anybody is there: Ray itself would try for minutes, and write each try on the screen.

    Raises:
        ConfigError: nobody is.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # a name such as `auto`, of which Ray knows more
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"no Ray cluster answers at {shorten(address)}: {error}; 'ray status' says whether it runs"
        ) from error


def _connect(ray: Any, address: str | None, processes: int) -> None:
    begun = {"num_cpus": processes, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    try:
        if address is None:
            ray.init(address="local", log_to_driver=False, logging_level="ERROR", **begun)
        else:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, ImportError, ray.exceptions.RayError) as error:
        raise ConfigError(
            f"no Ray cluster could be used at {address or 'this machine'}: {shorten(error, 200)}; a cluster that is "
            "guarded by a token, as Ray's are unless told otherwise, wants RAY_AUTH_MODE=token and that token here, too"
        ) from error
