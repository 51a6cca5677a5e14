"""The picture in its generator's latent space, for the report: how it is drawn, and the nearest turn of each answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from app.state import autoencoders, device
from app.state.pictures import ModelInput
from app.state.reconstructions import reconstruction
from core.data.tasks import Task
from core.latent.autoencoder import Autoencoder
from core.latent.codes import read_code
from core.latent.directions import directions
from core.latent.flips import Flip, nearest_flips
from core.latent.strips import DecodedRow, decode_row
from core.models.zoo import ZooModel

SLIDERS = 5  # leading directions, those of the page Latent


@dataclass(frozen=True, slots=True)
class LatentStart:
    """Where the picture lies, by the class in which it is rebuilt best.

    Attributes:
        generator: checksum of the generator.
        decoder: the generator.
        code: as text.
        label: the class.
        distance: root mean square between picture and reconstruction, in [0, 1] pixel units.
    """

    generator: str
    decoder: Autoencoder
    code: str
    label: int
    distance: float


@dataclass(frozen=True, slots=True, eq=False)
class LatentView:
    """What came out.

    Attributes:
        start: where the picture lies.
        row: the one picture drawn there, and the networks' answers to it.
        flips: by network the nearest turn along one slider.
    """

    start: LatentStart
    row: DecodedRow
    flips: tuple[Flip | None, ...]

    @property
    def picture(self) -> NDArray[np.float32]:
        """What is drawn (C, H, W)."""
        drawn: NDArray[np.float32] = self.row.x[0]
        return drawn


def start_of(task: Task, shown: ModelInput) -> LatentStart | None:
    """Where the picture lies; None for a task without a generator."""
    if not autoencoders.has_autoencoder(task.key):
        return None
    found, decoder = reconstruction(task, shown), autoencoders.autoencoder(task.key)
    label = found.taken_as(shown.label)
    return LatentStart(decoder.card.sha256, decoder, found.codes[label], label, float(found.distances[label]))


def view(start: LatentStart, models: Sequence[ZooModel]) -> LatentView:
    """The picture as it is drawn, and where each network's answer turns."""
    classifiers, decoder = [model.fast for model in models], start.decoder
    code = device.placed(read_code(start.code, decoder.latent))
    labels = torch.tensor([start.label], device=code.device)
    row = decode_row(decoder, classifiers, code, labels, [0.0], code)
    ways = directions(decoder, code, labels, min(SLIDERS, decoder.latent))
    return LatentView(start, row, tuple(nearest_flips(decoder, classifiers, code, labels, ways)))


def program(start: LatentStart) -> str:
    """The same as Python, after the networks are loaded."""
    return (
        "\nimport torch\n\nfrom core.latent.autoencoder import load_autoencoder\n"
        "from core.latent.codes import read_code\nfrom core.latent.directions import directions\n"
        "from core.latent.flips import nearest_flips\nfrom core.latent.strips import decode_row\n\n"
        "decoder, classifiers = load_autoencoder(task.key), [model.fast for model in models.values()]\n"
        f"code, labels = read_code({start.code!r}, decoder.latent), torch.tensor([{start.label}])\n"
        "drawn = decode_row(decoder, classifiers, code, labels, [0.0], code)\n"
        f"ways = directions(decoder, code, labels, min({SLIDERS}, decoder.latent))\n"
        "flips = dict(zip(models, nearest_flips(decoder, classifiers, code, labels, ways)))\n"
        "for key, flip in flips.items():\n"
        '    print(key, "turns at", flip and (flip.slider + 1, flip.position, task.class_names[flip.answer]))\n'
    )
