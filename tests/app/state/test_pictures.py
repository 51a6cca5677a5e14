"""Shared caches: bounded, keyed by what decides the result, and never stale."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from app.compare import results
from app.state import pictures as state_pictures
from app.state import predictions
from app.state import zoo as state_zoo
from app.state.bounded_store import BoundedStore, size_of
from app.state.uploads import Uploads
from core.attacks.pgd import Pgd
from core.data import fashion_mnist
from core.data.official import official
from core.data.tasks import CIFAR10
from core.decoding.window import Window
from core.errors import InputError
from core.images import decode
from core.models.zoo import load_zoo_model
from core.torchvision_compat import torchvision
from tests.helpers.checked_files import read_json, write_json
from tests.helpers.data_sets import write_fashion
from tests.helpers.tiny_zoo import KEYS, write_zoo


def png(seed: int, side: int = 40) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_uploads_keep_the_pictures_used_last_within_the_limit():
    pictures = [decode(png(seed)) for seed in range(4)]
    store = BoundedStore(3 * size_of((pictures[0].digest, pictures[0])) + 100)
    uploads = Uploads(store)
    first, second, third = (uploads.keep(picture) for picture in pictures[:3])
    assert uploads.find(first) is pictures[0]  # used: now the second is the oldest
    uploads.keep(pictures[3])
    assert len(store) == 3
    with pytest.raises(InputError, match="upload it again"):
        uploads.find(second)
    assert uploads.find(third) is pictures[2]


def test_a_picture_kept_twice_is_kept_once_for_both():
    picture, store = decode(png(0)), BoundedStore(10**6)
    uploads = Uploads(store)
    assert uploads.keep(picture, "ann") == uploads.keep(decode(png(0)), "bob")
    store.forget("ann")
    assert uploads.find(picture.digest) is picture and len(store) == 1


def test_a_picture_goes_with_its_visitor():
    picture, store = decode(png(0)), BoundedStore(10**6)
    uploads = Uploads(store)
    uploads.keep(picture, "ann")
    store.forget("ann")
    with pytest.raises(InputError, match="upload it again"):
        uploads.find(picture.digest)


def test_the_data_set_is_opened_once_for_all_thumbnails(tmp_path, monkeypatch):
    """A thumbnail that opened it took 0.9 to 1.7 s on CIFAR-10, twelve a page."""
    monkeypatch.setenv("ROBUSTSCOPE_DATA", str(write_fashion(tmp_path)))
    opened: list[str] = []

    def counted(root, train):
        opened.append(root)
        return torchvision.datasets.FashionMNIST(root, train=train)

    monkeypatch.setattr(fashion_mnist, "READER", official(counted, fashion_mnist.by_hand))
    for cached in (state_pictures._gallery, state_pictures._picture):
        cached.clear()
    keys = [key for key in state_pictures.items("fashion-mnist") if key.startswith("test:")][:12]
    made = {state_pictures.thumbnail("fashion-mnist", key) for key in keys}
    assert len(keys) == 12 and len(made) > 1 and opened == [str(tmp_path)]
    opened.clear()
    assert state_pictures.data_there("fashion-mnist") and state_pictures.data_there("fashion-mnist")
    assert opened == [str(tmp_path)]


def test_an_upload_is_fitted_under_the_digest_of_what_the_models_see(zoo):
    shown = state_pictures.model_input("cifar10", state_pictures.keep_upload(png(5)), "crop", False)
    again = state_pictures.model_input("cifar10", state_pictures.keep_upload(png(5)), "crop", False)
    other = state_pictures.model_input("cifar10", state_pictures.keep_upload(png(6)), "crop", False)
    assert shown.x.shape == (1, 3, 32, 32) and shown.digest == again.digest != other.digest
    wide = Image.open(io.BytesIO(shown.original))
    assert wide.format == "PNG" and wide.size[0] % 40 == 0


def test_one_changed_level_of_one_pixel_gives_another_digest(zoo):
    """Streamlit's own hash looks at a sample of a large array only, so it could miss this."""
    pixels = np.full((900, 900, 3), 128, np.uint8)
    changed = pixels.copy()
    changed[450, 450, 1] = 129
    digests = set()
    for array in (pixels, changed):
        out = io.BytesIO()
        Image.fromarray(array).save(out, "PNG")
        digests.add(state_pictures.keep_upload(out.getvalue()))
    assert len(digests) == 2


def test_an_evicted_upload_is_a_sentence(zoo):
    with pytest.raises(InputError, match="upload it again"):
        state_pictures.model_input("cifar10", "upload:" + "0" * 32, "crop", False)


def test_models_are_loaded_once_and_again_when_the_zoo_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(write_zoo(tmp_path, ("cifar10",))))
    first = state_zoo.model("cifar10", "standard")
    assert state_zoo.model("cifar10", "standard") is first
    for suffix in ("json", "safetensors"):
        (tmp_path / "cifar10" / f"standard.{suffix}").unlink()
        source = tmp_path / "cifar10" / f"pgd-l2.{suffix}"
        target = tmp_path / "cifar10" / f"standard.{suffix}"
        if suffix == "json":
            write_json(target, read_json(source) | {"key": "standard"})
        else:
            target.write_bytes(source.read_bytes())
    assert state_zoo.model("cifar10", "standard").card.sha256 != first.card.sha256


def test_cached_results_are_those_of_the_engine_and_differ_by_attack(zoo):
    shown = state_pictures.model_input("cifar10", "photo:chelsea", "crop", False)
    weak, strong = Pgd(1 / 255, steps=2), Pgd(8 / 255, steps=2)
    for key, look in zip(KEYS, predictions.predictions_of(CIFAR10, KEYS, shown), strict=True):
        model = load_zoo_model("cifar10", key, zoo)
        with torch.no_grad():
            expected = model.fast(torch.from_numpy(shown.x)).softmax(1)[0].numpy()
        np.testing.assert_allclose(look.probs, expected, rtol=1e-5)
    sizes = [results.attack_results(CIFAR10, KEYS[:1], shown, attack)[0].linf for attack in (weak, strong, Pgd(0.0))]
    assert sizes[0] <= 1 / 255 + 1e-6 < sizes[1] <= 8 / 255 + 1e-6 and sizes[2] == 0


def test_a_scan_that_uses_a_sixteenth_of_its_range_says_so_until_it_is_stretched(zoo):
    scan = np.random.default_rng(0).integers(0, 4096, (40, 40)).astype(np.uint16)
    out = io.BytesIO()
    Image.fromarray(scan).save(out, "PNG")
    key = state_pictures.keep_upload(out.getvalue())
    came = state_pictures.model_input("cifar10", key, "crop", False)
    assert came.tones.narrow and came.tones.deep and came.x.max() < 0.07
    assert came.notes[-1] == f"It uses 6.2 % of its range: the values from {scan.min()} to {scan.max()} of 0 to 65535."
    wide = state_pictures.model_input("cifar10", key, "crop", False, Window("stretch"))
    assert wide.tones.shown == (scan.min(), scan.max()) and wide.x.max() > 0.7 and wide.digest != came.digest
    assert "of its range" not in " ".join(wide.notes) and "Windowed here" in wide.notes[-1]
