"""Rare kinds of file are read as another reader reads them, within a level, or refused with the reason."""

import numpy as np
import pytest

from core.decoding.decoder import decode
from core.decoding.window import Window, windowed
from core.errors import InputError
from tests.helpers.decoding.variants import every

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outcomes():
    """By name how far a file is from what it shows, in levels, or the sentence that refuses it.

    The larger distance of two: of the pixels, and of what is kept for a window, in the window that the file came in.
    """
    found = {}
    for name, data, shown in every():
        try:
            picture = decode(data)
        except InputError as error:
            found[name] = str(error)
        else:
            pixels, fine = picture.pixels, picture.levels
            right = shown[..., None] if shown.ndim == 2 else shown
            assert pixels.shape[:2] == right.shape[:2], name
            found[name] = float(np.abs(pixels - right).max())
            if fine is not None:
                kept = windowed(picture, Window("values", *fine.start)).pixels
                found[name] = max(found[name], float(np.abs(kept - right).max()))
    return found


def test_every_kind_is_right_within_a_level_or_refused_as_what_it_is(outcomes):
    wrong = {name: off for name, off in outcomes.items() if isinstance(off, float) and off > 1.01}
    assert not wrong
    refused = {name: told for name, told in outcomes.items() if isinstance(told, str)}
    vague = {name: told for name, told in refused.items() if "damaged" in told or "TIFF" not in told}
    assert not vague
    assert len(outcomes) >= 900 and len(outcomes) - len(refused) >= 350


@pytest.mark.parametrize(
    ("part", "least"),
    [
        ("minisblack i1", 12),
        ("minisblack u1", 12),
        ("minisblack i2", 8),
        ("minisblack u2", 12),
        ("minisblack u4<", 6),
        ("minisblack f4", 6),
        ("rgb None u1", 24),
        ("rgb None u2", 12),
        ("separated None", 24),
        ("by hand: 1 bits", 10),
        ("by hand: 4 bits", 10),
        ("by hand: 12 bits", 2),
        ("1 bit group", 2),
        ("f4 tiff_lzw", 1),
        ("PNG", 30),
    ],
)
def test_what_is_common_is_read(outcomes, part, least):
    read = [name for name, off in outcomes.items() if part in name and isinstance(off, float)]
    assert len(read) >= least, [(name, off) for name, off in outcomes.items() if part in name]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rgb f4 contig", "RGB, 3 channels of 32-bit float samples"),
        ("rgb i1 contig", "RGB, 3 channels of 8-bit signed samples"),
        ("minisblack f8< (None, False) None", "one channel of 64-bit float samples"),
        ("minisblack u4> (None, False) None", "32-bit unsigned"),
        ("rgb None u2< separate (None, False) None", "3 channels of 16 bits apart"),
        ("minisblack i4> ('zlib', False) None", "big-endian"),
        ("by hand: 10 bits, photometric 1<, fill 1, compression 1", "10-bit unsigned"),
        ("by hand: 8 bits, photometric 1<, fill 2, compression 8", "from the other end"),
    ],
)
def test_a_refusal_says_what_the_file_is(outcomes, name, words):
    assert words in outcomes[name]
