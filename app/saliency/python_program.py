"""What the page Saliency shows of its maps, as Python: measures, agreement, sanity, training, many pictures.

Each goes on from the maps of the view, `maps` by network and method.
"""

from collections.abc import Sequence
from dataclasses import replace

from app.saliency.choice import SaliencyChoice
from app.saliency.results import SEED, precision_of
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
        methods or part.methods, target, label, SEED, part.layer, precision_of(part)
    )


def closer(choice: Choice, part: SaliencyChoice, label: int | None, measures_: Sequence[str]) -> str:
    """The map that is looked at alone, and what is measured of it at once."""
    one = replace(choice, models=(part.seen,))
    return (
        maps(one, part, label, (part.method,))
        + f"heatmap = maps[{part.seen!r}, {part.method!r}].heatmap\n"
        + 'print("strongest:", abs(heatmap).max(), "sum:", heatmap.sum())\n'
        + measures(one, replace(part, measures=tuple(measures_)))
    )


def pair(choice: Choice, part: SaliencyChoice, label: int | None) -> str:
    """The map that is looked at, and the same method's of the network that it is wiped against."""
    return maps(replace(choice, models=(part.seen, part.other)), part, label, (part.method,))


def measures(choice: Choice, part: SaliencyChoice) -> str:
    """The chosen measures of each map; what can't be measured is left out."""
    method = python_code.method_at("method", part.layer, precision_of(part))
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
        f"            case = Case({method}, question(found), drawn, SEED, inside, attacked[key])\n"
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


def agreement_of_report(choice: Choice, part: SaliencyChoice) -> str:
    """The same over the report's images: means by pair of networks and method, and by network between its methods."""
    return _report(choice.task) + (
        f"stated, models = found.report.settings['methods'], {set(choice.models)}\n"
        "between, within = {}, {}\n"
        "for name, values in found.arrays.items():\n"
        "    kind, *keys = name.split('__')\n"
        f"    if kind == {f'between-{part.agreement}'!r} and models.issuperset(keys):\n"
        "        between[frozenset(keys)] = dict(zip(stated, values.tolist()))\n"
        f"    if kind == {f'within-{part.agreement}'!r} and models.issuperset(keys):\n"
        "        within[keys[0]] = values\n"
        "print(between)\n"
        "for key, values in within.items():\n"
        "    print(key, stated, values, sep='\\n')\n"
    )


def alignment(task: str) -> str:
    """Each network's median alignment, its robustness, and how the two go together, as the report has them."""
    return _report(task) + (
        "from core.reports.saliency.rows import robustness\n\n"
        "robust = robustness(found.report.task, found.weights, found.arrays, path.parents[1])\n"
        "rows = [row for row in found.report.rows if row['measure'] == 'alignment' and row['value'] is not None]\n"
        "relations = [row for row in found.report.rows if row['method'] == 'zoo']\n"
        "for row in rows:\n"
        "    print(row['model'], row['value'], {by: figures.get(row['model']) for by, figures in robust.items()})\n"
        "for row in relations:\n"
        "    print(row['measure'], 'against', row['against'], row['value'], row['value_low'], row['value_high'])\n"
    )


def _report(task: str) -> str:
    """The report over the test images."""
    return (
        "from core.reports.form.report import report_path\nfrom core.reports.saliency.report import SaliencyReport\n\n"
        f"path = report_path({task!r}, 'saliency')\n"
        "found = SaliencyReport.read(path)\n"
    )


def sanity(part: SaliencyChoice) -> str:
    """What the method's maps become while the networks lose their weights."""
    method = python_code.method_at(repr(part.method), part.layer, precision_of(part))
    return (
        "\nimport torch\n\nfrom core.saliency.method import AttributionRequest\n"
        "from core.saliency.randomisation import cascade\n\n"
        f"SEED = {SEED}\n\n" + QUESTION + "\ncascades = {\n"
        f"    key: list(cascade({method}, question(maps[key, {part.method!r}]), SEED)) for key in models\n"
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
    asked = python_code.methods_at((part.method,), part.layer, precision_of(part))
    return python_code.picture_and_networks(choice, ("Target", "gallery", "saliency_grid")) + (
        f"{python_code.catalogue_for(asked)}\npictures, sheet = gallery(task), {{}}\n"
        f"for image in {list(part.sheet)}:\n"
        f"    other = fit(pictures.picture(image).pixels, {fitted})\n"
        "    label = pictures.items[image].label\n"
        f"    for found in saliency_grid(list(models.values()), other, {asked}, {target!r}, label, {SEED}):\n"
        "        sheet[found.model, image] = found\n"
        'print(len(sheet), "maps:", sheet.keys())\n'
    )
