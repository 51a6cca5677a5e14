"""Robust accuracy at eight radii on sixty-four images: ours against the loop and the list of the peers."""

from torch import Tensor

from benchmarks.peers import CURVES, our_curve
from benchmarks.subjects import QUICK
from benchmarks.timing import OURS, WHOLE, differs, interleaved, print_table
from core.attacks.pgd import Pgd
from core.models.step_precision import stepping
from core.models.zoo import ZooModel

EPSILONS = tuple(n / 255 for n in range(2, 18, 2))
ATTACK = Pgd(EPSILONS[-1], "linf", 10, random_start=False)
AIM = 0.20
ROUNDED = 1  # image of the batch that steps in bfloat16 may turn or leave; each that fell is wrong in float32
TOLERANCE = 3  # images of the batch: ours counts an image that was wrong on the way, the peers only at the end


def compare(model: ZooModel, x: Tensor, labels: Tensor, rounds: int) -> float:
    """Check that the accuracies agree, then time them; the ratio to the best peer."""
    work = {OURS: our_curve(stepping(model.fast, QUICK), x, labels, EPSILONS, ATTACK)}
    work |= {WHOLE: our_curve(model.fast, x, labels, EPSILONS, ATTACK)}
    work |= {peer: make(model.plain, x, labels, EPSILONS, ATTACK) for peer, make in CURVES.items()}
    standing = {name: run().sum(0) for name, run in work.items()}
    apart: list[str] = []
    print(f"\nRobust accuracy, network {model.card.key}: images of {len(x)} that stand at 2, 4, … 16 / 255")
    for name, count in standing.items():
        print(f"  {name:<14} {count.tolist()}")
        over = (standing[WHOLE] - count).max().item()
        under = (count - standing[WHOLE]).max().item()
        most = (ROUNDED, ROUNDED) if name == OURS else (0, TOLERANCE)
        wrong = over > most[0] or under > most[1]
        apart += differs(wrong, f"{name} and ours differ: ours up to {over} images more, {under} fewer")
    title = f"Robust accuracy at {len(EPSILONS)} radii, {len(x)} images, PGD-{ATTACK.steps}, network {model.card.key}"
    return print_table(title, interleaved(work, rounds), AIM, apart)
