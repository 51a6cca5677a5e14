"""What commands over any number of pictures share: the options of engines, the cost before the start, the progress."""

import argparse
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.options import count, new_folder
from core.cli.output import say
from core.errors import ConfigError
from core.text import shorten

if TYPE_CHECKING:
    from core.batch.dataset import Dataset
    from core.batch.job import PackedNetwork, Work
    from core.batch.measuring import SharedMeasuring
    from core.data.datasets import LabelledImages
    from core.models.zoo import ZooModel

ENGINES = ("local", "ray")
PATHS = "a file, a folder, a ZIP, a Parquet file with pictures in it, or a URL such as s3://bucket/folder"


def add_engines(command: Any) -> None:
    """The options that say where the work on many pictures is done."""
    _add_engines(command.add_argument_group("many pictures"), "local").add_argument(
        "--shard", type=count, help="pictures in each file of the dataset, about (default: 200)"
    )


def add_measuring(command: Any) -> None:
    """The options that say where the batches of a report are measured, if not by this process alone."""
    _add_engines(command.add_argument_group("several batches at once"), "none: batch by batch, in this process")


def _add_engines(group: Any, default: str) -> Any:
    group.add_argument(
        "--engine", choices=ENGINES, help=f"processes of this machine, or a Ray cluster (default: {default})"
    )
    group.add_argument("--address", help="of the Ray cluster, such as ray://host:10001 (default: one on this machine)")
    group.add_argument("--processes", type=count, help="at once on this machine (default: its cores)")
    return group


def add_dataset(command: Any, required: bool) -> None:
    """The folder of the results."""
    command.add_argument(
        "--dataset", type=new_folder, required=required, metavar="FOLDER",
        help="a folder of Parquet files, one a shard; an interrupted run goes on",
    )  # fmt: skip


def run_job(
    options: argparse.Namespace, task: str, work: "Work[Any]", networks: "Sequence[PackedNetwork]"
) -> "Dataset":
    """The finished results in `options.dataset`.

    Raises:
        CoreError: as for `core.batch.run.run_batch`; also where the folder holds a run with other settings.
    """
    from tqdm import tqdm

    from core.batch.dataset import MANIFEST, Dataset, Done
    from core.batch.engine import ENGINES as OPEN
    from core.batch.job import Job, code_digest
    from core.batch.run import measure_cost, remaining, run_batch
    from core.batch.shards import SHARD, Shard, digest, plan

    begun = (options.dataset / MANIFEST).exists()
    shards = plan(options.paths, options.shard or SHARD, options.dataset if begun else None)
    if not shards:
        raise ConfigError(f"there is nothing to read in {shorten(', '.join(options.paths))}")
    job = Job(work, tuple(networks), code_digest())
    stated = {
        **work.stated(),
        "task": task,
        "models": [one.key for one in networks],
        "weights, calibrations and code": job.identity,
        "pictures": sum(shard.pictures for shard in shards),
        "shards": len(shards),
        "list of pictures": digest(shards),
    }
    dataset = Dataset(options.dataset, stated)
    to_do = remaining(shards, dataset)
    known, left = (sum(shard.pictures for shard in some) for some in (shards, to_do))
    with OPEN[options.engine or "local"](options.address, options.processes) as engine:
        if to_do and not options.json:
            cost, at_once = measure_cost(job, to_do), min(engine.processes, len(to_do))
            by = counted(len(networks), "network")
            say(
                f"{counted(known, 'picture')} in {counted(len(shards), 'shard')}, {known - left:,} done; {by}",
                f"about {1e3 * cost.seconds_each:.1f} ms a picture on one core, {clock(cost.core_seconds)} of one core "
                f"in all: {clock(cost.seconds(at_once))} on {counted(at_once, 'process')} "
                f"once they have begun (measured on the first {cost.measured})",
            )
        with tqdm(total=known, initial=known - left, disable=options.json, unit="picture") as bar:

            def on_shard(shard: Shard, done: Done) -> None:
                bar.update(shard.pictures)

            run_batch(job, shards, engine, dataset, on_shard)
    return dataset


@contextmanager
def shared_measuring(
    options: argparse.Namespace, batches: bool, models: "Sequence[ZooModel]", pictures: "LabelledImages"
) -> "Iterator[SharedMeasuring | None]":
    """What measures several batches of a report at once, on the processor; None where no engine is asked for.

    Args:
        options: of the command.
        batches: whether the report is measured batch by batch.
        models: the networks that are measured.
        pictures: what they are measured on.

    Raises:
        ConfigError: the report is not, another device is asked for, or the engine can't be had.
    """
    if options.engine is None and options.address is None and options.processes is None:
        yield None
        return
    from core.batch.engine import ENGINES as OPEN
    from core.batch.measuring import SharedMeasuring

    if not batches:
        raise ConfigError(f"the report {options.report} is not measured batch by batch: leave the engine out")
    if options.device not in (None, "cpu"):
        raise ConfigError(f"engines compute on processors: leave --device out, or the engine; got {options.device}")
    options.device = "cpu"
    networks = [part for model in models for part in (model, model.plain, model.fast)]
    tensors = [part for part in (pictures.pixels, pictures.labels, pictures.maps) if part is not None]
    with OPEN[options.engine or "local"](options.address, options.processes) as engine:
        yield SharedMeasuring(engine, [*networks, *tensors])


def clock(seconds: float) -> str:
    """A time in the units that it is thought in, rounded up."""
    whole = math.ceil(seconds)
    hours, minutes = whole // 3600, whole // 60
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def counted(number: int, noun: str) -> str:
    """So many of something."""
    return f"{number:,} {noun}{'' if number == 1 else 's' if noun[-1] != 's' else 'es'}"


def network_keys(task: str, keys: Sequence[str]) -> list[tuple[str, Path]]:
    """The networks with these keys, and the folders that they lie in.

    Raises:
        ConfigError: there is none of that key.
    """
    from core.models.zoo import folder_of, known_cards

    known = known_cards(task)
    for key in keys:
        if key not in known:
            raise ConfigError(
                f"{task} has no network {shorten(key)}: 'robustscope models --task {task}' lists those that it has"
            )
    return [(key, folder_of(task, key)) for key in keys]
