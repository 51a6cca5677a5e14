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
from app.state.uploads import Uploads
from core.attacks.pgd import Pgd
from core.data.tasks import CIFAR10
from core.errors import InputError
from core.images import decode
from core.models.zoo import load_zoo_model
from tests.helpers.tiny_zoo import KEYS, write_zoo


def png(seed: int, side: int = 40) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_uploads_keep_the_pictures_used_last_within_the_limit():
    pictures = [decode(png(seed)) for seed in range(4)]
    store = Uploads(limit=3 * pictures[0].pixels.nbytes)
    first, second, third = (store.keep(picture) for picture in pictures[:3])
    assert store.find(first) is pictures[0]  # used: now the second is the oldest
    store.keep(pictures[3])
    assert len(store) == 3
    with pytest.raises(InputError, match="upload it again"):
        store.find(second)
    assert store.find(third) is pictures[2]


def test_a_picture_kept_twice_takes_its_room_once():
    picture, other = decode(png(0)), decode(png(1))
    store = Uploads(limit=2 * picture.pixels.nbytes)
    assert store.keep(picture) == store.keep(picture)
    store.keep(other)
    assert store.find(picture.digest) is picture


def test_a_picture_larger_than_all_the_room_is_still_shown():
    picture = decode(png(0))
    store = Uploads(limit=10)
    assert store.find(store.keep(picture)) is picture


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
        text = (
            source.read_bytes().replace(b'"key": "pgd-l2"', b'"key": "standard"')
            if suffix == "json"
            else source.read_bytes()
        )
        (tmp_path / "cifar10" / f"standard.{suffix}").write_bytes(text)
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
