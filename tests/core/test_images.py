"""Hostile and unusual files end as a checked picture or as one sentence; fitting shows exactly what was asked for."""

import io
import random
import struct
import threading
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile
from torch.testing import assert_close

from core.errors import ConfigError, InputError
from core.images import MAX_BYTES, decode, fit, from_uint8, to_png

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
CORNERS = np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8).repeat(16, 0).repeat(24, 1)  # 32 rows, 48 columns


quiet = pytest.mark.filterwarnings("ignore:::PIL")  # Pillow's remarks on files that are broken on purpose


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format=kind, **options)
    return out.getvalue()


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


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode(data)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message
    return message


# --- what decodes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WebP"])
def test_lossless_formats_keep_every_pixel(kind):
    picture = decode(encoded(Image.fromarray(photo()), kind, **({"lossless": True} if kind == "WebP" else {})))
    assert (picture.format, picture.width, picture.height, picture.notes) == (kind, 56, 40, ())
    np.testing.assert_array_equal(picture.pixels, photo())


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}])
def test_jpeg_equals_what_pillow_decodes(options):
    data = encoded(Image.fromarray(photo()), "JPEG", quality=95, comment=b"text", **options)
    np.testing.assert_array_equal(decode(data).pixels, np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
@pytest.mark.parametrize("big", [False, True])
def test_compressed_and_big_tiff_equal_what_pillow_decodes(compression, big):
    data = encoded(Image.fromarray(photo()), "TIFF", compression=compression, big_tiff=big)
    np.testing.assert_array_equal(decode(data).pixels, np.asarray(Image.open(io.BytesIO(data))))


ORIENTED = {  # orientation: what stands at the top left, the top right and the bottom left once upright
    1: (RED, GREEN, BLUE),
    2: (GREEN, RED, WHITE),
    3: (WHITE, BLUE, GREEN),
    4: (BLUE, WHITE, RED),
    5: (RED, BLUE, GREEN),
    6: (BLUE, RED, WHITE),
    7: (WHITE, GREEN, BLUE),
    8: (GREEN, WHITE, RED),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF"])
@pytest.mark.parametrize("orientation", ORIENTED)
def test_exif_orientation_brings_each_corner_to_its_place(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a description longer than four bytes"
    options = {"lossless": True} if kind == "WebP" else {"subsampling": 0, "quality": 100} if kind == "JPEG" else {}
    picture = decode(encoded(Image.fromarray(CORNERS), kind, exif=exif, **options))
    found = picture.pixels[2, 2], picture.pixels[2, -3], picture.pixels[-3, 2]
    assert np.abs(np.array(found, int) - np.array(ORIENTED[orientation])).max() <= 3
    assert (picture.width, picture.height) == ((48, 32) if orientation < 5 else (32, 48))
    assert any("EXIF" in note for note in picture.notes) == (orientation != 1)


@quiet
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
@pytest.mark.parametrize(
    "exif", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff\x01\x12", b"nonsense"]
)
def test_broken_exif_does_not_refuse_a_good_picture(kind, exif):
    picture = decode(encoded(Image.fromarray(photo()), kind, exif=b"Exif\0\0" + exif))
    assert (picture.width, picture.height, picture.notes) == (56, 40, ())


@quiet
def test_a_turn_is_made_though_the_rest_of_the_exif_block_is_broken():
    broken = tiff({0x0112: (3, 1, 6), 0x010E: (2, 5000, 8), 0x8769: (4, 1, 9999), 0x9286: (5, 1, 8)}, bytes(8))
    picture = decode(encoded(Image.fromarray(photo()), "PNG", exif=broken))
    np.testing.assert_array_equal(picture.pixels, np.rot90(photo(), -1))
    assert "EXIF" in picture.notes[0]


def test_a_compressed_tiff_is_turned_once():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(photo()), "TIFF", compression="tiff_lzw", exif=exif)
    np.testing.assert_array_equal(decode(data).pixels, np.rot90(photo(), -1))


def test_the_jpeg_of_a_phone_that_holds_more_pictures_is_a_jpeg():
    more = {"save_all": True, "append_images": [Image.new("RGB", (20, 10), RED)], "quality": 100, "subsampling": 0}
    data = encoded(Image.fromarray(photo()), "MPO", **more)
    picture = decode(data)
    assert (picture.format, picture.notes) == ("JPEG", ())
    assert np.abs(picture.pixels.astype(int) - photo()).max() < 8


def test_sixteen_bit_grey_is_scaled_linearly_and_not_clipped():
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.rint(ramp / 257.0)
    for kind in ("PNG", "TIFF"):
        picture = decode(encoded(Image.fromarray(ramp), kind))
        np.testing.assert_array_equal(picture.pixels[..., 0], expected)
        assert picture.notes == ("The 16-bit samples were scaled to 8 bits.",)


def test_sixteen_bit_grey_tiff_where_zero_is_white():
    levels = np.array([[0, 65535], [25700, 257]], "<u2")
    tags = {256: (3, 1, 2), 257: (3, 1, 2), 258: (3, 1, 16), 259: (3, 1, 1), 262: (3, 1, 0)}
    data = tiff(tags | {273: (4, 1, 8), 277: (3, 1, 1), 278: (3, 1, 2), 279: (4, 1, 8)}, levels.tobytes())
    np.testing.assert_array_equal(decode(data).pixels[..., 0], [[255, 0], [155, 254]])


def test_sixteen_bit_colour_png_is_not_clipped():
    levels = np.array([[0, 32768, 65535], [255, 256, 1000]], ">u2")
    picture = decode(png(2, 1, 16, 2, b"\0" + levels.tobytes()))
    assert np.abs(picture.pixels[0] - levels / 257.0).max() < 1
    assert picture.notes == ("The 16-bit samples were reduced to 8 bits.",)


def test_float_tiff_in_the_unit_range_is_scaled_and_others_are_stretched():
    unit = np.array([[0.0, 0.2], [0.6, 0.8]], np.float32)
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(unit), "TIFF")).pixels[..., 0], [[0, 51], [153, 204]])
    wide = decode(encoded(Image.fromarray(unit * 1e30 - 5), "TIFF"))
    np.testing.assert_array_equal(wide.pixels[..., 0], [[0, 64], [191, 255]])
    assert "stretched" in wide.notes[0]
    numbers = decode(encoded(Image.fromarray(np.array([[-100, 100], [0, 50]], np.int32)), "TIFF"))
    np.testing.assert_array_equal(numbers.pixels[..., 0], [[0, 255], [128, 191]])


@pytest.mark.parametrize(("background", "level"), [("white", 255), ("black", 0), ("grey", 128)])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_composited_and_hidden_colours_stay_hidden(mode, background, level):
    if mode == "P":
        image = Image.fromarray(np.array([[0, 1]], np.uint8))
        image.putpalette([255, 0, 255, 10, 20, 30])
        data = encoded(image, "PNG", transparency=b"\x00\xff")
        opaque = (10, 20, 30)
    else:
        rgba = np.array([[[255, 0, 255, 0], [77, 77, 77, 255]]], np.uint8)
        data = encoded(Image.fromarray(rgba).convert(mode), "PNG")
        opaque = (77, 77, 77)
    picture = decode(data, background)
    np.testing.assert_array_equal(picture.pixels[0], [(level,) * 3, opaque])
    assert picture.notes == (f"Transparent parts were filled with {background}.",)


def test_half_transparent_is_the_mean_and_opaque_alpha_is_not_mentioned():
    rgba = np.array([[[200, 100, 0, 128]]], np.uint8)
    assert (
        np.abs(decode(encoded(Image.fromarray(rgba), "PNG"), "black").pixels[0, 0] - np.array([100, 50, 0.0])).max()
        <= 1
    )
    rgba[..., 3] = 255
    assert decode(encoded(Image.fromarray(rgba), "PNG")).notes == ()


@pytest.mark.parametrize(
    ("bits", "row", "key", "expected"),
    [
        (1, b"\x40", 1, [0, 128]),  # levels 0 and 1
        (2, b"\x60", 1, [128, 170]),  # levels 1 and 2 of 3
        (4, b"\x5a", 5, [128, 170]),  # levels 5 and 10 of 15
        (8, b"\x05\xaa", 5, [128, 170]),
        (16, b"\x05\x00\xaa\xaa", 0x500, [128, 170]),
    ],
)
def test_a_transparent_grey_level_is_read_in_the_files_own_depth(bits, row, key, expected):
    picture = decode(png(2, 1, bits, 0, b"\0" + row, chunk(b"tRNS", struct.pack(">H", key))), "grey")
    np.testing.assert_array_equal(picture.pixels[0, :, 0], expected)


def test_cmyk_keeps_its_colours():
    """A plain CMYK TIFF and an Adobe JPEG, which stores its inks inverted, show the same red and near-black."""
    inks = Image.fromarray(np.array([[[0, 255, 255, 0], [0, 0, 0, 240]]], np.uint8).repeat(16, 0).repeat(16, 1), "CMYK")
    for data in (encoded(inks, "TIFF"), encoded(inks, "JPEG", quality=100, subsampling=0)):
        picture = decode(data)
        assert np.abs(picture.pixels[8, [4, 28]].astype(int) - [RED, (15, 15, 15)]).max() <= 4
        assert picture.notes == ("The colours were converted from CMYK to RGB.",)


def test_one_bit_and_lab_and_ycbcr():
    bits = Image.fromarray(np.array([[0, 255, 255]], np.uint8)).convert("1")
    for kind in ("PNG", "TIFF", "BMP"):
        np.testing.assert_array_equal(decode(encoded(bits, kind)).pixels[0, :, 1], [0, 255, 255])
    lab = decode(encoded(Image.new("LAB", (2, 2), (255, 128, 128)), "TIFF"))
    assert lab.pixels.min() >= 250
    ycbcr = Image.new("YCbCr", (16, 16), (76, 85, 255))  # Rec. 601 red
    assert np.abs(decode(encoded(ycbcr, "TIFF")).pixels.astype(int) - RED).max() <= 3


@pytest.mark.parametrize("kind", ["GIF", "WebP", "PNG", "TIFF"])
def test_the_first_frame_is_shown_and_said_to_be_the_first(kind):
    frames = [Image.new("RGB", (20, 10), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "WebP" else {}
    picture = decode(encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    np.testing.assert_array_equal(picture.pixels, np.full((10, 20, 3), RED))
    assert picture.notes == ("Only the first of several frames is shown.",)


def test_transparent_gif():
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([0, 255, 0, 10, 20, 30])
    np.testing.assert_array_equal(decode(encoded(image, "GIF", transparency=0)).pixels[0], [WHITE, (10, 20, 30)])


def test_a_long_thin_picture_is_read_and_said_to_be_so():
    picture = decode(encoded(Image.new("RGB", (3000, 1), RED), "PNG"))
    assert picture.notes == ("The picture is very long and thin (3000 x 1 pixels).",)


def test_pixels_cannot_be_changed_and_the_digest_sees_one_level():
    before, after = photo(), photo()
    after[20, 30, 1] ^= 1
    first, second = (decode(encoded(Image.fromarray(pixels), "PNG")) for pixels in (before, after))
    assert first.digest != second.digest
    assert first.digest == decode(encoded(Image.fromarray(before), "BMP")).digest
    assert len(first.digest) == 32
    turned = decode(encoded(Image.fromarray(np.zeros((2, 8, 3), np.uint8)), "PNG"))
    assert turned.digest != decode(encoded(Image.fromarray(np.zeros((8, 2, 3), np.uint8)), "PNG")).digest
    with pytest.raises(ValueError, match="read-only"):
        first.pixels[0, 0, 0] = 0


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.fixture
def no_decoding(monkeypatch):
    def fail(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)


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


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WebP"])
def test_a_small_file_that_claims_81_megapixels_is_refused_before_decoding(kind, no_decoding):
    data = bomb(kind, 9000, 9000)
    assert len(data) < 12_000
    Image.init()  # the plugins' modules are no part of what the file costs
    tracemalloc.start()
    try:
        assert "81.0 megapixels" in refusal(data)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_gif_frame_larger_than_its_screen_is_refused_before_decoding(no_decoding):
    data = encoded(Image.new("L", (8, 8)), "GIF")
    at = data.index(b"\x2c\0\0\0\0") + 5
    assert "megapixels" in refusal(data[:at] + struct.pack("<HH", 60000, 60000) + data[at + 4 :])


def test_over_20_megabytes_is_refused(no_decoding):
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
    assert "HEIC" in refusal(b"\0\0\0\x18ftypheic" + bytes(20))
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
    assert "scans" in refusal(data[:at] + data[at:-2] * 1000 + data[-2:])


def test_run_length_bmp_and_odd_tiff_compression_tiles_and_strips_are_refused(no_decoding):
    plain = encoded(Image.new("L", (8, 8)), "BMP")
    assert "Run-length" in refusal(plain[:30] + struct.pack("<I", 1) + plain[34:])
    tags = {256: (4, 1, 8), 257: (4, 1, 8), 258: (3, 1, 8), 262: (3, 1, 1), 273: (4, 1, 8), 279: (4, 1, 64)}
    assert "compression" in refusal(tiff(tags | {259: (3, 1, 34925)}, bytes(64)))
    assert "tiles" in refusal(tiff(tags | {322: (4, 1, 60000), 323: (4, 1, 60000)}, bytes(64)))
    assert "strips" in refusal(tiff(tags | {273: (4, 200_001, 8)}, bytes(4 * 200_001)))


# --- anything at all --------------------------------------------------------------------------------------------------


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
            picture = decode(bytes(data))
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
    decode(samples()["png"])
    refusal(bomb("PNG", 9000, 9000))
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


# --- fitting ----------------------------------------------------------------------------------------------------------


def test_a_picture_of_the_right_size_passes_through_exactly():
    pixels = photo(32, 32)
    expected = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
    for mode in ("crop", "letterbox"):
        assert torch.equal(fit(pixels, (3, 32, 32), mode), expected)
    grey = np.repeat(pixels[:, :, :1], 3, axis=2)
    assert torch.equal(fit(grey, (1, 32, 32)), expected[:, :1])


def test_crop_keeps_the_centred_square():
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = photo(20, 20)
    assert torch.equal(fit(pixels, (3, 20, 20)), fit(photo(20, 20), (3, 20, 20)))
    assert torch.equal(fit(pixels.transpose(1, 0, 2).copy(), (3, 20, 20)).transpose(2, 3), fit(pixels, (3, 20, 20)))


def test_letterbox_centres_the_whole_picture_on_the_background():
    x = fit(np.full((10, 40, 3), 255, np.uint8), (3, 32, 32), "letterbox", background=0.3)
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[12:20] = True
    assert (x[..., inside] == 1).all()
    assert (x[..., ~inside] == torch.tensor(0.3)).all()


def test_invert_turns_the_picture_and_not_the_background():
    pixels = np.full((10, 20, 3), 51, np.uint8)
    x = fit(pixels, (1, 20, 20), "letterbox", background=0.0, invert=True)
    assert_close(x[0, 0, 5:15], torch.full((10, 20), 0.8), rtol=0, atol=1e-7)
    assert (x[0, 0, :5] == 0).all()
    assert (x[0, 0, 15:] == 0).all()
    plain = fit(photo(), (1, 28, 28))
    assert_close(fit(photo(), (1, 28, 28), invert=True), 1 - plain, rtol=0, atol=1e-6)


def test_grey_is_rec_601_luma():
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28, 3)).astype(np.uint8)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    levels = fit(pixels, (1, 28, 28))[0, 0].numpy() * 255
    assert np.abs(levels - luma).max() <= 0.502  # rounded to 8 bits
    pure = np.array([[RED, GREEN, BLUE]], np.uint8)
    assert_close(fit(pure, (1, 1, 3)) * 255, torch.tensor([[[[76.0, 150.0, 29.0]]]]))


def test_shrinking_is_antialiased():
    """A one-pixel checkerboard becomes flat grey; picking pixels would leave it black or white."""
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    x = fit(np.repeat(board[..., None], 3, 2), (1, 32, 32))
    assert (x - 0.5).abs().max() < 0.05


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (1, 1)])
@pytest.mark.parametrize("mode", ["crop", "letterbox"])
def test_extreme_shapes_fit(size, mode):
    x = fit(np.full((*size, 3), 200, np.uint8), (3, 32, 32), mode)
    assert x.shape == (1, 3, 32, 32)
    assert_close(x.max(), torch.tensor(200 / 255))


def test_impossible_settings_are_named():
    pixels = photo()
    with pytest.raises(ConfigError, match="shape"):
        fit(pixels, (2, 32, 32))
    with pytest.raises(ConfigError, match="mode"):
        fit(pixels, (3, 32, 32), "stretch")
    with pytest.raises(ConfigError, match="background"):
        fit(pixels, (3, 32, 32), background=float("nan"))
    with pytest.raises(InputError, match="pixels"):
        fit(pixels[..., 0], (3, 32, 32))
    with pytest.raises(InputError, match="pixels"):
        fit(pixels / 255, (3, 32, 32))


# --- back to PNG ------------------------------------------------------------------------------------------------------


def test_png_repeats_each_pixel():
    pixels = photo(5, 7)
    for image in (pixels, fit(pixels, (3, 5, 7))[0]):
        np.testing.assert_array_equal(decode(to_png(image, 3)).pixels, pixels.repeat(3, 0).repeat(3, 1))
    grey = torch.tensor([[[0.0, 1.0], [-4.0, 9.0]]])
    np.testing.assert_array_equal(decode(to_png(grey)).pixels[..., 0], [[0, 255], [0, 255]])


def test_png_refuses_what_is_no_image():
    for bad in (torch.zeros(2, 4, 4), torch.zeros(1, 3, 4, 4), torch.full((3, 4, 4), torch.nan), np.zeros((4, 4), int)):
        with pytest.raises(InputError):
            to_png(bad)
    for scale in (0, 100_000):
        with pytest.raises(ConfigError, match="scale"):
            to_png(torch.zeros(3, 4, 4), scale)


def test_from_uint8_moves_the_channels_and_divides():
    batch = np.stack([photo(4, 6), 255 - photo(4, 6)])
    x = from_uint8(batch)
    assert x.shape == (2, 3, 4, 6)
    assert x[1, 2, 3, 5] == torch.tensor(batch[1, 3, 5, 2] / 255, dtype=torch.float32)
    assert torch.equal(from_uint8(batch[..., 0]), x[:, :1])
    with pytest.raises(InputError):
        from_uint8(batch.astype(np.float32))
