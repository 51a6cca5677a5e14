"""What the page Find measures, as Python: of the gallery, or of a folder of one's own pictures."""

from app.find.results import MOST, settings_of
from app.state.choice import Choice
from app.state.judgements import ALPHA, on_own_pictures
from app.ui import python_code
from core.data.tasks import task_named
from core.explanations.picture_rules import PictureRule

GALLERY = """
labels = {key: pictures.items[key].label for key in fitted}
source = ((key, -1 if labels[key] is None else labels[key], picture) for key, picture in fitted.items())
"""

FLAGS = f"""flags = {{
    key: partial(found.share_flagged, models[key], alpha={ALPHA}) for key, found in calibrations.items()
}}
"""


def program(choice: Choice, own: bool, rule: PictureRule, tests: int) -> str:
    """A program that measures each picture by every network, with what a rule asks for; `own` are in a folder.

    Of a gallery it takes so many of the test images.
    """
    fitted = f"task.shape, {choice.fit!r}, task.background, {choice.invert}"
    files = (
        f'\nfiles = [file for file in incoming([Path("your-pictures")]) if not file.error][:{MOST}]\n'
        f"fitted = [fit(decode(file.data).pixels, {fitted}) for file in files]\n"
        "source = ((str(place), -1, picture) for place, picture in enumerate(fitted))\n"
    )
    names = ["fit", "load_zoo_model", "task_named"]
    names += ["calibration_path", "read_calibration"] if rule.flags else []
    names += ["decode", "incoming"] if own else ["gallery"]
    return (
        "from functools import partial\nfrom pathlib import Path\n\n"
        f"from core import {', '.join(sorted(names))}\n"
        "from core.explanations.picture_facts import FactSettings, measure_pictures\n\n"
        f"task = task_named({choice.task!r})\n"
        f"models = {{key: load_zoo_model(task.key, key) for key in {list(choice.models)}}}\n"
        + (python_code.calibrations(on_own_pictures(choice.task, choice.models)) if rule.flags else "")
        + (files if own else python_code.fitted_gallery(choice, tests) + GALLERY)
        + (FLAGS if rule.flags else "flags = {}\n")
        + f"settings = {settings_of(task_named(choice.task), rule.attacked)!r}\n"
        "facts = measure_pictures(list(models.values()), flags, source, settings)\n"
        "for key, answers in zip(facts.models, facts.predicted):\n"
        "    print(key, [task.class_names[answer] for answer in answers])\n"
    )
