"""What the first bytes of a file say, looked at before a decoder that may be slow sees them."""

import re

from core.errors import InputError

_MAX_SEGMENTS = 5_000  # before a JPEG's first scan; a photograph with profiles and previews has a few hundred
_MAX_FILL = 1_000  # bytes FF before a marker; Pillow steps over them one by one, 20 MB of them in ten seconds
_MAX_SCANS = 100  # of a JPEG; a progressive one has about ten
_MAX_CHUNKS = 100_000  # of a PNG; 20 MB in pieces of 1 kB are 20,000
_JPEG_SCAN = re.compile(rb"\xff\xda\0[\x08\x0a\x0c\x0e][\1-\4]")  # a scan's header; the bare marker occurs in videos
_FILL = re.compile(rb"\xff+")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the markers of a frame; the three are tables
_ALONE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})  # markers without a length

HEADS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF87a", b"GIF89a")


HEAD = 132  # bytes that tell
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"mif1")  # brands of still pictures; msf1, hevc and hevx are sequences


def looks_like_picture(head: bytes) -> bool:
    """Whether a file that begins so (`HEAD` bytes) says that it is of one of the formats."""
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith(HEADS) or webp or is_dicom(head) or is_heic(head)


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins so says that it is DICOM."""
    return head[128:132] == b"DICM"


def is_heic(head: bytes) -> bool:
    """Whether a file that begins so says that it is a HEIC still."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC and b"avif" not in head[16:64]


def check_jpeg(data: bytes) -> None:
    """Find the frame header of a JPEG by its segments' lengths, and count its scans.

    Raises:
        InputError: no frame header before the first scan, thousands of segments or fill bytes, or too many scans.
    """
    at, framed = 2, False
    for _ in range(_MAX_SEGMENTS):
        fill = _FILL.search(data, at, at + _MAX_FILL)  # some cameras leave other bytes between segments, too
        if fill is None or fill.end() in (at + _MAX_FILL, len(data)):
            raise InputError("This JPEG file is truncated or damaged: its header leads nowhere.")
        marker, at = data[fill.end()], fill.end() + 1
        framed = framed or marker in _FRAMES
        if marker == 0xDA:
            break
        if marker not in _ALONE:
            at += int.from_bytes(data[at : at + 2], "big")
    else:
        raise InputError(f"This JPEG file has more than {_MAX_SEGMENTS:,} segments before its picture begins.")
    if not framed:
        raise InputError("This JPEG file is truncated or damaged: it has no frame header.")
    # Each scan costs a pass over the whole picture, and takes only a few bytes.
    if sum(1 for _ in zip(_JPEG_SCAN.finditer(data), range(_MAX_SCANS + 1), strict=False)) > _MAX_SCANS:
        raise InputError(f"This JPEG file has more than {_MAX_SCANS} scans.")


def check_png(data: bytes) -> None:
    """Count the chunks of a PNG: Pillow reads them one by one.

    Raises:
        InputError: there are more than any picture needs.
    """
    at = 8
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            return
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    raise InputError(f"This PNG file has more than {_MAX_CHUNKS:,} pieces; save it again.")
