"""Files made for tests of decoding: by Pillow, and by hand where Pillow writes none of the kind."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.decoding import decoder
from core.errors import InputError
from core.images import decode

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
CORNERS = np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8).repeat(16, 0).repeat(24, 1)  # 32 rows, 48 columns

EXTRAS = Path(__file__).resolve().parents[3] / "requirements-extras.txt"
quiet = pytest.mark.filterwarnings("ignore:::PIL")  # Pillow's remarks on files that are broken on purpose


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format=kind, **options)
    return out.getvalue()


def pinned(package: str) -> str:
    """A package with its version, as the optional requirements have it."""
    return next(line for line in EXTRAS.read_text().splitlines() if line.startswith(f"{package}=="))


def photo(height: int = 40, width: int = 56) -> np.ndarray:
    """A smooth picture with some noise, so that JPEG and friends have something to code."""
    rows, columns = np.mgrid[:height, :width]
    noise = np.random.default_rng(0).integers(0, 20, (height, width, 3))
    return (np.stack([rows * 4, columns * 4, rows + columns], -1) % 230 + noise).astype(np.uint8)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG by hand: `rows` is what zlib packs, one filter byte before each row."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(tags: dict[int, tuple[int, int, int]], body: bytes = b"", count: int | None = None) -> bytes:
    """A little-endian TIFF by hand: {tag: (type, count, value or offset)}; the body starts at byte 8."""
    entries = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(tags.items()))
    at = 8 + len(body) + len(body) % 2
    start = b"II*\0" + struct.pack("<I", at) + body + b"\0" * (len(body) % 2)
    return start + struct.pack("<H", count or len(tags)) + entries + struct.pack("<I", 0)


def refusal(data: bytes, here: bool = False) -> str:
    """The sentence with which a file is refused, `here` by the decoder in this process."""
    with pytest.raises(InputError) as caught:
        decoder.decode(data) if here else decode(data)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message
    return message


def bomb(kind: str, width: int, height: int) -> bytes:
    """A small file that claims a huge picture."""
    small = encoded(Image.new("L", (8, 8)), kind)
    if kind == "PNG":
        return png(width, height, 1, 0, b"\0" * (height * (1 + width // 8)))
    if kind == "JPEG":
        at = small.index(b"\xff\xc0") + 5
        return small[:at] + struct.pack(">HH", height, width) + small[at + 4 :]
    if kind == "GIF":
        return small[:6] + struct.pack("<HH", width, height) + small[10:]
    if kind == "BMP":
        return small[:18] + struct.pack("<ii", width, height) + small[26:]
    if kind == "TIFF":
        return tiff({256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 1), 259: (3, 1, 5), 273: (4, 1, 8)})
    canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    frame = bytes(6) + b"\7\0\0\7\0\0" + bytes(4) + small[12:]  # 8 x 8 pixels at the corner of a huge canvas
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + canvas + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    body += b"ANMF" + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body
