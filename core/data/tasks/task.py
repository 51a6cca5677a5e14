"""What a classification problem is: everything that follows from the problem alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the command line names the tasks in its help, and does not wait for torch to do so
    from core.norms import Norm

BROUGHT = "core.data.own"
"""The reader of tasks that people bring, which have no data set."""
Annotation = Literal["box", "mask"]
"""What may come with an image: a box around the object, or its outline."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One classification problem.

    Attributes:
        key: its name in files, URLs and commands.
        title: its name for people.
        class_names: K names, in label order.
        shape: (C, H, W) of an image.
        mean: per-channel mean of the training images in [0, 1]; models normalise with it inside.
        std: per-channel deviation of the training images in [0, 1].
        source: where the data set comes from, one sentence.
        reader: the module that reads the data set; its `READER` is a `core.data.datasets.Reader`.
        background: grey level in [0, 1] that a letterbox is filled with.
        val_size: images of the official training set kept for choosing checkpoints and thresholds.
        calibration_size: images of it kept for calibrating detectors.
        radii: for each norm the epsilon at which robustness is reported, in [0, 1] pixel units.
        annotation: what says where the object of each picture is; None where nothing does.
        trained: whether networks are trained for it here; otherwise they come from elsewhere.
        photographs: those of `core.data.galleries` that are offered, in order.
    """

    key: str
    title: str
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str
    reader: str
    background: float = 0.5
    val_size: int = 2000
    calibration_size: int = 2000
    radii: "Mapping[Norm, float]" = field(default_factory=lambda: {"linf": 8 / 255, "l2": 0.5})
    annotation: Annotation | None = None
    trained: bool = True
    photographs: tuple[str, ...] = ("astronaut", "chelsea", "coffee", "rocket")

    @property
    def classes(self) -> int:
        """The number of classes K."""
        return len(self.class_names)

    @property
    def brought(self) -> bool:
        """Whether somebody brought it, without a data set."""
        return self.reader == BROUGHT

    @property
    def grey(self) -> bool:
        """Whether images have a single channel."""
        return self.shape[0] == 1
