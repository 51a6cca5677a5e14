"""What commands over any number of pictures share: the options of engines, the cost before the start, the progress."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.options import count, new_folder
from core.cli.output import say
from core.errors import ConfigError

if TYPE_CHECKING:
    from core.batch.dataset import Dataset
    from core.batch.job import PackedNetwork, Work

ENGINES = ("local", "ray")
PATHS = "a file, a folder, a ZIP, a Parquet file with pictures in it, or a URL such as s3://bucket/folder"


def add_engines(command: Any) -> None:
    """The options that say where the work is done."""
    group = command.add_argument_group("many pictures")
    group.add_argument("--engine", choices=ENGINES, help="processes of this machine, or a Ray cluster (default: local)")
    group.add_argument("--address", help="of the Ray cluster, such as ray://host:10001 (default: one on this machine)")
    group.add_argument("--processes", type=count, help="at once on this machine (default: its cores)")
    group.add_argument("--shard", type=count, help="pictures in each file of the dataset, about (default: 200)")


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
        raise ConfigError("there is nothing to read")
    job = Job(work, tuple(networks), code_digest())
    stated = {
        **work.stated(),
        "task": task,
        "models": [one.key for one in networks],
        "weights, calibrations and code": job.identity,
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
                f"about {1e3 * cost.seconds_each:.1f} ms a picture on one core, {cost.core_seconds / 3600:.2g} core "
                f"hours in all: {clock(cost.seconds(at_once))} on {counted(at_once, 'process')} "
                f"(measured on the first {cost.measured})",
            )
        with tqdm(total=known, initial=known - left, disable=options.json, unit="picture") as bar:

            def on_shard(shard: Shard, done: Done) -> None:
                bar.update(shard.pictures)

            run_batch(job, shards, engine, dataset, on_shard)
    return dataset


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
    """The networks with these keys, and the folders that they lie in."""
    from core.models.zoo import folder_of

    return [(key, folder_of(task, key)) for key in keys]
