"""What the page Adversarial shows besides explanations, as Python: transferred pictures and fooled heat maps."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.adversarial.choice import AdversarialChoice
from app.state.choice import Choice
from app.ui import python_code


def transferred(choice: Choice, cell: tuple[str, str, str, float], label: int | None) -> str:
    """The picture made against one network and shown to another.

    Args:
        choice: the view.
        cell: source, network asked, attack and epsilon.
        label: the picture's true class, which the attack is about; None for the source's own answer.
    """
    source, seen, attack, epsilon = cell
    asked = replace(choice, models=tuple(dict.fromkeys((source, seen))))
    about = f"torch.tensor([{label}])" if label is not None else "model.fast(x).argmax(1)"
    return python_code.picture_and_networks(asked, ()) + (
        "\nimport torch\n\nfrom core.explanations.prediction import probabilities\n"
        "from core.reports.transfer.report import made_against\n\n"
        f"model = models[{source!r}]\n"
        f"x_adv = made_against(model.fast, x, {about}, {attack!r}, {epsilon!r})\n"
        "both = torch.cat([x, x_adv])\n"
        "answers = {key: probabilities(model, model.fast(both)).detach() for key, model in models.items()}\n"
        "for key, probs in answers.items():\n"
        '    print(key, [task.class_names[answer] for answer in probs.argmax(1).tolist()], "before and after")\n'
    )


def fooled(choice: Choice, models: Sequence[str], part: AdversarialChoice, region: NDArray[np.bool_]) -> str:
    """Both searches that fool the heat maps of some networks; the map is moved to a rectangle of the picture."""
    rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
    return python_code.picture_and_networks(replace(choice, models=tuple(models)), ()) + (
        "\nimport numpy as np\n\nfrom core.explanations.attack_outside_map import attack_outside\n"
        "from core.explanations.manipulate_map import manipulate_map\n\n"
        "region = np.zeros(task.shape[1:], bool)\n"
        f"region[{rows[0]}:{rows[-1] + 1}, {columns[0]}:{columns[-1] + 1}] = True\n"
        f"method, epsilon = {part.method!r}, {part.size} / 255\n"
        "moved = {key: manipulate_map(model, x, method, region, epsilon) for key, model in models.items()}\n"
        "outside = {key: attack_outside(model, x, method, epsilon) for key, model in models.items()}\n"
        "for key in models:\n"
        '    print(key, "map moved:", moved[key].succeeded, "answer changed:", outside[key].changed)\n'
    )
