"""What the page Anomaly shows besides verdicts, as Python: layers, nearest pictures, the map, many pictures."""

from collections.abc import Sequence

from app.anomaly import results
from app.anomaly.choice import AnomalyChoice
from app.anomaly.layers import NEAREST
from app.state import judgements
from app.state.choice import Choice
from app.ui import python_code
from core.anomaly.measurements import MAIN, PROBES
from core.data.incoming import MAX_ENTRIES
from core.data.tasks import task_named

FOR_CALIBRATIONS = ("calibration_path", "read_calibration")
OF_FEATURES = """
from core.explanations.network_features import pooled_features, pulled_picture
from core.metrics.projection import nearest, principal_plane
"""


def layers(choice: Choice, part: AnomalyChoice, here: bool) -> str:
    """A program that gives the picture's gradient norms by layer, and how odd they are, under the chosen label.

    Where normal pictures lie under it is read from what ships, or else measured, where the data set is `here`.
    """
    every, main = part.tensors == "all", part.probe == PROBES[MAIN]
    found, read = _CALIBRATED if main else _SHIPPED
    chosen = "np.ones_like(weights_among(model))" if every else "weights_among(model)"
    measured = (
        "    else:\n"
        f'        normal = load(task, "calibration").first({results.NORMALS}).images()\n'
        f"        references[key] = of_norms(norms(model, normal, probe), probe, {chosen})\n"
    )
    return (
        python_code.picture_and_networks(choice, FOR_CALIBRATIONS)
        + python_code.own_note(judgements.on_own_pictures(choice.task, choice.models) if main else ())
        + "\nimport numpy as np\n\nfrom core.anomaly.confounding import ConfoundingLabel\n"
        "from core.anomaly.label_references import read_references, references_path\n"
        "from core.anomaly.measurements import weights_among\n"
        "from core.anomaly.reference import norms, of_norms, of_screen\nfrom core.data.datasets import load\n\n"
        f"probe, every, references = {part.probe!r}, {every}, {{}}\n"
        "for key, model in models.items():\n"
        f"    path = {found}\n"
        "    if path.exists():\n"
        f"        references[key] = {read}\n"
        + measured
        * here
        + "squared = {key: norms(models[key], x, found.probe) for key, found in references.items()}\n"
        "for key, found in references.items():\n"
        '    print(key, found.values(squared[key])[0].round(2), "p =", found.p_value(squared[key])[0])\n'
    )


_CALIBRATED = (
    "calibration_path(task.key, key)",
    "of_screen(read_calibration(model, path), every)",
)
_SHIPPED = (
    "references_path(task.key, key)",
    "read_references(model, path)[probe, every]",
)


def nearest_profiles(choice: Choice, part: AnomalyChoice, here: bool) -> str:
    """The same, and the pictures whose norms are nearest: of the data set where it is `here`, else of the gallery."""
    return (
        layers(choice, part, here)
        + _others(choice, here)
        + (
            "near = {\n"
            f"    key: found.nearest(norms(models[key], others, found.probe), squared[key][0], {NEAREST})\n"
            "    for key, found in references.items()\n"
            "}\n" + _SAID
        )
    )


def nearest_features(choice: Choice, here: bool) -> str:
    """A program that finds the pictures whose features are nearest to the picture's."""
    return (
        python_code.picture_and_networks(choice, ("gallery",))
        + OF_FEATURES
        + _others(choice, here)
        + (
            "near = {\n"
            f"    key: nearest(pooled_features(model, others)[0], {_pulled(choice)}.features, {NEAREST})\n"
            "    for key, model in models.items()\n"
            "}\n" + _SAID
        )
    )


_SAID = "for key, places in near.items():\n    print(key, [names[place] for place in places])\n"


def _pulled(choice: Choice) -> str:
    asked = f"{task_named(choice.task).radii['linf']!r}{python_code.stepping_in()}"
    return f"pulled_picture(model, x, {asked})"


def _others(choice: Choice, here: bool) -> str:
    """The pictures among which the nearest are sought, `others` (N, C, H, W), and their `names`."""
    if here:
        return (
            "\nfrom core.data.datasets import load\n\n"
            f'images = load(task, "calibration").first({results.NORMALS})\n'
            "others, names = images.images(), [task.class_names[label] for label in images.labels]\n"
        )
    return (
        "\nimport torch\n\nfrom core import gallery\n"
        + python_code.fitted_gallery(choice)
        + "fitted = {key: other for key, other in fitted.items() if not torch.equal(other, x)}\n"
        "others, names = torch.cat([*fitted.values()]), [*fitted]\n"
    )


def embedding(choice: Choice, models: Sequence[str]) -> str:
    """A program that places the gallery, the picture and its attacked form in each network's own plane."""
    return (
        python_code.picture_and_networks(choice, ("gallery",))
        + "\nimport torch\n"
        + OF_FEATURES
        + (
            python_code.fitted_gallery(choice) + "every = torch.cat([*fitted.values()])\n"
            f"models = {{key: models[key] for key in {list(models)}}}\n"
            "features = {key: pooled_features(model, every)[0] for key, model in models.items()}\n"
            "planes = {key: principal_plane(found) for key, found in features.items()}\n"
            f"pulls = {{key: {_pulled(choice)} for key, model in models.items()}}\n"
            "for key, plane in planes.items():\n"
            "    print(key, plane.place(pulls[key].features[None]), plane.place(pulls[key].features_adv[None]))\n"
        )
    )


def many(choice: Choice, detectors: Sequence[str]) -> str:
    """A program that scores a folder of pictures as the page does."""
    return (
        "from pathlib import Path\n\n"
        "from core import Scoring, calibration_path, incoming, load_zoo_model, read_calibration, score_many, "
        "task_named\n\n"
        f"task = task_named({choice.task!r})\n"
        f"models = {{key: load_zoo_model(task.key, key) for key in {list(choice.models)}}}\n"
        + python_code.calibrations(judgements.on_own_pictures(choice.task, choice.models))
        + "pairs = [(models[key], found) for key, found in calibrations.items()]\n"
        f"scoring = Scoring({tuple(detectors)!r}, {choice.fit!r}, invert={choice.invert})\n"
        f'found = score_many(pairs, incoming([Path("your-pictures")]), scoring, {MAX_ENTRIES})\n'
        "for key, p_values in found.p_values.items():\n"
        "    print(key, {detector: values.tolist() for detector, values in p_values.items()})\n"
    )
