"""Our search for the smallest change against a library's: `python -m benchmarks.smallest [--images N] [--out FILE]`.

For each image that the network gets right: the smallest RMSE that makes it wrong inside [0, 1], ours over foolbox's.
Both give images, and distance and success are measured here. foolbox's attacks get more steps than ours in all.
With `--reference`, the searches of the report `adversarial` against the whole schedule that they are the end of.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import foolbox
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.subjects import KEYS, SEED, TASK, subjects
from core.attacks.scheduled import ARA_ATTACK
from core.attacks.smallest import SmallestChange
from core.metrics.ara import ara
from core.metrics.intervals import bootstrap
from core.norms import rmse
from core.reports.adversarial_parts import AdversarialSettings
from core.reports.provenance import Run, origin
from core.reports.report import Report, Row, write_report

NAME = "minimum-norm"
AIM = 1.05
BATCH = 100
STEPS = 300

Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]


def ours(model: nn.Module, x: Tensor, labels: Tensor, search: SmallestChange) -> Tensor:
    """Our images."""
    return (x + search(model, x, labels).delta).clamp(0.0, 1.0)


def by_foolbox(model: nn.Module, x: Tensor, labels: Tensor, attack: foolbox.attacks.base.MinimizationAttack) -> Tensor:
    """Those of a minimum-norm attack of foolbox."""
    return attack(foolbox.PyTorchModel(model, bounds=(0.0, 1.0), device=x.device), x, labels, epsilons=None)[1]


PEERS = {
    f"DDN, {STEPS} steps": foolbox.attacks.DDNAttack(steps=STEPS),
    f"FMN, {STEPS} steps": foolbox.attacks.L2FMNAttack(steps=STEPS),
    f"FMN, {STEPS} steps from 0.1": foolbox.attacks.L2FMNAttack(steps=STEPS, max_stepsize=0.1),
}
"""FMN also with a tenth of its default step size, as the default never gets close on fragile networks."""


def distances(model: nn.Module, x: Tensor, labels: Tensor, attack: Attack) -> tuple[Tensor, float]:
    """The RMSE (B,) of each changed image, infinite where it is not wrong, and seconds."""
    began = time.perf_counter()
    x_adv = torch.cat([attack(model, *batch) for batch in zip(x.split(BATCH), labels.split(BATCH), strict=True)])
    seconds = time.perf_counter() - began
    with torch.no_grad():
        wrong = torch.cat([model(part).argmax(1) for part in x_adv.split(BATCH)]) != labels
    return torch.where(wrong, rmse(x_adv - x), torch.inf), seconds


def compare(key: str, model: nn.Module, x: Tensor, labels: Tensor, search: SmallestChange) -> list[Row]:
    """One row a peer, and one for the smaller of all peers' distances image by image."""
    with torch.no_grad():
        right = torch.cat([model(part).argmax(1) for part in x.split(BATCH)]) == labels
    x, labels = x[right], labels[right]
    mine, seconds = distances(model, x, labels, lambda *batch: ours(*batch, search))
    found = {
        name: distances(model, x, labels, lambda *batch, attack=attack: by_foolbox(*batch, attack))
        for name, attack in PEERS.items()
    }
    found["the best of these"] = (torch.stack([theirs for theirs, _ in found.values()]).amin(0), float("nan"))
    return [_row(key, name, mine, theirs, seconds, taken) for name, (theirs, taken) in found.items()]


def _row(key: str, name: str, mine: Tensor, theirs: Tensor, seconds: float, taken: float) -> Row:
    both = mine.isfinite() & theirs.isfinite()
    ratio = (mine[both] / theirs[both]).double().numpy()
    low, high = bootstrap(ratio, lambda values: float(np.median(values)), SEED)
    return {
        "model": key,
        "peer": name,
        "ratio": float(np.median(ratio)),
        "ratio_low": low,
        "ratio_high": high,
        "ratio_n": len(ratio),
        "ratio_q90": float(np.quantile(ratio, 0.9)),
        "ours_median": float(mine[both].median()),
        "theirs_median": float(theirs[both].median()),
        "ours_failed": int((~mine.isfinite()).sum()),
        "theirs_failed": int((~theirs.isfinite()).sum()),
        "ours_seconds": round(seconds, 1),
        "theirs_seconds": None if np.isnan(taken) else round(taken, 1),
    }


def against_reference(key: str, model: nn.Module, x: Tensor, labels: Tensor, search: SmallestChange) -> Row:
    """The area of the search over that of the reference's whole schedule, with its paired interval."""
    whole = dataclasses.replace(search, steps=ARA_ATTACK.steps - search.opening)
    taken, found = [], []
    for each in (search, whole):
        began = time.perf_counter()
        parts = [each(model, *batch).distance for batch in zip(x.split(BATCH), labels.split(BATCH), strict=True)]
        found.append(torch.cat(parts).double().numpy())
        taken.append(time.perf_counter() - began)
    pairs = np.stack(found, 1)

    def ratio(rows: NDArray[np.floating]) -> float:
        return ara(rows[:, 0], TASK.classes).value / ara(rows[:, 1], TASK.classes).value

    low, high = bootstrap(pairs, ratio, SEED)
    right = pairs[pairs[:, 1] > 0]
    return {
        "model": key,
        "goal": search.goal,
        "steps": search.opening + search.steps,
        "area_ratio": ratio(pairs),
        "area_ratio_low": low,
        "area_ratio_high": high,
        "area_ratio_n": len(pairs),
        "median_ratio": float(np.median(right[:, 0] / right[:, 1])),
        "seconds": round(taken[0], 1),
        "reference_seconds": round(taken[1], 1),
    }


def _print_reference(row: Row) -> None:
    print(
        f"  {row['model']:10} {row['goal']}: area with {row['steps']} of {ARA_ATTACK.steps} steps over the reference's "
        f"{row['area_ratio']:.4f} ({row['area_ratio_low']:.4f} to {row['area_ratio_high']:.4f}), median ratio "
        f"{row['median_ratio']:.4f}, n = {row['area_ratio_n']}, {row['seconds']} s against {row['reference_seconds']} s"
    )


def main() -> int:
    """Print the comparison of every network; 1 where a median ratio misses the aim."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smallest", description=__doc__)
    parser.add_argument("--images", type=int, default=200, help="the first N test images (default 200)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", default=",".join(KEYS), help="keys joined by commas")
    parser.add_argument(
        "--reference", action="store_true", help="instead, the report's searches against the reference's 450 steps"
    )
    parser.add_argument("--out", type=Path, help="a report file to write")
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    torch.set_num_threads(options.threads)
    chosen = subjects(options.images)
    settings = AdversarialSettings()
    search = settings.search("clamped")
    print(f"foolbox {version('foolbox')}. Networks: {chosen.weights}. Images: {chosen.images}.\nOurs: {search}")
    began, rows = time.perf_counter(), []
    for key in options.models.split(","):
        model = chosen.models[key]
        if options.reference:
            for name in ("attack", "btr"):
                labels = chosen.labels_for(model)
                _print_reference(against_reference(key, model.fast, chosen.x, labels, settings.search(name)))
            continue
        for row in compare(key, model.fast, chosen.x, chosen.labels_for(model), search):
            rows.append(row)
            verdict = "met" if row["ratio"] <= AIM else "MISSED"
            print(
                f"  {key:10} ours / {row['peer']:28} median {row['ratio']:.3f} ({row['ratio_low']:.3f} to "
                f"{row['ratio_high']:.3f}), 90 % below {row['ratio_q90']:.3f}, n = {row['ratio_n']}, "
                f"{row['ours_seconds']} s against {row['theirs_seconds']} s; aim <= {AIM}: {verdict}"
            )
    if options.out is not None:
        stated = {"images": chosen.images, "ours": str(search), "aim": AIM, "foolbox": version("foolbox")}
        run = Run.ended(time.perf_counter() - began)
        source = origin(chosen.images, SEED, run.seconds, [run])
        signed = tuple(row | {"made": run.identity} for row in rows)
        write_report(Report(TASK.key, NAME, stated, source, signed), options.out)
    return int(any(row["ratio"] > AIM for row in rows))


if __name__ == "__main__":
    sys.exit(main())
