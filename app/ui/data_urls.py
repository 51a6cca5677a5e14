"""Small pictures inside of a page's own HTML, as PNG data URLs, one pixel a value; the page enlarges them."""

import base64

import numpy as np
from numpy.typing import NDArray

from app.state.result_cache import cached_result
from core.images import to_png


def data_url(x: NDArray[np.float32]) -> str:
    """An image (C, H, W), cut to [0, 1]."""
    return _url(np.asarray(x, np.float32).tobytes(), x.shape)


def bytes_url(pixels: NDArray[np.uint8]) -> str:
    """A picture (H, W, 3)."""
    return png_url(to_png(pixels))


@cached_result
def _url(values: bytes, shape: tuple[int, ...]) -> str:
    return png_url(to_png(np.frombuffer(values, np.float32).reshape(shape)))


def png_url(png: bytes) -> str:
    """A PNG file."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
