"""The film for a room, without an engine: each picture under its class, each network's last moment before its first."""

import numpy as np

from app.state.training_job import Job
from app.ui.training_film import film_slides
from core.data.tasks import CIFAR10
from core.training.jobs.messages import Point, Ready, TrainingRequest

LABELS = np.array([3, 5])


def job(key: str, *answers: int) -> Job:
    """A training with a moment for each answer, the same to both pictures; its maps grow with time."""
    ready = Ready(0, np.zeros((2, 3, 32, 32), np.uint8), LABELS, 100, 0.03, 4)
    points = tuple(
        Point(
            float(at),
            1.0,
            0.5,
            0.1,
            np.full((2, 32, 32), at + 1, np.float16),
            np.full(2, answer),
            np.float16([0.5] * 2),
        )
        for at, answer in enumerate(answers)
    )
    return Job(key, "me", TrainingRequest("cifar10", "standard", key, 256, 1), "learning", ready=ready, points=points)


def test_the_last_moment_opens_and_blinks_with_the_first():
    cat, dog = film_slides([job("standard", 0, 3), job("pgd-linf", 5)], own_scale=True)
    assert cat.title.endswith(CIFAR10.class_names[3]) and dog.title.endswith(CIFAR10.class_names[5])
    assert [panel.key for panel in cat.panels] == ["standard", "pgd-linf"]
    last, first = cat.panels[0].faces
    assert (last.answer, last.verdict, first.verdict) == (f"{CIFAR10.class_names[3]} 50 %", "right", "wrong")
    assert last.over != first.over and "1.0 epochs" in last.name and "0.0 epochs" in first.name


def test_a_job_without_a_moment_is_on_no_slide():
    made = film_slides([job("standard", 3), job("pgd-linf")], own_scale=False)
    assert [[panel.key for panel in slide.panels] for slide in made] == [["standard"], ["standard"]]
