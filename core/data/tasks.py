"""The classification problems the project knows, with everything that follows from the problem alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from core.errors import choice_of

if TYPE_CHECKING:  # the command line names the tasks in its help, and does not wait for torch to do so
    from core.norms import Norm

Annotations = Literal["boxes", "masks"]
"""What may come with images: a box around the object, or its outline."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One classification problem.

    Attributes:
        key: its name in files, URLs and commands.
        title: its name for people.
        class_names: K names, in label order.
        shape: (C, H, W) of an image.
        background: grey level in [0, 1] that a letterbox is filled with.
        mean: per-channel mean of the training images in [0, 1]; models normalise with it inside.
        std: per-channel deviation of the training images in [0, 1].
        radii: for each norm the epsilon at which robustness is reported, in [0, 1] pixel units.
        source: where the data set comes from, one sentence.
        val_size: images of the official training set kept for choosing checkpoints and thresholds.
        calibration_size: images of it kept for calibrating detectors.
        annotations: what comes with its images; None without any.
    """

    key: str
    title: str
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    background: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    radii: "Mapping[Norm, float]"
    source: str
    val_size: int = 2000
    calibration_size: int = 2000
    annotations: Annotations | None = None

    @property
    def classes(self) -> int:
        """The number of classes K."""
        return len(self.class_names)

    @property
    def grey(self) -> bool:
        """Whether images have a single channel."""
        return self.shape[0] == 1


_photographs = partial(Task, shape=(3, 32, 32), background=0.5, radii={"linf": 8 / 255, "l2": 0.5})

CIFAR10 = _photographs(
    key="cifar10",
    title="CIFAR-10",
    class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2430, 0.2610),
    source="CIFAR-10, Krizhevsky 2009: 60,000 colour photographs of 32x32 pixels in ten classes.",
)

FASHION_MNIST = Task(
    key="fashion-mnist",
    title="Fashion-MNIST",
    class_names=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    shape=(1, 28, 28),
    background=0.0,
    mean=(0.2860,),
    std=(0.3530,),
    radii={"linf": 0.1, "l2": 1.5},
    source="Fashion-MNIST, Xiao et al. 2017 (MIT licence): 70,000 grey garments, 28x28 pixels, ten classes.",
)

TINY20 = _photographs(
    key="tiny20",
    title="Tiny ImageNet, 20 classes",
    class_names=(
        "goldfish",
        "bullfrog",
        "American alligator",
        "goose",
        "king penguin",
        "black stork",
        "brown bear",
        "monarch",
        "ladybug",
        "bison",
        "Arabian camel",
        "African elephant",
        "jellyfish",
        "school bus",
        "tractor",
        "umbrella",
        "barn",
        "beacon",
        "lemon",
        "banana",
    ),
    mean=(0.4682, 0.4542, 0.3879),
    std=(0.2579, 0.2441, 0.2671),
    val_size=500,
    calibration_size=500,
    source="Twenty classes of Tiny ImageNet (ImageNet terms, research only), one bounding box a picture, "
    "resized from 64x64 to 32x32 pixels: 10,000 pictures to train on and, from its validation set, 1,000 to test on.",
    annotations="boxes",
)

PASTED = _photographs(
    key="pasted",
    title="Garments on photos",
    class_names=FASHION_MNIST.class_names,
    mean=(0.4690, 0.4662, 0.4405),
    std=(0.2455, 0.2428, 0.2555),
    source="Fashion-MNIST garments, tinted, pasted on CIFAR-10 photographs, 32x32 pixels, with their exact masks; "
    "made from the two sets by a fixed seed, 60,000 pictures to train on and 10,000 to test on.",
    annotations="masks",
)

TASKS: dict[str, Task] = {task.key: task for task in (CIFAR10, FASHION_MNIST, TINY20, PASTED)}


def task_named(key: str) -> Task:
    """The task with this key.

    Raises:
        ConfigError: no task has it.
    """
    return TASKS[choice_of("task", TASKS, key)]
