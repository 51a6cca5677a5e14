"""A training as Python that gives the same network."""

from core.training.jobs.messages import TrainingRequest


def program(order: TrainingRequest) -> str:
    """A program that trains an order, from its data set to the recipe's last step."""
    head = "from core.data.datasets import load\nfrom core.data.tasks import task_named\n"
    given = ""
    if order.teacher is not None:
        head = f"from core import load_zoo_model\n{head}"
        given = f", networks={{{order.teacher!r}: load_zoo_model(task.key, {order.teacher!r}).fast}}"
    return (
        f"from pathlib import Path\n\n{head}"
        "from core.training.jobs.messages import TrainingRequest\nfrom core.training.loop import train\n\n"
        f"order = {order!r}\n"
        "task = task_named(order.task)\n"
        'data, val = load(task, "train").first(order.images), load(task, "val")\n'
        f'trained = train(order.plan(), data, val, Path("runs") / order.key{given})\n'
    )
