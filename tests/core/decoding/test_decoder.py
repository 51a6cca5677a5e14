"""What decodes comes upright, opaque, in 8 bits and RGB, and says what was changed."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from core.images import decode
from tests.helpers.decoding.files import BLUE, CORNERS, GREEN, RED, WHITE, chunk, encoded, photo, png, quiet, tiff


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
    picture = decode(encoded(Image.new("RGB", (900, 1), RED), "PNG"))
    assert picture.notes == ("The picture is very long and thin (900 × 1 pixels).",)


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
