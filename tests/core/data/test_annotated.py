"""Pictures with boxes or masks: Tiny ImageNet's layout, pasted garments, and folders of one's own."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from core.data import cifar10, datasets, pasted, tiny20
from core.data.annotated import load_annotated_folder
from core.data.datasets import LabelledImages
from core.data.galleries import gallery
from core.data.tasks import CIFAR10, FASHION_MNIST, PASTED, TINY20
from core.errors import InputError
from core.training.augment import Augmentation

PER_CLASS = 52  # 1,040 training pictures, of which 500 and 500 are set apart


@pytest.fixture(scope="module")
def tiny_files(tmp_path_factory):
    """Tiny ImageNet's layout: a white box on grey where the annotation says, and strangers in the validation list."""
    root = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(0)

    def picture(path, grey):
        left, top = rng.integers(0, 40, 2)
        right, bottom = left + rng.integers(0, 24), top + rng.integers(0, 24)
        pixels = np.full((64, 64, 3), 100, np.uint8)
        pixels[top : bottom + 1, left : right + 1] = 250
        image = Image.fromarray(pixels)
        (image.convert("L") if grey else image).save(path, "PNG")  # named .JPEG; the content decides
        return f"{left}\t{top}\t{right}\t{bottom}"

    base = root / tiny20.FOLDER
    for wnid in tiny20.WNIDS:
        (base / "train" / wnid / "images").mkdir(parents=True)
        lines = []
        for index in range(PER_CLASS):
            name = f"{wnid}_{index}.JPEG"
            lines.append(f"{name}\t{picture(base / 'train' / wnid / 'images' / name, index % 10 == 0)}")
        (base / "train" / wnid / f"{wnid}_boxes.txt").write_text("\n".join(lines) + "\n")
    (base / "val" / "images").mkdir(parents=True)
    lines = []
    for index, wnid in enumerate([*reversed(tiny20.WNIDS), "n00000000", tiny20.WNIDS[3]]):
        lines.append(f"val_{index}.JPEG\t{wnid}\t{picture(base / 'val' / 'images' / f'val_{index}.JPEG', False)}")
    (base / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    return root


def test_box_corners_are_halved_and_borders_are_inside():
    drawn = tiny20.box_map((10, 3, 21, 9), (32, 32), (64, 64))
    expected = torch.full((1, 32, 32), -1, dtype=torch.int8)
    expected[:, 1:5, 5:11] = 1
    assert torch.equal(drawn, expected)
    assert bool((tiny20.box_map((0, 0, 63, 63), (32, 32), (64, 64)) == 1).all())
    assert (tiny20.box_map((63, 63, 63, 63), (32, 32), (64, 64)) == 1).sum() == 1
    assert (tiny20.box_map((10, 3, 21, 9), (64, 64), (64, 64)) == 1).sum() == 12 * 7


@pytest.mark.slow
def test_tiny20_comes_in_its_splits_with_boxes_on_the_objects(tiny_files):
    split = {name: datasets.load(TINY20, name, tiny_files) for name in ("train", "val", "calibration", "test")}
    assert [len(part) for part in split.values()] == [40, 500, 500, 21]
    assert split["test"].labels.tolist() == [*reversed(range(20)), 3]
    for part in split.values():
        assert part.pixels.shape == (len(part), 3, 32, 32) and part.maps.shape == (len(part), 1, 32, 32)
        bright = part.pixels.float().mean(1, keepdim=True) > 175
        on = part.maps == 1
        assert bool((on | ~bright).all())  # halving may add a half-covered border, never lose a covered pixel
        assert on.sum() < 1.5 * bright.sum() + 20 * len(part)
    few = datasets.load(TINY20, "test", tiny_files, 3)
    assert (
        len(few) == 3 and (few.pixels == split["test"].pixels[:3]).all() and (few.maps == split["test"].maps[:3]).all()
    )
    counts = torch.cat([split[name].labels for name in ("train", "val", "calibration")]).bincount()
    assert counts.tolist() == [PER_CLASS] * 20


def test_a_gallery_picture_has_its_box_and_others_have_none(tiny_files):
    found = gallery(TINY20, tiny_files)
    box = found.annotation("test:20")
    assert box is not None
    assert (box == datasets.load(TINY20, "test", tiny_files).maps[20].numpy()).all() and set(box.flat) <= {-1, 1}
    for key in ("photo:chelsea", "test:21", "test:-1", "test:²", "test:" + "9" * 5000, ""):
        assert found.annotation(key) is None
    assert gallery(CIFAR10, tiny_files).annotation("test:0") is None


def test_grey_photos_become_colour_with_equal_channels(tiny_files):
    grey = datasets.load(TINY20, "train", tiny_files).pixels
    assert torch.equal(grey[:, 0], grey[:, 1]) and grey.float().std() > 10


def test_the_box_of_a_flipped_picture_is_the_flipped_box(tiny_files):
    data = datasets.load(TINY20, "test", tiny_files)
    x, maps = Augmentation(0).with_maps(data.images(), data.maps.float(), torch.Generator().manual_seed(0))
    flipped = 0
    for index in range(len(data)):
        mirrored = torch.equal(x[index], data.images()[index].flip(2)) and not torch.equal(
            x[index], data.images()[index]
        )
        expected = data.maps[index].flip(2) if mirrored else data.maps[index]
        assert torch.equal(maps[index], expected.float())
        flipped += mirrored
    assert 0 < flipped < len(data)


@pytest.mark.parametrize("line", ["a.JPEG\t1\t2\t3", "a.JPEG\t1\t2\tx\t4", "a.JPEG\t5\t0\t4\t9", "a.JPEG\t0\t0\t64\t9"])
def test_a_damaged_list_of_boxes_is_named(tmp_path, line):
    for wnid in tiny20.WNIDS:
        folder = tmp_path / tiny20.FOLDER / "train" / wnid
        folder.mkdir(parents=True)
        (folder / f"{wnid}_boxes.txt").write_text(line)
    with pytest.raises(InputError, match="n01443537"):
        tiny20.entries(tmp_path, train=True)


@pytest.fixture
def sets():
    """Grey garments with a known outline and level, and photographs of one colour each."""
    garments = torch.zeros(300, 1, 28, 28, dtype=torch.uint8)
    garments[:, :, 4:24, 8:20] = 200
    photos = torch.arange(40, 60, dtype=torch.uint8).view(20, 1, 1, 1).expand(20, 3, 32, 32).contiguous()
    return garments, photos


def test_outside_its_mask_a_pasted_picture_is_its_photograph_and_inside_the_garment(sets):
    pictures, maps = pasted.paste(*sets, seed=0)
    assert set(maps.unique().tolist()) == {-1, 1}
    for picture, drawn in zip(pictures, maps, strict=True):
        outside = picture[:, drawn[0] == -1]
        assert len(outside.unique()) == 1 and 40 <= outside.unique().item() < 60
        inside = picture[:, drawn[0] == 1].float()
        brightest = inside.amax(1)  # tints lie in [0.5, 1], and resizing dims only the outline
        assert bool((brightest >= 99).all() and (brightest <= 200).all())


def test_masks_differ_in_size_and_place_and_stay_whole(sets):
    _, maps = pasted.paste(*sets, seed=0)
    on = maps[:, 0] == 1
    share = on.flatten(1).float().mean(1) * 32 * 32 / (20 * 12 / 28**2)  # the square of the garment's side
    assert share.min() > 17**2 and share.max() < 32**2 and share.std() > 50
    tops = on.any(2).float().argmax(1)
    lefts = on.any(1).float().argmax(1)
    assert tops.unique().numel() > 8 and lefts.unique().numel() > 8


def test_the_seed_decides_and_the_inputs_stay_as_they_were(sets):
    before = [tensor.clone() for tensor in sets]
    first, again, other = (pasted.paste(*sets, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])
    assert all(torch.equal(tensor, copy) for tensor, copy in zip(sets, before, strict=True))


@pytest.mark.slow
def test_pasted_takes_garments_and_photographs_of_the_same_split(fashion_root, monkeypatch):
    """Splits share no photograph: those of `val` come from the photographs that are kept for `val`."""

    def photos(task, root, split, most):
        level = 100 + 10 * datasets.SPLITS.index(split)
        return LabelledImages(torch.full((5, 3, 32, 32), level, dtype=torch.uint8), torch.zeros(5), split)

    monkeypatch.setattr(cifar10, "READER", replace(cifar10.READER, read=photos))
    for split in datasets.SPLITS:
        data = datasets.load(PASTED, split, fashion_root)
        garments = datasets.load(FASHION_MNIST, split, fashion_root)
        assert torch.equal(data.labels, garments.labels)
        outside = data.pixels.masked_select(data.maps == -1)
        assert outside.unique().tolist() == [100 + 10 * datasets.SPLITS.index(split)]


def test_tiny20_is_available_where_its_files_are(tiny_files):
    assert datasets.available(TINY20, tiny_files) and not datasets.available(PASTED, tiny_files)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def own_folder(tmp_path):
    """Three wide pictures in two classes; the object is the right half of each."""
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 40:] = 255
    for name in ("cat/a.png", "cat/b.png", "truck/c.png"):
        save(tmp_path / "images" / name, pixels)
    return tmp_path


def right_half(fitting) -> torch.Tensor:
    """The map of the right half of a picture twice as wide as high: cut to its centre, or framed."""
    expected = torch.full((1, 32, 32), -1, dtype=torch.int8)
    expected[:, slice(None) if fitting == "crop" else slice(8, 24), 16:] = 1
    return expected


@pytest.mark.parametrize("fitting", ["crop", "letterbox"])
@pytest.mark.parametrize("kind", ["masks", "boxes"])
def test_masks_and_boxes_are_fitted_as_their_pictures_are(own_folder, kind, fitting):
    if kind == "masks":
        mask = np.zeros((40, 80), np.uint8)
        mask[:, 40:] = 255
        for name in ("cat/a.png", "cat/b.bmp", "truck/c.png"):
            save(own_folder / "masks" / name, mask)
    else:
        rows = [f"{name},40,0,79,39" for name in ("cat/a.png", "truck/c.png")]
        rows += ["cat/b.png,40,0,79,19", "cat/b.png,40,20,79,39"]  # two boxes for one picture
        (own_folder / "boxes.csv").write_text("\n".join(["file,left,top,right,bottom", *rows]))
    data = load_annotated_folder(CIFAR10, own_folder, fitting)
    assert data.labels.tolist() == [3, 3, 9]
    for drawn, picture in zip(data.maps, data.pixels, strict=True):
        assert torch.equal(drawn, right_half(fitting))
        assert picture[:, drawn[0] == 1].float().mean() > 240


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (None, "either masks"),
        ("file,left,top,right,bottom\ncat/a.png,0,0,9,9", "no row"),
        (
            "file,left,top,right,bottom\ncat/a.png,0,0,80,9\ncat/b.png,0,0,1,1\ntruck/c.png,0,0,1,1",
            "leaves the picture",
        ),
        ("file,left,top,right\ncat/a.png,0,0,9", "columns"),
        ("file,left,top,right,bottom\ncat/a.png,0,zero,9,9", "whole numbers"),
        ("file,left,top,right,bottom\n", "no boxes"),
    ],
)
def test_a_folder_with_damaged_annotations_is_refused(own_folder, rows, message):
    if rows is not None:
        (own_folder / "boxes.csv").write_text(rows)
    with pytest.raises(InputError, match=message):
        load_annotated_folder(CIFAR10, own_folder)


def test_a_mask_that_is_missing_or_of_another_size_is_refused(own_folder):
    save(own_folder / "masks" / "cat" / "a.png", np.zeros((40, 80), np.uint8))
    with pytest.raises(InputError, match=r"cat/b\.png.*there are 0"):
        load_annotated_folder(CIFAR10, own_folder)
    save(own_folder / "masks" / "cat" / "b.png", np.zeros((40, 40), np.uint8))
    with pytest.raises(InputError, match=r"cat/b\.png.*40x40"):
        load_annotated_folder(CIFAR10, own_folder)
