"""ImageNet: photographs of a thousand classes."""

from functools import cache
from pathlib import Path

from core.data.tasks.task import Task


@cache
def synsets() -> tuple[tuple[str, str], ...]:
    """The WordNet number and the name of each class, in label order.

    The first word that WordNet 3.0 (Princeton University 2006, WordNet licence) has for each class, in the order that
    timm 1.0.31 (Apache-2.0) lists them; two pairs that share that word are told apart.
    """
    lines = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    return tuple((number, name) for number, _, name in (line.partition(" ") for line in lines))


IMAGENET = Task(
    key="imagenet",
    title="ImageNet",
    class_names=tuple(name for _, name in synsets()),
    shape=(3, 224, 224),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    source="ImageNet, Russakovsky et al. 2015: photographs of a thousand classes, here at 224x224 pixels.",
    reader="core.data.imagenet",
    radii={"linf": 4 / 255, "l2": 3.0},
    trained=False,
    photographs=("chelsea", "coffee", "astronaut", "rocket", "camera", "china", "flower"),
)
