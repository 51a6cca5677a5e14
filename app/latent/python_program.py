"""Where the sliders stand, as Python that gives the picture and the answers there."""

from collections.abc import Mapping

from app.latent.position import ResolvedPosition
from app.state.choice import Choice
from app.ui import python_code
from core.latent.search import Search


def _start(here: ResolvedPosition, *modules: str) -> str:
    """The generator, the networks, and the code where the sliders stand, with what else is imported."""
    place = here.place
    imports = sorted(
        {
            "from core.latent.autoencoder import load_autoencoder",
            "from core.latent.codes import read_code",
            "from core.latent.directions import decay_direction, directions, moved, noise_direction, towards",
            *modules,
        }
    )
    return (
        "import torch\n\nfrom core import load_zoo_model\n" + "".join(f"{line}\n" for line in imports) + "\n"
        f"decoder = load_autoencoder({place.task!r})\n"
        f"models = {{key: load_zoo_model({place.task!r}, key) for key in {list(here.models)}}}\n"
        "classifiers = [model.fast for model in models.values()]\n"
        f"start = read_code({place.code!r}, decoder.latent)\n"
        f"labels = torch.tensor([{place.label}])  # {here.decoder.task.class_names[place.label]}\n"
        "sliders = [\n"
        f"    *directions(decoder, start, labels, min({place.count}, decoder.latent)),\n"
        f"    *towards(decoder, start, labels, [{place.way}]),\n"
        "    decay_direction(decoder.latent),\n"
        f"    noise_direction(decoder.latent, torch.Generator().manual_seed({place.draw})),\n"
        "]\n"
        f"code = moved(start, sliders, {list(place.at)})\n"
    )


SAID = """for key, probs in zip(models, row.probs):
    print(key, [decoder.task.class_names[answer] for answer in probs.argmax(1)])
"""


def program(here: ResolvedPosition) -> str:
    """A program that decodes the code at a position and asks the networks."""
    return _start(here, "from core.latent.strips import decode_row") + (
        "row = decode_row(decoder, classifiers, code, labels, [0.0], start)\n"
        "for key, probs in zip(models, row.probs[:, 0]):\n"
        '    print(key, decoder.task.class_names[probs.argmax()], f"{probs.max():.1%}")\n'
    )


def slider(here: ResolvedPosition, which: int) -> str:
    """A program that goes along one slider from end to end, the others staying where they are."""
    at = f"{list(here.place.at)}, {which}"
    return _start(here, "from core.latent.ribbons import ribbon") + (
        f"row = ribbon(decoder, classifiers, start, labels, sliders, {at})\n" + SAID
    )


def neighbours(here: ResolvedPosition, epsilon: float, count: int, seed: int) -> str:
    """A program that decodes random neighbours of the code there."""
    return _start(here, "from core.latent.strips import neighbours") + (
        f"noise = torch.Generator().manual_seed({seed})\n"
        f"row = neighbours(decoder, classifiers, code, labels, {epsilon!r}, {count}, noise)\n" + SAID
    )


def every_class(here: ResolvedPosition) -> str:
    """A program that decodes the code there as each class."""
    return _start(here, "from core.latent.strips import class_row") + (
        "row = class_row(decoder, classifiers, code, labels, decoder.task.classes)\n" + SAID
    )


def way(here: ResolvedPosition, code: str, label: int, steps: int) -> str:
    """A program that goes from the code there to another, of the class `label`."""
    return _start(here, "from core.latent.strips import interpolation", "import numpy as np") + (
        f"ends = torch.cat([code, read_code({code!r}, decoder.latent)])\n"
        f"shares = np.linspace(0, 1, {steps}).tolist()\n"
        f"row = interpolation(decoder, classifiers, ends, torch.tensor([{here.place.label}, {label}]), shares)\n" + SAID
    )


def search(here: ResolvedPosition, centre: float, settings: Search) -> str:
    """A program that searches for the nearest code that each network answers otherwise."""
    return _start(
        here,
        "from core.latent.decoder import OneClass",
        "from core.latent.noise import decayed",
        "from core.latent.search import Search, search",
    ) + (
        f"drawing = OneClass(decoder, {here.place.label})\n"
        f"drawn = decoder.decode(decayed(code, {centre!r}), labels).detach()\n"
        "found = {\n"
        "    key: search(drawing, model.fast, code, model.fast(drawn).argmax(1), "
        f"{centre!r}, {settings!r})\n"
        "    for key, model in models.items()\n"
        "}\n"
        "for key, one in found.items():\n"
        '    print(key, "found:", bool(one.found[0]), "at", float(one.norm[0]))\n'
    )


def claims(task: str) -> str:
    """What came of the paper's claims, after the rows of the report."""
    return (
        "\nfrom core.reports.form.report import read_report\n\n"
        f"readings = read_report(report_path({task!r}, 'latent-readings')).rows\n"
        "for row in readings:\n"
        "    print(row['claim'], row['figure'], row['by'], row.get('value'), row['verdict'])\n"
    )


def natural_program(choice: Choice, amounts: Mapping[str, float], key: str) -> str:
    """A program that changes a picture naturally and asks the networks; `key` is the change that a row is made along.

    Args:
        choice: the view.
        amounts: of the changes that are made, that of `key` among them.
        key: of a change.
    """
    return python_code.picture_and_networks(choice, ()) + (
        "\nfrom core.natural.ribbons import ribbon\n\n"
        f"row = ribbon([model.fast for model in models.values()], x, {dict(amounts)}, {key!r}, [{amounts[key]!r}])\n"
        "for key, probs in zip(models, row.probs[:, 0]):\n"
        '    print(key, task.class_names[probs.argmax()], f"{probs.max():.1%}")\n'
    )
