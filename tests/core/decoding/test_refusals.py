"""Hostile and damaged files end as a checked picture or as one sentence, and cost little."""

import random
import struct
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile

from core.decoding import decoder
from core.errors import ConfigError, InputError
from core.images import MAX_BYTES, decode, fit
from tests.helpers.decoding.files import RED, bomb, chunk, encoded, photo, png, quiet, refusal, tiff

pytestmark = pytest.mark.slow


@pytest.fixture
def no_decoding(monkeypatch):
    def fail(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WebP"])
def test_a_small_file_that_claims_81_megapixels_is_refused_before_decoding(kind, no_decoding):
    data = bomb(kind, 9000, 9000)
    assert len(data) < 12_000
    Image.init()  # the plugins' modules are no part of what the file costs
    tracemalloc.start()
    try:
        assert "81.0 megapixels" in refusal(data, here=True)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_gif_frame_larger_than_its_screen_is_refused_before_decoding(no_decoding):
    data = encoded(Image.new("L", (8, 8)), "GIF")
    at = data.index(b"\x2c\0\0\0\0") + 5
    assert "megapixels" in refusal(data[:at] + struct.pack("<HH", 60000, 60000) + data[at + 4 :], here=True)


def test_over_20_megabytes_is_refused():
    data = encoded(Image.fromarray(photo()), "PNG")
    assert "20.0 MB" in refusal(data + bytes(MAX_BYTES + 1 - len(data)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WebP"])
def test_truncated_files_are_refused(kind):
    data = encoded(Image.fromarray(photo()), kind)
    for share in (0.3, 0.6, 0.9):
        assert "truncated or damaged" in refusal(data[: int(len(data) * share)])


def test_a_progressive_jpeg_cut_between_two_scans_is_refused():
    data = encoded(Image.fromarray(photo()), "JPEG", progressive=True)
    assert "truncated" in refusal(data[: data.rindex(b"\xff\xda")])


@pytest.mark.parametrize(("width", "height"), [(39_000_000, 1), (1, 30_001), (1_001, 1), (30_001, 100)])
def test_a_thin_picture_is_refused_before_decoding_and_before_fitting(no_decoding, width, height):
    """39 kB of 40,000,000 x 1 pixels took 2 GB and 7 s to letterbox."""
    data = png(width, height, 1, 0, b"\0" * (height * (1 + (width + 7) // 8)))
    assert len(data) < 45_000
    found = refusal(data, here=True)
    assert "too thin" in found or "a side may have 30,000" in found
    with pytest.raises(InputError, match=r"too thin|a side may"):
        fit(np.broadcast_to(np.uint8(7), (height, width, 3)), (1, 28, 28), "letterbox")


def test_a_head_of_a_jpeg_that_leads_nowhere_is_refused_at_once():
    """Pillow steps over fill bytes and tiny segments one by one: 20 MB of them took ten seconds."""
    whole = encoded(Image.fromarray(photo()), "JPEG")
    heads = {
        "fill bytes": b"\xff" * 19_000_000,
        "other bytes": b"\0" * 19_000_000,
        "tiny segments": b"\xff\xe1\0\2" * 4_700_000,
        "empty markers": b"\xff\xd0" * 9_000_000,
        "a length beyond the end": b"\xff\xe1\xff\xff",
    }
    start = time.process_time()
    for name, junk in heads.items():
        assert "JPEG" in refusal(whole[:2] + junk + whole[2:1000], here=True), name
        assert "JPEG" in refusal(whole[: whole.index(b"\xff\xda")] + junk + whole[-1000:], here=True), name
    assert time.process_time() - start < 2
    for junk in (b"\xff" * 5, b"\0\0\0", b"\xff\xe1\0\4ab" * 300):  # cameras and editors write such
        np.testing.assert_array_equal(decode(whole[:20] + junk + whole[20:]).pixels, decode(whole).pixels)
    assert "no frame header" in refusal(whole[:2] + whole[whole.index(b"\xff\xda") :], here=True)


def test_a_png_of_millions_of_pieces_is_refused_at_once():
    whole = encoded(Image.fromarray(photo()), "PNG")
    start = time.process_time()
    assert "pieces" in refusal(whole[:33] + chunk(b"teXt", b"") * 1_600_000 + whole[33:], here=True)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b'<?xml version="1.0"?>\n<!-- drawn -->\n'])
def test_svg_is_named(mark):
    drawing = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    assert "SVG" in refusal(mark + drawing.encode())
    assert "SVG" in refusal(drawing.encode("utf-16"))


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04" + bytes(60),
        b"%PDF-1.7\n1 0 obj",
        b"<!doctype html><html><body>no</body></html>",
        b"\x1f\x8b\x08\x00" + bytes(30),
        b"a few words",
        random.Random(0).randbytes(5000),
        b"\0",
    ],
)
def test_what_is_no_image_is_refused(data):
    assert "not an image" in refusal(data)


def test_other_sentences():
    assert refusal(b"") == "The file is empty."
    assert "HEIC sequences" in refusal(b"\0\0\0\x18ftypmsf1" + bytes(20))
    assert "AVIF" in refusal(b"\0\0\0\x1cftypavif" + bytes(24))
    assert "not an image" in refusal(png(0, 5, 8, 2, b""))
    assert "not an image" in refusal(bomb("GIF", 0, 0).replace(b"\x08\0\x08\0", bytes(4)))
    assert "far more than 40 megapixels" in refusal(bomb("JPEG", 60_000, 60_000))  # Pillow refuses these itself
    with pytest.raises(ConfigError, match="background"):
        decode(b"", "pink")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_float_tiff_that_is_not_finite_is_refused(bad):
    levels = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    levels[3, 4] = bad
    assert "not finite" in refusal(encoded(Image.fromarray(levels), "TIFF"))


def test_a_jpeg_with_thousands_of_scans_is_refused(no_decoding):
    data = encoded(Image.fromarray(photo()), "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    assert "scans" in refusal(data[:at] + data[at:-2] * 1000 + data[-2:], here=True)


def test_run_length_bmp_and_odd_tiff_compression_tiles_and_strips_are_refused(no_decoding):
    plain = encoded(Image.new("L", (8, 8)), "BMP")
    assert "Run-length" in refusal(plain[:30] + struct.pack("<I", 1) + plain[34:], here=True)
    tags = {256: (4, 1, 8), 257: (4, 1, 8), 258: (3, 1, 8), 262: (3, 1, 1), 273: (4, 1, 8), 279: (4, 1, 64)}
    assert "compression" in refusal(tiff(tags | {259: (3, 1, 34925)}, bytes(64)), here=True)
    assert "tiles" in refusal(tiff(tags | {322: (4, 1, 60000), 323: (4, 1, 60000)}, bytes(64)), here=True)
    assert "strips" in refusal(tiff(tags | {273: (4, 200_001, 8)}, bytes(4 * 200_001)), here=True)


def samples() -> dict[str, bytes]:
    image, exif = Image.fromarray(photo(20, 24)), Image.Exif()
    exif[0x0112] = 6
    frames = {"save_all": True, "append_images": [Image.new("RGB", (24, 20), RED)]}
    return {
        "png": encoded(image, "PNG", exif=exif),
        "palette": encoded(image.quantize(16), "PNG", transparency=3),
        "deep": encoded(Image.fromarray(photo(20, 24)[..., 0].astype(np.uint16) * 200), "PNG"),
        "jpeg": encoded(image, "JPEG", exif=exif),
        "progressive": encoded(image, "JPEG", progressive=True),
        "cmyk": encoded(image.convert("CMYK"), "JPEG"),
        "webp": encoded(image, "WebP", exif=exif),
        "animated": encoded(image.convert("RGBA"), "WebP", lossless=True, **frames),
        "bmp": encoded(image, "BMP"),
        "tiff": encoded(image, "TIFF", compression="tiff_lzw", exif=exif),
        "float": encoded(image.convert("F"), "TIFF"),
        "big": encoded(image, "TIFF", compression="tiff_adobe_deflate", big_tiff=True, **frames),
        "gif": encoded(image, "GIF", **frames),
    }


@quiet
@pytest.mark.parametrize("name", samples())
def test_damaged_files_give_a_valid_picture_or_a_sentence(name):
    """150 seeded variants a file: flipped bytes (half of them in the header), cut ends, doubled and moved pieces."""
    whole, rng = samples()[name], random.Random(name)
    outcomes = {"picture": 0, "sentence": 0}
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(min(len(data), 120) if rng.random() < 0.5 else len(data))] = rng.randrange(256)
        if rng.random() < 0.3:
            del data[rng.randrange(len(data)) :]
        if rng.random() < 0.2:
            at, size = rng.randrange(len(data) + 1), rng.randint(1, 40)
            data[at:at] = data[at : at + size]
        try:
            picture = decoder.decode(bytes(data))
        except InputError:
            outcomes["sentence"] += 1
        else:
            assert picture.pixels.dtype == np.uint8
            assert picture.pixels.shape == (picture.height, picture.width, 3)
            outcomes["picture"] += 1
    assert outcomes["sentence"] > 0


def test_eight_threads_decode_the_same_as_one():
    files = [*samples().values(), b"\x89PNG\r\n\x1a\n", b""]

    def digest(data: bytes) -> str:
        try:
            return decode(data).digest
        except InputError as error:
            return str(error)

    alone = [digest(data) for data in files]
    gate = threading.Barrier(8)

    def work(_: int) -> list[str]:
        gate.wait()
        return [digest(data) for _ in range(3) for data in files]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [alone * 3] * 8


def test_pillows_globals_stay_as_they_are():
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    decoder.decode(samples()["png"])
    refusal(bomb("PNG", 9000, 9000), here=True)
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
