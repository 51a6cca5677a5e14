"""Where the sliders stand, as Python that gives the picture and the answers there."""

from collections.abc import Mapping

from app.latent.position import ResolvedPosition
from app.state.choice import Choice
from app.ui import python_code


def program(here: ResolvedPosition) -> str:
    """A program that decodes the code at a position and asks the networks."""
    place = here.place
    return (
        "import torch\n\n"
        "from core import load_zoo_model\n"
        "from core.latent.autoencoder import load_autoencoder\n"
        "from core.latent.codes import read_code\n"
        "from core.latent.directions import decay_direction, directions, moved, noise_direction, towards\n"
        "from core.latent.strips import decode_row\n\n"
        f"decoder = load_autoencoder({place.task!r})\n"
        f"models = {{key: load_zoo_model({place.task!r}, key) for key in {list(here.models)}}}\n"
        f"start = read_code({place.code!r}, decoder.latent)\n"
        f"labels = torch.tensor([{place.label}])  # {here.decoder.task.class_names[place.label]}\n"
        "sliders = [\n"
        f"    *directions(decoder, start, labels, min({place.count}, decoder.latent)),\n"
        f"    *towards(decoder, start, labels, [{place.way}]),\n"
        "    decay_direction(decoder.latent),\n"
        f"    noise_direction(decoder.latent, torch.Generator().manual_seed({place.draw})),\n"
        "]\n"
        f"code = moved(start, sliders, {list(place.at)})\n"
        "row = decode_row(decoder, [model.fast for model in models.values()], code, labels, [0.0], start)\n"
        "for key, probs in zip(models, row.probs[:, 0]):\n"
        '    print(key, decoder.task.class_names[probs.argmax()], f"{probs.max():.1%}")\n'
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
