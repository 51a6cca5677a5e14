"""Latent performance metrics, image by image: who is right on reconstructions, samples, and their noisy neighbours.

Buzhinsky et al. 2020, arXiv:2003.01993. Codes come in two ways: from real images by the encoder (R, reconstruction), or
from the prior (G, generation). The adversarial metrics are made of what `core.latent.search` finds.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import ConfigError
from core.latent.decoder import Classifier, Decoder
from core.latent.margin import misclassified
from core.latent.noise import decayed, noisy

BATCH = 250


def right_on_codes(decoder: Decoder, classifier: Classifier, z: Tensor, labels: Tensor) -> NDArray[np.bool_]:
    """Whether the pictures of codes (N, n) are classified as their classes (N,): bool (N,).

    On reconstructions its mean is LRA, `P[f(G_y(E_y(x))) = y]`; on codes of the prior LGA, `P[f(G_y(l)) = y]`.
    """
    parts = []
    for start in range(0, len(z), BATCH):
        chosen = labels[start : start + BATCH]
        with torch.no_grad():
            logits = classifier(decoder.decode(z[start : start + BATCH], chosen)).float()
        parts.append(~misclassified(logits, chosen))
    return np.asarray(torch.cat(parts).cpu().numpy())


def right_when_decayed(
    decoder: Decoder, classifier: Classifier, z: Tensor, labels: Tensor, epsilon: float
) -> NDArray[np.bool_]:
    """Whether pictures of the decayed codes are classified as their classes (N,): what the searches start from.

    Raises:
        ConfigError: epsilon < 0.
    """
    return right_on_codes(decoder, classifier, decayed(z, epsilon), labels)


def right_under_noise(
    decoder: Decoder,
    classifier: Classifier,
    z: Tensor,
    labels: Tensor,
    epsilon: float,
    draws: int,
    generator: torch.Generator,
) -> NDArray[np.bool_]:
    """Whether pictures of noisy codes are classified as their classes: bool (N, draws).

    The mean over draws is each image's local latent noise accuracy; the mean of all is LLNA at `epsilon`.

    Raises:
        ConfigError: epsilon < 0 or draws < 1.
    """
    if draws < 1:
        raise ConfigError(f"draws must be at least 1; got {draws}")
    columns = [right_on_codes(decoder, classifier, noisy(z, epsilon, generator), labels) for _ in range(draws)]
    return np.stack(columns, 1)
