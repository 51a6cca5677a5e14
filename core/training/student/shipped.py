"""The plans of the students that ship."""

from collections.abc import Mapping

from core.data.tasks import IMAGENET
from core.errors import ConfigError
from core.training.recipes.registry import STUDENT
from core.training.student.plan import StudentPlan

STUDENTS: Mapping[str, StudentPlan] = {
    plan.task: plan for plan in (StudentPlan(IMAGENET.key, STUDENT.key, "standard", steps=3600, epsilon=1 / 255),)
}
"""By task."""


def student_plan(task: str) -> StudentPlan:
    """The plan of a task's student.

    Raises:
        ConfigError: it has none.
    """
    if task not in STUDENTS:
        raise ConfigError(f"students are trained for {', '.join(STUDENTS)}; got {task}")
    return STUDENTS[task]
