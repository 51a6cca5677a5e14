"""Batch work by one process, by two and by Ray: how fast, whether the files are the same, and what a kill costs.

    python -m benchmarks.load.batch --pictures 20000

Pictures are CIFAR-10's test images as PNG files, over again from the start where more are asked for. Each engine has
the same shards to do from nothing; its time is that of the whole run and of the part after its first shard, which
leaves out what is paid once: starting processes, and taking networks up. Then a process of two is killed (-9) amid a
run, and a node of two of a Ray cluster on this machine with all its processes.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from benchmarks.load.measured import keep
from benchmarks.load.server import below
from core.anomaly.batch_file import Scoring
from core.anomaly.calibration import calibration_path
from core.anomaly.catalogue import DEFAULT
from core.batch.dataset import Dataset
from core.batch.engine import ENGINES, BatchEngine
from core.batch.explain import ExplainWork
from core.batch.job import Job, code_digest, pack
from core.batch.run import measure_cost, run_batch
from core.batch.score import ScoreWork
from core.batch.shards import Shard, plan
from core.data.datasets import load
from core.data.tasks import task_named
from core.errors import CoreError
from core.images import to_png
from core.models.zoo import ASSETS

TASK, NETWORKS = "cifar10", ("standard", "pgd-l2")
RUNS = ("one process", "two processes", "ray", "two, one killed", "ray, a node killed")
NODE = {"include_dashboard": False, "object_store_memory": 200 << 20}


def write_pictures(folder: Path, count: int) -> None:
    """The first test images as PNG files, a thousand in each folder."""
    test = load(task_named(TASK), "test")
    for at in range(count):
        part = folder / f"{at // 1000:03d}"
        part.mkdir(parents=True, exist_ok=True)
        pixels = test.pixels[at % len(test)].permute(1, 2, 0).numpy()
        (part / f"{at:06d}.png").write_bytes(to_png(pixels))


def job_of(work: str) -> Job:
    """What is done: anomaly scores, or gradient maps with their answers."""
    asked = ScoreWork(Scoring((DEFAULT,))) if work == "score" else ExplainWork(("gradient",), ("sparsity",))
    screens = {key: calibration_path(TASK, key) if work == "score" else None for key in NETWORKS}
    return Job(asked, tuple(pack(TASK, key, ASSETS, screens[key]) for key in NETWORKS), code_digest())


def run(
    job: Job, shards: list[Shard], engine: BatchEngine, folder: Path, on_count: Callable[[int], None] = lambda n: None
) -> dict[str, Any]:
    """A run from nothing: its seconds, its rows, and a digest of all its files."""
    dataset, start, first = Dataset(folder, job.work.stated()), time.perf_counter(), []

    def on_shard(shard: Shard, done: Any) -> None:
        first.append(time.perf_counter())
        on_count(len(first))

    run_batch(job, shards, engine, dataset, on_shard)
    digest = hashlib.sha256()
    for shard in shards:
        digest.update(dataset.part(shard.number).read_bytes())
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "seconds_after_first": round(first[-1] - first[0], 1),
        "pictures": sum(each.pictures for each in dataset.done.values()),
        "rows": sum(table.num_rows for table in dataset.tables(["path"])),
        "bytes_out": bytes_below(folder),
        "files": digest.hexdigest()[:16],
    }


def bytes_below(folder: Path) -> int:
    """The size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def killing(at: int, victims: Callable[[], list[int]]) -> Callable[[int], None]:
    """A listener that kills processes when so many shards are done."""

    def on_count(count: int) -> None:
        if count == at:
            for each in victims():
                os.kill(each, signal.SIGKILL)

    return on_count


def a_worker() -> list[int]:
    """One of this process's workers that do shards."""
    return [each.pid for each in multiprocessing.active_children() if each.pid][:1]


def of_node(node: Any) -> list[int]:
    """All processes of a Ray node, its raylet first."""
    own = {each.process.pid for kind in node.all_processes.values() for each in kind}
    raylet = node.all_processes["raylet"][0].process.pid
    return [raylet, *(below(raylet) | own - {raylet})]


def two_nodes() -> tuple[Any, Any]:
    """A Ray cluster of two nodes on this machine with a core each, and the second of them."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **NODE})
    return cluster, cluster.add_node(num_cpus=1, **NODE)


def main() -> None:
    """Run all of it, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--work", choices=("score", "explain"), default="score")
    parser.add_argument("--shard", type=int, default=200)
    parser.add_argument("--only", choices=RUNS, action="append", help="of the runs this one; may come several times")
    parser.add_argument("--scratch", type=Path, help="a folder for pictures and files: runs in it can be compared")
    parser.add_argument("--out", type=Path, help="a JSON file for what was measured")
    options = parser.parse_args()
    began, job, found, asked = time.perf_counter(), job_of(options.work), {}, options.only or RUNS
    with tempfile.TemporaryDirectory() if options.scratch is None else nullcontext(options.scratch) as scratch:
        root = Path(scratch)
        write_pictures(root / "pictures", options.pictures)
        shards = plan([str(root / "pictures")], options.shard)
        cost = measure_cost(job, shards)
        print(f"{options.pictures:,} pictures, {len(shards)} shards, networks {', '.join(NETWORKS)}, {options.work}")
        print(
            f"estimate: {1e3 * cost.seconds_each:.1f} ms a picture, {cost.core_seconds:.0f} s of one core", flush=True
        )
        middle = max(1, len(shards) // 3)

        def measured(
            name: str, engine: AbstractContextManager[BatchEngine], on_count: Callable[[int], None] = lambda n: None
        ) -> None:
            if name not in asked:
                return
            load_before = os.getloadavg()[0]
            with engine as begun:
                found[name] = run(job, shards, begun, root / name.replace(" ", "-"), on_count)
            print(f"{name:24} load {load_before:.1f}  {json.dumps(found[name])}", flush=True)

        measured("one process", ENGINES["local"](None, 1))
        measured("two processes", ENGINES["local"](None, 2))
        measured("ray", ENGINES["ray"](None, 2))
        measured("two, one killed", ENGINES["local"](None, 2), killing(middle, a_worker))
        if "ray, a node killed" in asked:
            cluster, second = two_nodes()
            try:
                with ENGINES["ray"](cluster.address, None) as engine:
                    print(f"a Ray cluster of two nodes, {engine.processes} processes", flush=True)
                    measured("ray, a node killed", nullcontext(engine), killing(middle, lambda: of_node(second)))
            finally:
                cluster.shutdown()
        stated = {"pictures": options.pictures, "shard": options.shard, "networks": NETWORKS, "work": options.work}
        sizes = {"bytes_in": bytes_below(root / "pictures"), "core_seconds_a_picture": cost.seconds_each}
        keep(options.out, stated | sizes | {"runs": found}, time.perf_counter() - began)
    one = next(iter(found.values()))
    for name, each in found.items():
        same = "identical files" if each["files"] == one["files"] else "OTHER FILES"
        speed = one["seconds_after_first"] / max(each["seconds_after_first"], 0.1)
        whole = one["seconds"] / each["seconds"]
        print(f"{name:24} {same}, {each['rows']:,} rows, {whole:.2f} times as fast ({speed:.2f} after the first shard)")
    raise SystemExit(any(each["files"] != one["files"] for each in found.values()))


if __name__ == "__main__":
    try:
        main()
    except CoreError as error:
        raise SystemExit(f"{error}") from None
