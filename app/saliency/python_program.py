"""What the page Saliency shows of its maps, as Python: measures, agreement, sanity, training, many pictures.

Each goes on from the maps of the view, `maps` by network and method.
"""

from collections.abc import Sequence
from dataclasses import replace

from app.saliency.choice import SaliencyChoice
from app.saliency.results import SEED
from app.state.choice import Choice
from app.ui import python_code
from core.data.tasks import task_named

QUESTION = """
def question(found):
    target = torch.tensor([found.target] if len(found.target) == 2 else found.target)
    return AttributionRequest(models[found.model].fast, x, target, torch.Generator().manual_seed(SEED))

"""


def maps(choice: Choice, part: SaliencyChoice, label: int | None, methods: Sequence[str] = ()) -> str:
    """The maps of the view, or of some of its methods; `label` is the picture's true class."""
    target = part.target(task_named(choice.task))
    names = [*python_code.FOR_MAPS, "gallery"]
    return python_code.picture_and_networks(choice, names) + python_code.maps(
        methods or part.methods, target, label, SEED
    )


def measures(choice: Choice, part: SaliencyChoice) -> str:
    """The chosen measures of each map; what can't be measured is left out."""
    mask = f"pictures.annotation({choice.image!r})" if choice.fit == "crop" else "None"
    return (
        "\nfrom contextlib import suppress\n\nimport torch\n\nfrom core.errors import CoreError\n"
        "from core.reports.saliency.measurements import slightly_attacked\n"
        "from core.saliency.measures.catalogue import run_measure\n"
        "from core.saliency.measures.measure import Case\nfrom core.saliency.method import AttributionRequest\n\n"
        f"SEED, pictures = {SEED}, gallery(task)\n"
        f"annotation = {mask}\n"
        "inside = None if annotation is None else torch.from_numpy(annotation[:1] > 0)\n"
        "attacked = {key: slightly_attacked(model, x) for key, model in models.items()}\n\n"
        + QUESTION
        + "\nscores = {}\n"
        "for (key, method), found in maps.items():\n"
        f"    for measure in {list(part.measures)}:\n"
        "        with suppress(CoreError):\n"
        "            drawn = torch.from_numpy(found.attributions)[None]\n"
        "            case = Case(method, question(found), drawn, SEED, inside, attacked[key])\n"
        "            scores[key, method, measure] = float(run_measure(measure, case)[0])\n"
        "for name, value in scores.items():\n"
        "    print(name, value)\n"
    )


def agreement(part: SaliencyChoice) -> str:
    """How much the networks agree, method by method, and the methods, network by network."""
    return (
        "\nfrom core.metrics.map_agreement import AGREEMENTS, agreement_matrix\n\n"
        f"alike = AGREEMENTS[{part.agreement!r}]\n"
        "between, within = {}, {}\n"
        f"for method in {list(part.methods)}:\n"
        "    between[method] = agreement_matrix([maps[key, method].heatmap for key in models], alike)\n"
        "for key in models:\n"
        f"    within[key] = agreement_matrix([maps[key, method].heatmap for method in {list(part.methods)}], alike)\n"
        "print(between, within)\n"
    )


def sanity(part: SaliencyChoice) -> str:
    """What the method's maps become while the networks lose their weights."""
    return (
        "\nimport torch\n\nfrom core.saliency.method import AttributionRequest\n"
        "from core.saliency.randomisation import cascade\n\n"
        f"SEED = {SEED}\n\n" + QUESTION + "\ncascades = {\n"
        f"    key: list(cascade({part.method!r}, question(maps[key, {part.method!r}]), SEED)) for key in models\n"
        "}\n"
        "for key, steps in cascades.items():\n"
        "    print(key, [round(float(step.similarity[0]), 3) for step in steps])\n"
    )


def during_training(choice: Choice, part: SaliencyChoice, pair: tuple[str, str], label: int | None) -> str:
    """The maps of a network that was stopped early and of the same one at its end, and their rank correlation."""
    first, last = ((key, part.method) for key in pair)
    return maps(replace(choice, models=pair), part, label, (part.method,)) + (
        "\nfrom core.metrics.map_agreement import spearman\n\n"
        f"alike = spearman(maps[{first!r}].heatmap, maps[{last!r}].heatmap)\n"
        'print("rank correlation:", alike)\n'
    )


def contact_sheet(choice: Choice, part: SaliencyChoice) -> str:
    """The method's maps of several pictures."""
    target = part.target(task_named(choice.task))
    fitted = f"task.shape, {choice.fit!r}, task.background, {choice.invert}"
    return python_code.picture_and_networks(choice, ("Target", "gallery", "saliency_grid")) + (
        "\npictures, sheet = gallery(task), {}\n"
        f"for image in {list(part.sheet)}:\n"
        f"    other = fit(pictures.picture(image).pixels, {fitted})\n"
        "    label = pictures.items[image].label\n"
        f"    for found in saliency_grid(list(models.values()), other, [{part.method!r}], {target!r}, label, {SEED}):\n"
        "        sheet[found.model, image] = found\n"
        'print(len(sheet), "maps:", sheet.keys())\n'
    )
