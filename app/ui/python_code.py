"""What a page shows, as Python that gives the same numbers: for a notebook, and to be sure of what was asked."""

from collections.abc import Sequence

import streamlit as st

from app.state.choice import Choice
from app.state.device import step_precision
from app.state.uploads import UPLOAD
from core.data.galleries import TEST_IMAGES_OFFERED
from core.decoding.window import AS_IT_CAME
from core.explanations.region import EDITS, PARTS
from core.metrics.box import Box
from core.models.step_precision import Precision
from core.saliency.target import Target

FOR_PREDICTIONS = ("predict",)
FOR_ATTACKS = ("Pgd", "attack_result")
FOR_VERDICTS = ("calibration_path", "judge", "read_calibration")
FOR_MAPS = ("Target", "saliency_grid")
FOR_EXPLANATIONS = ("explain",)
FOR_REGIONS = ("Box", "box_shares", "edited_answer", "gallery")
FOR_REGION_ATTACKS = ("Box", "attack_region", "region_pgd")
"""What each part imports from `core`."""
OF_MAPS = "maps.items() if not found.problem"
OF_PREDICTIONS = "predictions.items() if found.attributions is not None"
PREDICTIONS = """
predictions = {key: predict(model, x) for key, model in models.items()}
for key, found in predictions.items():
    print(key, task.class_names[found.target], f"{found.probs[found.target]:.1%}")
"""


def stepping_in() -> str:
    """What a program's call says of the precision that gradient steps are taken in here."""
    return f", precision={step_precision()!r}"


def verdicts(own: Sequence[str], change: str = "") -> str:
    """The verdicts of the networks; `own` are those that are calibrated on somebody's own pictures.

    With a change of the picture they are those on it at each of its strengths.
    """
    pushed = f", {change!r}{stepping_in()}" if change else ""
    return own_note(own) + (
        "\nverdicts = {\n"
        f"    key: judge(model, read_calibration(model, calibration_path(task.key, key)), x{pushed})\n"
        "    for key, model in models.items()\n"
        "    if calibration_path(task.key, key).exists()\n"
        "}\n"
        "for key, found in verdicts.items():\n"
        "    print(key, {detector: p_value.tolist() for detector, p_value in found.p_values.items()})\n"
    )


def picture_and_networks(choice: Choice, names: Sequence[str]) -> str:
    """The program's head: its imports, the task, the networks, and the picture as they get it.

    Args:
        choice: the view.
        names: what is imported from `core` besides.
    """
    own = choice.image.startswith(UPLOAD)
    window, spread = choice.window, ""
    if window != AS_IT_CAME:
        names = [*names, "Window", "windowed"]
        spread = f"picture = windowed(picture, Window({window.kind!r}, {window.low!r}, {window.high!r}))\n"
    wanted = sorted({"fit", "load_zoo_model", "task_named", "decode" if own else "gallery", *names})
    source = 'decode(open("your-picture.png", "rb").read())' if own else f"gallery(task).picture({choice.image!r})"
    return (
        f"from core import {', '.join(wanted)}\n\n"
        f"task = task_named({choice.task!r})\n"
        f"models = {{key: load_zoo_model(task.key, key) for key in {list(choice.models)}}}\n"
        f"picture = {source}\n"
        f"{spread}x = fit(picture.pixels, task.shape, {choice.fit!r}, task.background, {choice.invert})\n"
    )


def attacks(choice: Choice, steps: int) -> str:
    """The attack at the view's strength, on each network, from seed 0."""
    epsilon = choice.dial.epsilon(choice.strength)
    return (
        f"\nattack = Pgd({epsilon!r}, {choice.norm!r}, {steps})\n"
        f"attacked = {{key: attack_result(model, x, attack{stepping_in()}) for key, model in models.items()}}\n"
        "for key, found in attacked.items():\n"
        '    print(key, "after the attack:", task.class_names[found.after], f"{found.probs_adv[found.after]:.1%}")\n'
    )


def maps(
    methods: Sequence[str],
    target: Target,
    label: int | None,
    seed: int,
    layer: str = "",
    precision: Precision = "float32",
) -> str:
    """The maps of some methods; those of places look at a layer by name, "" for each network's default."""
    asked = methods_at(methods, layer, precision)
    return (
        catalogue_for(asked)
        + f"\nmaps = saliency_grid(list(models.values()), x, {asked}, {target!r}, {label!r}, {seed})\n"
        "maps = {(found.model, found.method): found for found in maps}\n"
        'print(len(maps), "maps:", maps.keys())\n'
    )


def methods_at(methods: Sequence[str], layer: str, precision: Precision) -> str:
    """How a program names some methods, as a list."""
    named = method_at("key", layer, precision)
    return f"{list(methods)}" if named == "key" else f"[{named} for key in {list(methods)}]"


def method_at(method: str, layer: str, precision: Precision) -> str:
    """How a program names a method: by what gives its key; with the layer, and the precision that it averages in."""
    looking = f".looking_at({layer!r})" if layer else ""
    averaging = f".averaged_in({precision!r})" if precision != "float32" else ""
    return f"ATTRIBUTION_METHODS[{method}]{looking}{averaging}" if looking or averaging else method


def catalogue_for(methods: str) -> str:
    """What a program imports to name these methods."""
    found = "ATTRIBUTION_METHODS" in methods
    return "\nfrom core.explanations.catalogue import ATTRIBUTION_METHODS\n" if found else ""


def region(choice: Choice, box: Box, fill: str, shares: str) -> str:
    """The share of each map in a box, and the answers once the box is covered, blurred or filled from a picture.

    Args:
        choice: the view.
        box: the region pointed at.
        fill: key of the gallery picture that it is filled from.
        shares: which maps, `OF_MAPS` or `OF_PREDICTIONS`.
    """
    fitted = f"task.shape, {choice.fit!r}, task.background, {choice.invert}"
    return (
        f"\nbox = {box!r}\n"
        f"shares = {{key: box_shares(found.heatmap, box) for key, found in {shares}}}\n"
        f"other = fit(gallery(task).picture({fill!r}).pixels, {fitted})\n"
        f"edits = {list(EDITS)}\n"
        "edited = {(key, edit): edited_answer(models[key], x, box, edit, other) for key in models for edit in edits}\n"
        + _said("edited")
    )


def region_attacks(choice: Choice, box: Box, steps: int) -> str:
    """The attack at the view's strength inside of a box and outside of it, on each network, from seed 0."""
    epsilon = choice.dial.epsilon(choice.strength)
    return (
        f"\nbox, attack = {box!r}, region_pgd({epsilon!r}, {choice.norm!r}, {steps})\n"
        f"parts = {list(PARTS)}\n"
        "held = {\n"
        f"    (key, part): attack_region(models[key], x, box, part, attack{stepping_in()})\n"
        "    for key in models\n"
        "    for part in parts\n"
        "}\n" + _said("held")
    )


def _said(found: str) -> str:
    """The answers of changed pictures, by network and change."""
    return (
        f"for (key, change), found in {found}.items():\n"
        '    print(key, change, task.class_names[found.after], f"{found.probs_adv[found.after]:.1%}")\n'
    )


def explanations(rho: float) -> str:
    """What each network would change in the picture to believe each class."""
    asked = f"{rho!r}{stepping_in()}"
    return f"\nexplanations = {{key: explain(model, x, {asked}) for key, model in models.items()}}\n"


def paths(rho: float, target: int | None) -> str:
    """The way of each network's attack to a class; None: away from its own answer."""
    asked = f"{target}, {rho!r}" if target is not None else f"int(model.fast(x).argmax()), {rho!r}, away=True"
    asked += stepping_in()
    return (
        "\nfrom core.explanations.attack_path import path\n\n"
        f"ways = {{key: path(model, x, {asked}) for key, model in models.items()}}\n"
        "for key, found in ways.items():\n"
        '    print(key, "RMSE at each step:", found.rmse.round(4))\n'
    )


def smallest_natural(changes: Sequence[str]) -> str:
    """The smallest amount of each natural change that turns each network's answer."""
    return (
        "\nfrom core.natural.catalogue import CHANGES\nfrom core.natural.smallest import smallest_change\n\n"
        "smallest = {\n"
        "    (key, change): smallest_change(model.fast, x, CHANGES[change])\n"
        f"    for change in {list(changes)}\n"
        "    for key, model in models.items()\n"
        "}\n"
        "for name, one in smallest.items():\n"
        '    print(name, one.amount if one.found else "stands all along")\n'
    )


def smallest_several() -> str:
    """The smallest of several natural changes at once, after `smallest_natural`: from the best change alone."""
    return (
        "\nfrom core.natural.together import smallest_together\n\n"
        "several = {}\n"
        "for key, model in models.items():\n"
        "    sloping = [change for change in CHANGES if CHANGES[change].differentiable and (key, change) in smallest]\n"
        "    best = min((smallest[key, change] for change in sloping), key=lambda one: one.share)\n"
        "    start = {best.change: best.amount} if best.found else None\n"
        "    several[key] = smallest_together(model.fast, x, start)\n"
        "    print(key, several[key].amounts, several[key].size)\n"
    )


def certificates(sigma: float, draws: int) -> str:
    """What random votes prove of each network."""
    return (
        "\nfrom core.explanations.certificate import Smoothing, certify\n\n"
        f"proved = {{key: certify(model, x, Smoothing({sigma!r}, {draws})) for key, model in models.items()}}\n"
        "for key, found in proved.items():\n"
        '    print(key, "radius (L2):", found.radius)\n'
    )


def report(task: str, name: str, reader: type, keys: Sequence[str]) -> str:
    """The rows of a report that are of some networks, as a program of its own.

    Args:
        task: key of the task.
        name: of the report.
        reader: the class whose `read` reads it.
        keys: of the networks.
    """
    return (
        f"from {reader.__module__} import {reader.__name__}\n"
        "from core.reports.form.report import report_path\n\n"
        f"found = {reader.__name__}.read(report_path({task!r}, {name!r}))\n"
        f"rows = [row for row in found.report.rows if row.get('model') in {list(keys)}]\n"
        "for row in rows:\n"
        "    print({name: value for name, value in row.items() if value is not None})\n"
    )


def own_note(own: Sequence[str]) -> str:
    """What is to be known of networks that are calibrated on somebody's own pictures; "" where there are none."""
    files = ", ".join(own)
    return f"\n# The page judges {files} by its own calibration: give read_calibration that file." if own else ""


def calibrations(own: Sequence[str]) -> str:
    """The calibrations of the networks that have one, by key; `own` are on somebody's own pictures."""
    return own_note(own) + (
        "\ncalibrations = {\n"
        "    key: read_calibration(model, calibration_path(task.key, key))\n"
        "    for key, model in models.items()\n"
        "    if calibration_path(task.key, key).exists()\n"
        "}\n"
    )


def fitted_gallery(choice: Choice, tests: int = TEST_IMAGES_OFFERED) -> str:
    """The gallery's pictures as the networks get them, by key, with so many of the test images where they are."""
    fitted = f"task.shape, {choice.fit!r}, task.background, {choice.invert}"
    keys, further = "pictures.items", ""
    if tests > TEST_IMAGES_OFFERED:
        keys = "[*pictures.items, *(key for key in further if key in pictures.items)]"
        further = f'further = (f"test:{{number}}" for number in range({TEST_IMAGES_OFFERED}, {tests}))\n'
    return (
        f"\npictures = gallery(task)\n{further}"
        f"fitted = {{key: fit(pictures.picture(key).pixels, {fitted}) for key in {keys}}}\n"
    )


def show(code: str) -> None:
    """A button that opens the program."""
    with st.popover("Show as Python", icon=":material/code:"):
        st.code(code, language="python", wrap_lines=True)
        st.caption(
            "It gives the numbers of this page, run by `.venv/bin/python` in the project's folder. A picture of your "
            "own goes where it says `your-picture.png`; a network of your own must be in the folder of networks."
        )
