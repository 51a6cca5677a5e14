"""Picture files and ZIPs of them, to the end of what a page does with a picture before a network sees it."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from itertools import islice

import numpy as np
from PIL import Image

from core.data.incoming import from_file
from core.decoding import decoder
from core.decoding.window import Window, share_used, windowed
from core.images import decode, fit, to_png
from core.models.bundle import unpack
from tests.helpers.decoding import variants
from tests.helpers.decoding.files import encoded, photo, png
from tests.helpers.decoding.medical import dicom
from tests.helpers.fuzz.target import Target

_HEAD = b"\x89PNG\r\n\x1a\n"
_WINDOWS = (Window("stretch"), Window("percentiles", 1.0, 99.0), Window("values", -5.0, 300.0))


def read_picture(data: bytes) -> None:
    """Decode it, window it and fit it to a network; its parts must agree."""
    picture = decoder.decode(data, "grey")
    assert picture.pixels.dtype == np.uint8 and picture.pixels.shape == (picture.height, picture.width, 3)
    assert all(note and note == note.strip() for note in picture.notes) and len(picture.digest) == 32
    assert picture.levels is None or picture.levels.samples.shape == picture.pixels.shape[:2]
    if picture.width * picture.height > 100_000:
        return  # the rest takes what the size says, and is the same for all
    assert 0.0 <= share_used(picture) <= 1.0
    for window in _WINDOWS:
        assert windowed(picture, window).pixels.shape == picture.pixels.shape
    for mode in ("crop", "letterbox"):
        x = fit(picture.pixels, (3, 16, 24), mode)
        assert x.shape == (1, 3, 16, 24) and 0.0 <= float(x.min()) <= float(x.max()) <= 1.0
    assert to_png(x[0]).startswith(_HEAD)


def read_zip(data: bytes) -> None:
    """Walk through it; every entry comes with bytes or with a sentence."""
    for one in from_file(io.BytesIO(data), "a.zip", len(data)):
        assert one.path.startswith("a.zip") and not (one.data and one.error)


def read_bundle(data: bytes) -> None:
    """The card and the weights in a ZIP."""
    assert {*unpack(data)} == {".json", ".safetensors"}


def mended_png(data: bytes) -> bytes:
    """The chunks of a PNG with lengths and checksums that fit; other bytes as they are."""
    if not data.startswith(_HEAD):
        return data
    parts, at = [_HEAD], len(_HEAD)
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 8 : at + 8 + length]
        kind = data[at + 4 : at + 8]
        parts.append(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
        at += 12 + len(body)
    return b"".join(parts)


def _pngs() -> Iterator[bytes]:
    small = Image.fromarray(photo(9, 13))
    yield encoded(small, "PNG")
    yield encoded(small.convert("P"), "PNG", transparency=3)
    yield encoded(small.convert("RGBA"), "PNG", dpi=(72, 72))
    yield encoded(small, "PNG", save_all=True, append_images=[small.rotate(90)])
    yield png(2, 2, 16, 4, b"\0" + b"\1\2\3\4" * 2 + b"\1" + b"\4\3\2\1" * 2)
    yield png(8, 2, 1, 0, b"\0\xaa\4\x55")


def _tiffs() -> Iterator[bytes]:
    sources = (variants.colour_tiffs, variants.packed_tiffs, variants.grey_tiffs)
    for source, every in zip(sources, (7, 9, 31), strict=True):
        yield from (one.data for one in islice(source(np.random.default_rng(0)), 0, 62, every))


def _others() -> Iterator[bytes]:
    small, exif = Image.fromarray(photo(9, 13)), Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "WEBP", "BMP", "GIF"):
        yield encoded(small, kind)
    yield encoded(small, "JPEG", exif=exif, icc_profile=_profile())
    yield encoded(small.convert("CMYK"), "JPEG")
    yield encoded(small.convert("L"), "JPEG", progressive=True)
    yield encoded(small.convert("RGBA"), "WEBP", lossless=True)
    yield encoded(small, "GIF", save_all=True, append_images=[small.rotate(180)])
    yield encoded(small, "MPO", save_all=True, append_images=[small])
    yield from (b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", bytes(300))


def _profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def _dicoms() -> Iterator[bytes]:
    grey = np.arange(54, dtype=np.uint16).reshape(6, 9) * 70
    yield dicom(grey, WindowCenter=40, WindowWidth=400, RescaleSlope=1, RescaleIntercept=-1024)
    yield dicom(grey.astype(np.int16) - 900, stored=16, WindowCenter=["40", "80"], WindowWidth=["400", "9"])
    yield dicom(photo(6, 8), stored=8)
    yield dicom(grey, syntax="RLELossless")
    yield dicom(grey, syntax="ExplicitVRBigEndian", NumberOfFrames=1)
    yield dicom(grey, syntax="ImplicitVRLittleEndian", PhotometricInterpretation="MONOCHROME1")


def _heics() -> Iterator[bytes]:
    import pillow_heif

    pillow_heif.register_heif_opener()
    for image in (Image.fromarray(photo(64, 64)), Image.fromarray(photo(64, 64)).convert("RGBA")):
        yield encoded(image, "HEIF", quality=30)


def _zips() -> Iterator[bytes]:
    picture = encoded(Image.fromarray(photo(4, 5)), "PNG")
    names = ("cat/a.png", "cat/.hidden.png", "__MACOSX/b.png", "../c.png", "dog\\d.PNG", "model.json")
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", packing) as archive:
            for name in names:
                archive.writestr(name, picture)
            archive.writestr("model.safetensors", bytes(range(40)))
            archive.comment = b"a comment"
        yield out.getvalue()


_PICTURE = partial(Target, call=read_picture, apart=decode)
TARGETS = (
    _PICTURE("png", "PNG pictures", _pngs, mend=mended_png),
    _PICTURE("tiff", "TIFF pictures", _tiffs),
    _PICTURE("picture", "JPEG, WebP, BMP and GIF pictures", _others),
    _PICTURE("dicom", "DICOM pictures", _dicoms),
    _PICTURE("heic", "HEIC pictures", _heics),
    Target("zip", "ZIPs of pictures", _zips, read_zip),
    Target("bundle", "ZIPs of a card and weights", _zips, read_bundle),
)
