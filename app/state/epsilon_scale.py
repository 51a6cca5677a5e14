"""The epsilon slider's scale: what its positions mean for a task and a norm."""

from dataclasses import dataclass

from core.data.tasks import Task
from core.norms import Norm, radius_words

NORM_TITLES: dict[Norm, str] = {"linf": "L∞", "l2": "L2"}


@dataclass(frozen=True, slots=True)
class Dial:
    """A scale of attack strengths, in the unit people read: n/255 for L-infinity, plain L2 length otherwise.

    Attributes:
        norm: what the strength measures.
        top: the largest position: twice the radius at which the task's robustness is reported.
        step: the distance of two positions.
        reported: the position nearest to that radius.
    """

    norm: Norm
    top: float
    step: float
    reported: float

    @property
    def start(self) -> float:
        """Where a first visit stands: a quarter of the reported radius, where a robust network tends to hold."""
        return self.snap(self.reported / 4)

    def snap(self, position: float) -> float:
        """The nearest position on the scale."""
        inside = min(max(position, 0.0), self.top)
        return round(round(inside / self.step) * self.step, 4)

    def stops(self) -> tuple[float, ...]:
        """Evenly spaced positions from 0 to the top, or to just below it; about eight besides 0."""
        stride = max(1, round(self.top / self.step / 8)) * self.step
        return tuple(self.snap(number * stride) for number in range(int(self.top / stride + 1e-6) + 1))

    def epsilon(self, position: float) -> float:
        """The radius in [0, 1] pixel units."""
        return position / 255 if self.norm == "linf" else position

    def text(self, position: float) -> str:
        """The radius with its unit: "8/255" or "0.50 (L2)"."""
        return f"{position:.0f}/255" if self.norm == "linf" else f"{position:.2f} (L2)"


def dial(task: Task, norm: Norm) -> Dial:
    """The scale for a task and a norm."""
    radius = task.radii[norm]
    if norm == "linf":
        return Dial(norm, round(2 * radius * 255), 1.0, round(radius * 255))
    return Dial(norm, 2 * radius, radius / 10, radius)


def radius_text(norm: str, epsilon: float) -> str:
    """A radius in [0, 1] pixel units, for people: "8/255" where it is one, else "0.1", with L2 named."""
    return f"{'L2 ' if norm == 'l2' else ''}{radius_words(norm, epsilon)}"


def size_dial(task: Task) -> Dial:
    """The scale of the perturbation's size; always of each pixel."""
    return dial(task, "linf")
