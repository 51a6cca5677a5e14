"""Kinds of TIFF and PNG with the levels that they show: written by tifffile, by Pillow, and by hand."""

import io
import itertools
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from tests.helpers.decoding.files import chunk, encoded

SIZE = 21, 37  # no multiple of 8, nor of a tile
GREY_TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8")
PACKINGS = ((None, False), ("zlib", False), ("zlib", True))


class Variant(NamedTuple):
    """A file, and the levels (H, W) or (H, W, 3) in [0, 255] that it shows on white."""

    name: str
    data: bytes
    shown: NDArray[np.float64]


def every() -> Iterator[Variant]:
    """All of them, the same each time."""
    rng = np.random.default_rng(0)
    yield from grey_tiffs(rng)
    yield from colour_tiffs(rng)
    yield from packed_tiffs(rng)
    yield from pillows_tiffs(rng)
    yield from pngs(rng)


def _tifffile(array: NDArray, **options: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, array, **options)
    assert np.array_equal(tifffile.imread(io.BytesIO(out.getvalue())), array)  # the second reader
    return out.getvalue()


def _random(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> NDArray:
    if kind[0] == "f":
        return rng.random(shape).astype(kind)
    info = np.iinfo(kind)
    return rng.integers(info.min, info.max, shape, dtype=kind, endpoint=True)


def grey_tiffs(rng: np.random.Generator) -> Iterator[Variant]:
    """One channel of each type; what has no scale of its own is stretched from its smallest to its largest."""
    for kind, order, grey, packing, tile in itertools.product(
        GREY_TYPES, "<>", ("minisblack", "miniswhite"), PACKINGS, (None, (16, 32))
    ):
        if packing[1] and (kind[0] == "f" or kind[1] == "8"):  # tifffile has no such predictors by itself
            continue
        array = _random(rng, kind, SIZE)
        levels = array.astype(np.float64)
        whole = {"u1": 255.0, "u2": 65535.0, "f2": 1.0, "f4": 1.0, "f8": 1.0}
        low, high = (0.0, whole[kind]) if kind in whole else (levels.min(), levels.max())
        shown = (levels - low) / (high - low) * 255
        data = _tifffile(
            array, byteorder=order, photometric=grey, compression=packing[0], predictor=packing[1], tile=tile
        )
        yield Variant(f"{grey} {kind}{order} {packing} {tile}", data, 255 - shown if grey == "miniswhite" else shown)


COLOURS = (
    (3, "rgb", None),
    (4, "rgb", ["unassalpha"]),
    (4, "rgb", ["assocalpha"]),
    (4, "rgb", ["unspecified"]),
    (5, "rgb", ["unassalpha", "unspecified"]),
    (4, "separated", None),
    (2, "minisblack", ["unassalpha"]),
    (2, "minisblack", ["assocalpha"]),
    (2, "minisblack", ["unspecified"]),
)


def colour_tiffs(rng: np.random.Generator) -> Iterator[Variant]:
    """Colours, inks and alpha, channels together and apart; of 16 bits the high byte is taken before they are mixed."""
    for kind, (count, meaning, extra), planes, order, packing, tile in itertools.product(
        ("u1", "u2"), COLOURS, ("contig", "separate"), "<>", PACKINGS, (None, (16, 32))
    ):
        array = _random(rng, kind, (*SIZE, count))
        if extra and extra[0] == "assocalpha":
            array[..., :-1] = np.minimum(array[..., :-1], array[..., -1:])
        data = _tifffile(
            array if planes == "contig" else np.ascontiguousarray(array.transpose(2, 0, 1)),
            byteorder=order, photometric=meaning, planarconfig=planes, extrasamples=extra, compression=packing[0],
            predictor=packing[1], tile=tile,
        )  # fmt: skip
        levels = (array >> 8 if kind == "u2" else array).astype(np.float64)
        shown = _on_white(levels, meaning, extra[0] if extra else "")
        yield Variant(f"{meaning} {extra} {kind}{order} {planes} {packing} {tile}", data, shown)
    for kind, meaning in itertools.product(("i1", "i2", "i4", "u4", "f2", "f4", "f8"), ("contig", "separate")):
        array = _random(rng, kind, (*SIZE, 3))
        levels = array.astype(np.float64)
        shown = (levels - levels.min()) / np.ptp(levels) * 255
        data = _tifffile(
            array if meaning == "contig" else np.ascontiguousarray(array.transpose(2, 0, 1)),
            photometric="rgb", planarconfig=meaning,
        )  # fmt: skip
        yield Variant(f"rgb {kind} {meaning}", data, shown)


def _on_white(levels: NDArray[np.float64], meaning: str, extra: str) -> NDArray[np.float64]:
    if meaning == "separated":
        return (255 - levels[..., :3]) * (255 - levels[..., 3:4]) / 255
    count = 1 if meaning == "minisblack" else 3
    colour, alpha = levels[..., :count], levels[..., count : count + 1] / 255
    match extra:
        case "unassalpha":
            return colour * alpha + 255 * (1 - alpha)
        case "assocalpha":
            return colour + 255 * (1 - alpha)
        case _:
            return colour


def packed_tiffs(rng: np.random.Generator) -> Iterator[Variant]:
    """Samples of any number of bits, packed by hand: grey both ways and palettes, bytes filled from either end."""
    for bits, photometric, order, fill, packing in itertools.product(
        (1, 2, 4, 6, 8, 10, 12, 14, 16, 24), (0, 1, 3), "<>", (1, 2), (1, 8)
    ):
        if photometric == 3 and bits > 8:
            continue
        array = rng.integers(0, 1 << bits, SIZE)
        shown, extra = array * 255.0 / ((1 << bits) - 1), {}
        if photometric == 0:
            shown = 255 - shown
        elif photometric == 3:
            colours = rng.integers(0, 65536, (3, 1 << bits))
            shown, extra = (colours.T / 257.0)[array], {320: (3, colours.ravel().tolist())}
        body = array.astype(f"{order}u2").tobytes() if bits == 16 else _pack(array, bits)
        body = zlib.compress(body) if packing == 8 else body
        body = bytes(int(f"{each:08b}"[::-1], 2) for each in body) if fill == 2 else body
        tags = {258: (3, [bits]), 259: (3, [packing]), 262: (3, [photometric]), 266: (3, [fill]), **extra}
        name = f"by hand: {bits} bits, photometric {photometric}{order}, fill {fill}, compression {packing}"
        yield Variant(name, _tiff(order, SIZE, tags, body), shown)


def _pack(array: NDArray, bits: int) -> bytes:
    """Samples as one row of bits after the other, each row to a whole byte."""
    rows = ["".join(f"{value:0{bits}b}" for value in row) for row in array.reshape(len(array), -1).tolist()]
    return b"".join(int(row + "0" * (-len(row) % 8), 2).to_bytes((len(row) + 7) // 8, "big") for row in rows)


def _tiff(order: str, size: tuple[int, int], tags: dict[int, tuple[int, list[int]]], body: bytes) -> bytes:
    """A TIFF of one strip; tags as {number: (3 for short or 4 for long, values)}."""
    body += b"\0" * (len(body) % 2)
    at = 8 + len(body)
    strip = {256: (4, [size[1]]), 257: (4, [size[0]]), 273: (4, [8]), 277: (3, [1]), 278: (4, [size[0]])}
    entries, after = b"", b""
    whole = {**strip, 279: (4, [len(body)]), **tags}
    for tag, (kind, values) in sorted(whole.items()):
        raw = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        place = at + 2 + 12 * len(whole) + 4 + len(after)
        after += raw if len(raw) > 4 else b""
        field = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(f"{order}I", place)
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + field
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, at)
    return head + body + struct.pack(f"{order}H", len(whole)) + entries + bytes(4) + after


def pillows_tiffs(rng: np.random.Generator) -> Iterator[Variant]:
    """The compressions that tifffile has no writer for."""
    bits = rng.integers(0, 2, SIZE).astype(np.uint8) * 255
    for packing in ("raw", "group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw", "tiff_deflate"):
        yield Variant(
            f"1 bit {packing}", encoded(Image.fromarray(bits).convert("1"), "TIFF", compression=packing), bits
        )
    for packing, kind in itertools.product(("packbits", "tiff_lzw"), ("u1", "u2", "i4", "f4")):
        array = _random(rng, kind, SIZE)
        levels = array.astype(np.float64)
        low, high = {"u1": (0, 255), "u2": (0, 65535), "f4": (0, 1)}.get(kind, (levels.min(), levels.max()))
        data = encoded(Image.fromarray(array), "TIFF", compression=packing)
        yield Variant(f"{kind} {packing}", data, (levels - low) / (high - low) * 255)


def pngs(rng: np.random.Generator) -> Iterator[Variant]:
    """Every colour type and depth of a PNG, in rows and interlaced (Adam7)."""
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    for colour, interlaced in itertools.product(depths, (0, 1)):
        for bits in depths[colour]:
            count = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
            array = rng.integers(0, 1 << bits, (*SIZE, count))
            palette = rng.integers(0, 256, (1 << bits if colour == 3 else 1, 3)).astype(np.uint8)
            extra = chunk(b"PLTE", palette.tobytes()) if colour == 3 else b""
            levels = array * 255.0 / ((1 << bits) - 1)
            if colour in (4, 6):
                levels = array >> 8 if bits == 16 else levels
                shown = _on_white(levels.astype(float), "minisblack" if colour == 4 else "rgb", "unassalpha")
            else:
                shown = palette[array[..., 0]].astype(float) if colour == 3 else levels
            head = struct.pack(">IIBBBBB", SIZE[1], SIZE[0], bits, colour, 0, 0, interlaced)
            body = b"".join(_rows(part, bits) for part in (_adam7(array) if interlaced else [array]))
            data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra
            data += chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
            yield Variant(f"PNG type {colour}, {bits} bits, interlaced {interlaced}", data, shown)


def _rows(array: NDArray, bits: int) -> bytes:
    """Rows of a PNG without filters."""
    return b"".join(b"\0" + _pack(row[None], bits) for row in array)


def _adam7(array: NDArray) -> Iterator[NDArray]:
    steps = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    for top, left, down, right in steps:
        part = array[top::down, left::right]
        if part.size:
            yield part
