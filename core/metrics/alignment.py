"""How much an input gradient points along the image itself."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError


def alignment(
    x: NDArray[np.floating[Any]], gradients: NDArray[np.floating[Any]], centre: ArrayLike = 0.0
) -> NDArray[np.float64]:
    """Etmann's alignment (n,), `|<x, g>| / |g|`, at least 0, in pixel units; NaN where the gradient is zero.

    Etmann et al. 2019, arXiv:1905.04172. For a linear network without bias it is the distance to the decision
    boundary.

    Args:
        x: images (n, C, H, W).
        gradients: of the logit of the class predicted, (n, C, H, W).
        centre: what is taken off x first. Whether images are centred changes the value: the same must be taken for all
            networks that are compared. 0 takes the image as it is shown, in [0, 1].

    Raises:
        InputError: arrays of several shapes.
    """
    flat, slopes = _flat(x, gradients, centre)
    length = np.linalg.norm(slopes, axis=1)
    distances: NDArray[np.float64] = np.divide(
        np.abs((flat * slopes).sum(1)), length, out=np.full(len(flat), np.nan), where=length > 0
    )
    return distances


def alignment_cosine(
    x: NDArray[np.floating[Any]], gradients: NDArray[np.floating[Any]], centre: ArrayLike = 0.0
) -> NDArray[np.float64]:
    """The alignment over the length of the image, in [0, 1], so that bright images do not count for more.

    NaN where the gradient or the image is zero. Arguments and errors as for `alignment`.
    """
    length = np.linalg.norm(_flat(x, gradients, centre)[0], axis=1)
    cosines: NDArray[np.float64] = np.divide(
        alignment(x, gradients, centre), length, out=np.full(len(x), np.nan), where=length > 0
    )
    return cosines


def _flat(
    x: NDArray[np.floating[Any]], gradients: NDArray[np.floating[Any]], centre: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if x.shape != gradients.shape:
        raise InputError(f"images and gradients must have one shape; got {x.shape} and {gradients.shape}")
    centred = x.astype(np.float64) - np.asarray(centre, np.float64)
    return centred.reshape(len(x), -1), gradients.astype(np.float64).reshape(len(x), -1)
