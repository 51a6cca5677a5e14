"""What an image file says about itself, read from its structure alone: nothing is decoded, nothing large is allocated.

Each reader walks one format and hands on only what carries pixels. Text, colour profiles, EXIF blocks, later frames
and thumbnails never reach the decoder, so that they cannot cost memory or time; the orientation is read out before.
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.errors import InputError

MAX_SCANS = 100  # a progressive JPEG has about ten; each scan costs a pass over the whole picture
_MAX_TIFF_TABLES = 8_000_000  # bytes of strip offsets and colour maps
_MAX_TILE = 16_000_000  # pixels of one TIFF tile
_MAX_FRAMES = 10_000  # TIFF pages counted before we stop counting


@dataclass(frozen=True, slots=True)
class Container:
    """One still picture inside a file, not decoded yet.

    format: PNG, JPEG, WebP, BMP, TIFF or GIF. data: the file without metadata and later frames. width, height: as
    stored, before the EXIF orientation (1 to 8) is applied. frames: how many the file has. bits: of one sample.
    white_is_zero: grey TIFF with inverted levels.
    """

    format: str
    data: bytes
    width: int
    height: int
    frames: int = 1
    orientation: int = 1
    bits: int = 8
    white_is_zero: bool = False


def inspect(data: bytes) -> Container:
    """What the file holds.

    Raises:
        InputError: not one of the six formats, an SVG, or a structure that ends too early or contradicts itself.
    """
    for name, pattern, read in _READERS:
        if pattern.match(data):
            try:
                return read(data)
            except (struct.error, IndexError) as error:  # a field lies beyond the end of the file
                raise damaged(name) from error
    head = data[:4096].replace(b"\0", b"").lower()  # without NUL, UTF-16 text reads as ASCII
    if b"<svg" in head:
        raise InputError("SVG drawings are not read; export the drawing as PNG first.")
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis"):
        raise InputError("HEIC and AVIF pictures are not read; save the picture as JPEG or PNG first.")
    raise InputError("This is not an image that can be read; PNG, JPEG, WebP, BMP, TIFF and GIF can.")


def damaged(name: str) -> InputError:
    """The error for a file of a known format that cannot be read to its end."""
    return InputError(f"This {name} file is truncated or damaged and cannot be read.")


def _png(data: bytes) -> Container:
    width, height, bits = struct.unpack_from(">IIB", data, 16)
    kept, frames, orientation = [data[:8]], 1, 1
    position, kind = 8, b""
    while kind != b"IEND":
        (length,) = struct.unpack_from(">I", data, position)
        kind, end = data[position + 4 : position + 8], position + 12 + length
        if end > len(data):
            raise damaged("PNG")
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            kept.append(data[position:end])
        elif kind == b"acTL":
            (frames,) = struct.unpack_from(">I", data, position + 8)
        elif kind == b"eXIf":
            orientation = _orientation(data[position + 8 : end - 4])
        position = end
    return Container("PNG", b"".join(kept), width, height, frames, orientation, bits)


_JPEG_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})  # Huffman, arithmetic and quantisation tables, restart interval
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # not a stuffed byte, a restart or a filler


def _jpeg(data: bytes) -> Container:
    kept, seen = [data[:2]], set()
    width = height = scans = 0
    bits, orientation, position = 8, 1, 2
    while True:
        while data[position : position + 2] == b"\xff\xff":  # filler
            position += 1
        if data[position] != 0xFF:
            raise damaged("JPEG")
        marker = data[position + 1]
        if marker == 0xD9:
            kept.append(data[position : position + 2])
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        end = position + 2 + length
        if length < 2 or end > len(data):
            raise damaged("JPEG")
        if marker in _JPEG_FRAMES:
            if width:
                raise damaged("JPEG")  # a second frame header
            bits, height, width = struct.unpack_from(">BHH", data, position + 4)
        elif marker == 0xDA:
            scans += 1
            following = _JPEG_MARKER.search(data, end)
            if following is None:
                raise damaged("JPEG")
            end = following.start()
        elif marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0" and marker not in seen:
            orientation = _orientation(data[position + 10 : end])
            seen.add(marker)
        # JFIF and Adobe segments say how the colours are coded, so the first of each stays.
        header = marker in (0xE0, 0xEE) and marker not in seen
        if header:
            seen.add(marker)
        if header or marker in _JPEG_TABLES or marker in _JPEG_FRAMES or marker == 0xDA:
            kept.append(data[position:end])
        position = end
    if scans > MAX_SCANS:
        raise InputError(f"This JPEG file has {scans} scans; at most {MAX_SCANS} are decoded.")
    return Container("JPEG", b"".join(kept), width, height, 1, orientation, bits)


def _webp(data: bytes) -> Container:
    (length,) = struct.unpack_from("<I", data, 4)
    if 8 + length > len(data):
        raise damaged("WebP")
    kept = []
    width = height = frames = 0
    orientation, position = 1, 12
    while position + 8 <= 8 + length:
        kind = data[position : position + 4]
        (size,) = struct.unpack_from("<I", data, position + 4)
        start, end = position + 8, position + 8 + size + size % 2
        if start + size > 8 + length:
            raise damaged("WebP")
        chunk = data[position:end]
        if kind == b"VP8X":
            width = 1 + int.from_bytes(data[start + 4 : start + 7], "little")
            height = 1 + int.from_bytes(data[start + 7 : start + 10], "little")
            # Clear the flags of the colour profile, EXIF and XMP, which are left out.
            chunk = chunk[:8] + bytes([data[start] & ~0x2C & 0xFF]) + chunk[9:]
        elif kind == b"VP8 " and not width:
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, start + 6))
        elif kind == b"VP8L" and not width:
            (sides,) = struct.unpack_from("<I", data, start + 1)
            width, height = 1 + (sides & 0x3FFF), 1 + (sides >> 14 & 0x3FFF)
        elif kind == b"EXIF":
            exif = data[start : start + size]
            orientation = _orientation(exif.removeprefix(b"Exif\0\0"))
        frames += kind == b"ANMF"
        if kind in (b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"ANIM") or (kind == b"ANMF" and frames == 1):
            kept.append(chunk)
        position = end
    body = b"WEBP" + b"".join(kept)
    return Container("WebP", b"RIFF" + struct.pack("<I", len(body)) + body, width, height, max(frames, 1), orientation)


def _bmp(data: bytes) -> Container:
    (header,) = struct.unpack_from("<I", data, 14)
    if header == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
        (compression,) = struct.unpack_from("<I", data, 30)
        if compression not in (0, 3):
            # A run-length code can skip 255 lines in four bytes, which Pillow allocates before it looks at the size.
            raise InputError("Run-length coded BMP files are not read; save the picture as PNG first.")
    return Container("BMP", data, width, abs(height))


def _gif(data: bytes) -> Container:
    screen_width, screen_height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _gif_colours(flags)
    kept = [data[:position]]
    width = height = frames = 0
    control = b""
    while position < len(data) and data[position] != 0x3B:
        start = position
        if data[position] == 0x21:
            label = data[position + 1]
            position = _skip_gif_blocks(data, position + 2)
            if label == 0xF9:
                control = data[start:position]
        elif data[position] == 0x2C:
            left, top, frame_width, frame_height, flags = struct.unpack_from("<HHHHB", data, position + 1)
            position = _skip_gif_blocks(data, position + 11 + _gif_colours(flags))
            frames += 1
            if frames == 1:
                kept += [control, data[start:position]]
                if frame_width and frame_height:  # Pillow widens the screen to hold its frame
                    width, height = max(screen_width, left + frame_width), max(screen_height, top + frame_height)
        else:
            raise damaged("GIF")
    if not frames:
        raise damaged("GIF")
    return Container("GIF", b"".join(kept) + b";", width, height, frames)


def _gif_colours(flags: int) -> int:
    """Bytes of the colour table that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_gif_blocks(data: bytes, position: int) -> int:
    """The position after the chain of sub-blocks that starts here; IndexError where the file ends first."""
    while size := data[position]:
        position += 1 + size
    return position + 1


# TIFF: tag numbers of what a decoder needs; everything else (EXIF, XMP, layers, colour profiles) is left out.
_TIFF_KEPT = frozenset(
    {254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293}
    | {317, 320, 322, 323, 324, 325, 332, 338, 339, 347, 529, 530, 531, 532}
)
_TIFF_TYPES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_TIFF_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
# none, CCITT (three forms), LZW, JPEG, Deflate (two numbers), PackBits; LZMA and its like may ask for gigabytes
_TIFF_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946})


class _Tiff:
    """A reader of TIFF directories, classic or BigTIFF; every fault is a struct.error."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = {b"II": "<", b"MM": ">"}.get(data[:2], "")
        if not self.order:
            raise struct.error("no byte order")
        magic = self.read("H", 2)
        if magic not in (42, 43):
            raise struct.error("not a TIFF")
        self.big = magic == 43
        self.word = "Q" if self.big else "I"  # offsets and counts
        self.word_size = struct.calcsize(self.word)
        self.first = self.read(self.word, 8 if self.big else 4)

    def read(self, code: str, offset: int) -> int:
        value: int = struct.unpack_from(self.order + code, self.data, offset)[0]
        return value

    def _count(self, offset: int) -> tuple[int, int, int]:
        """How many entries, where the first stands, and the size of one."""
        return (self.read("Q", offset), offset + 8, 20) if self.big else (self.read("H", offset), offset + 2, 12)

    def entries(self, offset: int) -> dict[int, bytes]:
        """Raw entries by tag; where a tag comes twice, the first."""
        count, start, size = self._count(offset)
        if start + count * size > len(self.data):
            raise struct.error("directory beyond the end")
        found: dict[int, bytes] = {}
        for position in range(start, start + count * size, size):
            entry = self.data[position : position + size]
            found.setdefault(struct.unpack_from(self.order + "H", entry)[0], entry)
        return found

    def pages(self) -> int:
        """How many directories follow each other, at most `_MAX_FRAMES`; a chain that breaks off ends there."""
        seen: set[int] = set()
        offset = self.first
        while offset and offset not in seen and len(seen) < _MAX_FRAMES:
            seen.add(offset)
            try:
                count, start, size = self._count(offset)
                offset = self.read(self.word, start + count * size)
            except struct.error:
                break
        return len(seen)

    def value_bytes(self, entry: bytes) -> int:
        """The bytes that an entry's value takes."""
        kind, count = struct.unpack_from(self.order + "H" + self.word, entry, 2)
        return int(_TIFF_TYPES.get(kind, 1) * count)

    def number(self, entry: bytes | None, default: int) -> int:
        """The first number of an entry, stored inside it or where it points."""
        if entry is None:
            return default
        kind, inline = struct.unpack_from(self.order + "H", entry, 2)[0], 4 + self.word_size
        code = _TIFF_NUMBERS.get(kind)
        if code is None:
            raise struct.error("not a whole number")
        if self.value_bytes(entry) <= self.word_size:
            return int(struct.unpack_from(self.order + code, entry, inline)[0])
        return self.read(code, struct.unpack_from(self.order + self.word, entry, inline)[0])


def _tiff(data: bytes) -> Container:
    tiff = _Tiff(data)
    found = tiff.entries(tiff.first)
    kept = [entry for tag, entry in sorted(found.items()) if tag in _TIFF_KEPT]
    if sum(map(tiff.value_bytes, kept)) > _MAX_TIFF_TABLES:
        raise InputError("The tables of this TIFF file are larger than any picture needs; save it as PNG first.")
    if tiff.number(found.get(259), 1) not in _TIFF_COMPRESSIONS:
        raise InputError("The compression of this TIFF file is not read; save it with LZW, Deflate or none, or as PNG.")
    width, height = tiff.number(found.get(256), 0), tiff.number(found.get(257), 0)
    # A tile is allocated whole, also where it is larger than the picture.
    tile_width, tile_height = tiff.number(found.get(322), 0), tiff.number(found.get(323), 0)
    if tile_width * tile_height > _MAX_TILE:
        raise InputError(f"This TIFF file has tiles of {tile_width} x {tile_height} pixels; save it as PNG first.")
    # A new directory at the end, with the pixel tags only and no next page.
    data += b"\0" * (len(data) % 2)
    header = data[:4] + (data[4:8] if tiff.big else b"") + struct.pack(tiff.order + tiff.word, len(data))
    count = struct.pack(tiff.order + ("Q" if tiff.big else "H"), len(kept))
    slim = b"".join([header, data[len(header) :], count, *kept, bytes(tiff.word_size)])
    try:
        orientation = tiff.number(found.get(274), 1)
    except struct.error:
        orientation = 1
    return Container(
        "TIFF",
        slim,
        width,
        height,
        tiff.pages(),
        orientation if 1 <= orientation <= 8 else 1,
        tiff.number(found.get(258), 1),
        tiff.number(found.get(262), 1) == 0,
    )


def _orientation(exif: bytes) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or the block is broken."""
    try:
        tiff = _Tiff(exif)
        value = tiff.number(tiff.entries(tiff.first).get(274), 1)
    except struct.error:
        return 1
    return value if 1 <= value <= 8 else 1


def _readers() -> Iterator[tuple[str, re.Pattern[bytes], Callable[[bytes], Container]]]:
    yield "PNG", re.compile(rb"\x89PNG\r\n\x1a\n"), _png
    yield "JPEG", re.compile(rb"\xff\xd8\xff"), _jpeg
    yield "WebP", re.compile(rb"RIFF....WEBP", re.DOTALL), _webp
    yield "BMP", re.compile(rb"BM"), _bmp
    yield "TIFF", re.compile(rb"II[*+]\0|MM\0[*+]"), _tiff
    yield "GIF", re.compile(rb"GIF8[79]a"), _gif


_READERS = tuple(_readers())
