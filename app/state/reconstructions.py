"""What a task's generator makes of a picture: its codes, and the pictures that are rebuilt from them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from app.state import device
from app.state.autoencoders import autoencoder
from app.state.pictures import ModelInput
from app.state.result_cache import cached_result
from core.data.tasks import Task
from core.latent.codes import read_code, write_code
from core.norms import rmse

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """A picture, and what the generator makes of it.

    Attributes:
        codes: its code as text, by the class that it is taken as (K).
        x: the picture (C, H, W), float32 in [0, 1].
        rebuilt: its reconstruction in each class (K, C, H, W).
        distances: root mean square between picture and reconstruction (K,), in [0, 1] pixel units.
    """

    codes: tuple[str, ...]
    x: Image
    rebuilt: Image
    distances: Image

    @property
    def proposal(self) -> int:
        """The class that rebuilds the picture best."""
        return int(self.distances.argmin())

    def taken_as(self, true: int | None) -> int:
        """The class that it is taken as by itself: its own where that is known, as in reports, else the proposal.

        Which class rebuilds a picture best says little: where a code holds most of it, all do so nearly alike.
        """
        return self.proposal if true is None else true


def reconstruction(task: Task, shown: ModelInput) -> Reconstruction:
    """A picture taken as each class of its task."""
    return _reconstruction(task.key, autoencoder(task.key).card.sha256, shown.digest, shown.x)


@cached_result
def _reconstruction(task: str, sha256: str, digest: str, _x: Image) -> Reconstruction:
    made, x = autoencoder(task), device.picture(_x)
    labels = torch.arange(made.task.classes, device=x.device)
    every = x.expand(len(labels), -1, -1, -1)
    with torch.no_grad():
        texts = tuple(write_code(z[None]) for z in made.encode(every, labels))
        pictures = made.decode(torch.cat([read_code(text, made.latent) for text in texts]).to(x.device), labels)
    return Reconstruction(texts, _x[0], pictures.contiguous().cpu().numpy(), rmse(pictures - every).cpu().numpy())
