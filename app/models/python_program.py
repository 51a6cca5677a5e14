"""What the page Models shows, as Python: cards' figures, answers counted here, and a saliency perturbation."""

from app.models.choice import BOX, GIVEN, LAST_EPOCH, PerturbationChoice
from app.models.results import PGD_STEPS
from app.state.choice import Choice
from app.ui import python_code


def standings(task: str) -> str:
    """The figures on the cards of a task's networks."""
    return (
        "from core import cards\n\n"
        f"figures = {{key: card.figures for key, card in cards({task!r}).items()}}\n"
        "for key, rows in figures.items():\n"
        "    print(key, *rows)\n"
    )


def perturbation(choice: Choice, part: PerturbationChoice, label: int | None) -> str:
    """The steps of a perturbation, and how adversarial it is; `label` is the picture's true class."""
    map_, box = "None", ""
    names = ["load_zoo_model"]
    if part.of_teacher:
        map_ = f"strong_map(load_zoo_model(task.key, {part.teacher!r}).fast, x, {part.maps!r})"
    elif part.maps == BOX:
        (top, bottom), (left, right) = part.down, part.across
        map_ = "box"
        box = (
            "box = np.full((1, *task.shape[1:]), -1, np.float32)\n"
            f"box[0, {top} : {bottom + 1}, {left} : {right + 1}] = 1\n"
        )
    elif part.maps == GIVEN:
        names.append("gallery")
        map_ = f"gallery(task).annotation({choice.image!r})"
    about = str(label) if label is not None else "int(network.fast(x).argmax())"
    return python_code.picture_and_networks(choice, [*names, "Pgd"]) + (
        "\nimport numpy as np\n\n"
        "from core.training.inspect_perturbation import adversity, construct, strong_map, worst_found\n\n"
        f"epsilon, network = {part.size} / 255, load_zoo_model(task.key, {part.network!r})\n"
        + box
        + f"steps = construct(x, {map_}, epsilon, {part.alpha!r}, {part.epoch})\n"
        f"label = {about}\n"
        f"worst = worst_found(network.fast, x, label, Pgd(epsilon, steps={PGD_STEPS}))\n"
        f"harm = adversity(network.fast, steps, label, worst, {LAST_EPOCH})\n"
        'print("cosine in this epoch:", harm.cosine, "losses:", dict(harm.losses))\n'
    )
