"""Pictures that ship: every class in its place, and a gallery that says what made it."""

import dataclasses
import json
import types

import numpy as np
import torch
from torch.testing import assert_close

from core.data import galleries
from core.data.tasks import CIFAR10, FASHION_MNIST, PASTED
from core.images import decode
from core.latent.perceptual import feature_distance
from core.latent.sheets import nearest_class, write_gallery, write_pasted_gallery, write_sheets


def test_the_gallery_has_every_class_and_says_how_it_was_made(autoencoder, tmp_path, monkeypatch):
    folder = tmp_path / "gallery" / "fashion-mnist"
    paths = write_gallery(autoencoder, folder, 3, "robustscope make-gallery fashion-mnist --seed 3")
    made = json.loads((folder / galleries.MADE).read_text())
    assert made["command"].endswith("--seed 3") and made["generator"] == autoencoder.card.sha256
    monkeypatch.setattr(galleries, "ASSETS", tmp_path / "gallery")
    found = galleries.gallery(FASHION_MNIST, tmp_path)
    items = [item for item in found.items.values() if item.key.startswith("generated:")]
    assert [item.label for item in items] == [label for label in range(10) for _ in range(2)]
    assert items[0].title == "generated T-shirt/top 1" and items[7].key == "generated:07" and len(paths) == 20
    z = autoencoder.sample(20, torch.Generator().manual_seed(3))
    x = autoencoder.decode(z, torch.arange(10).repeat_interleave(2))
    picture = found.picture("generated:07")
    assert_close(torch.tensor(picture.pixels[:, :, 0]) / 255.0, x[7, 0], rtol=0, atol=0.5 / 255 + 1e-6)


def test_a_pasted_gallery_has_garments_on_pictures_and_their_masks(autoencoder, tmp_path, monkeypatch):
    card = dataclasses.replace(autoencoder.card, task="cifar10")
    colour = types.SimpleNamespace(
        task=CIFAR10,
        card=card,
        sample=autoencoder.sample,
        decode=lambda z, labels: torch.full((len(z), 3, 32, 32), 0.2),
    )
    bright = types.SimpleNamespace(
        task=FASHION_MNIST, card=autoencoder.card, sample=autoencoder.sample,
        decode=lambda z, labels: torch.ones(len(z), 1, 28, 28),
    )  # fmt: skip
    folder = tmp_path / "gallery" / "pasted"
    paths = write_pasted_gallery(bright, colour, folder, 1, "robustscope make-gallery pasted --seed 1")
    assert len(paths) == 40 and json.loads((folder / galleries.MADE).read_text())["seed"] == 1
    monkeypatch.setattr(galleries, "ASSETS", tmp_path / "gallery")
    found = galleries.gallery(PASTED, tmp_path)
    items = [*found.items.values()]
    assert items[0].key == "generated:00" and items[-1].key.startswith("photo:")  # photographs show no garment
    for item in items[:20]:
        picture = found.picture(item.key)
        mask = found.annotation(item.key)
        behind = (picture.pixels == 51).all(2)
        assert mask.shape == (1, 32, 32) and set(np.unique(mask)) == {-1, 1}
        assert ((mask[0] < 0) == behind).all() and 18**2 <= (mask > 0).sum() <= 28**2
    assert found.annotation("photo:chelsea") is None
    (folder / galleries.MASK.format("03")).unlink()
    assert found.annotation("generated:03") is None


def test_a_picture_is_nearest_to_the_class_that_rebuilds_it_best(autoencoder):
    x = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    errors = []
    for label in range(10):
        labels = torch.tensor([label])
        errors.append(float((autoencoder.decode(autoencoder.encode(x, labels), labels) - x).square().mean()))
    best, rebuilt = nearest_class(autoencoder, x)
    assert best == int(np.argmin(errors)) and float((rebuilt - x).square().mean()) == min(errors)


def test_sheets_are_laid_out_by_class(autoencoder, tmp_path):
    samples, rebuilt = write_sheets(autoencoder, tmp_path, 0)
    wide = decode(samples.read_bytes()).pixels
    assert wide.shape == (2 * 280, 2 * (2 * 280 + 4), 3)
    z = autoencoder.sample(100, torch.Generator().manual_seed(0))
    x = autoencoder.decode(z, torch.arange(10).repeat_interleave(10))
    corner = torch.tensor(wide[2 * 28 * 2 : 2 * 28 * 3 : 2, 2 * 28 : 2 * 28 * 2 : 2, 0]) / 255.0
    assert_close(corner, x[21, 0], rtol=0, atol=0.5 / 255 + 1e-6)  # third class, second sample
    assert decode(rebuilt.read_bytes()).pixels.shape == (2 * 56, 2 * 28 * 4, 3)


def test_feature_distance_is_zero_for_the_same_and_four_for_opposites():
    h = [torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)), torch.ones(2, 5, 2, 2)]
    assert feature_distance(h, h).tolist() == [0, 0]
    assert_close(feature_distance(h, [-3 * part for part in h]), torch.full((2,), 4.0))
    orthogonal = [torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)], [torch.tensor([0.0, 2.0]).view(1, 2, 1, 1)]
    assert_close(feature_distance(*orthogonal), torch.tensor([2.0]))
