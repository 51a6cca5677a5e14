"""Generators come back as they were saved, are checked before use, and treat each image by itself."""

import dataclasses
import hashlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from core.errors import ConfigError, InputError
from core.latent.autoencoder import CHUNK, load_autoencoder, read_card, shipped
from core.latent.network import AutoencoderConfig, AutoencoderNetwork, Block, gather, spread
from tests.helpers.checked_files import read_json, write_json

LABELS = torch.tensor([0, 3, 9])


def edit_card(folder, **fields):
    """Overwrite fields of the card in `folder`."""
    path = folder / "fashion-mnist.json"
    write_json(path, read_json(path) | fields)


def codes(autoencoder, count=3, seed=0):
    return autoencoder.sample(count, torch.Generator().manual_seed(seed))


def test_a_saved_generator_comes_back_in_half_precision(autoencoder):
    fresh = AutoencoderNetwork(autoencoder.card.network, torch.Generator().manual_seed(0)).half().float().eval()
    z = codes(autoencoder)
    assert_close(autoencoder.decode(z, LABELS), fresh.decoder(z, LABELS), rtol=0, atol=1e-5)
    assert autoencoder.card.parameters == sum(parameter.numel() for parameter in fresh.parameters())
    assert autoencoder.latent == 16 and autoencoder.task.key == "fashion-mnist"


def test_it_is_frozen_and_gradients_reach_the_codes_alone(autoencoder):
    z = codes(autoencoder).requires_grad_()
    (gradient,) = torch.autograd.grad(autoencoder.decode(z, LABELS).sum(), z)
    assert bool((gradient != 0).any())
    assert not any(parameter.requires_grad for parameter in autoencoder.network.parameters())
    assert not any(module.training for module in autoencoder.network.modules())
    with pytest.raises(dataclasses.FrozenInstanceError):
        autoencoder.card = None


def test_an_image_does_not_depend_on_its_batch(autoencoder):
    z = codes(autoencoder)
    x = autoencoder.decode(z, LABELS)
    alone = torch.cat([autoencoder.decode(z[i : i + 1], LABELS[i : i + 1]) for i in range(3)])
    assert_close(x, alone, rtol=0, atol=1e-6)
    again = torch.cat([autoencoder.encode(x[i : i + 1], LABELS[i : i + 1]) for i in range(3)])
    assert_close(autoencoder.encode(x, LABELS), again, rtol=0, atol=1e-5)


def test_one_class_for_all_is_drawn_as_if_told_code_by_code_and_in_parts_as_at_once(autoencoder):
    """An expanded label takes the shorter way through the norms; of more than a chunk each part is drawn by itself."""
    z, label = codes(autoencoder, CHUNK + 5), torch.tensor([2])
    expanded, told = label.expand(len(z)), label.repeat(len(z))
    with torch.no_grad():
        assert_close(autoencoder.decode(z, expanded), autoencoder.decode(z, told), rtol=0, atol=1e-6)
        assert_close(
            autoencoder.decode(z, told)[CHUNK:], autoencoder.decode(z[CHUNK:], told[CHUNK:]), rtol=0, atol=1e-6
        )
        assert len(autoencoder.decode(z[:0], told[:0])) == 0


def test_images_lie_in_0_to_1_and_follow_the_label_and_the_length_of_the_code(autoencoder):
    z = codes(autoencoder)
    x = autoencoder.decode(z, LABELS)
    assert x.shape == (3, 1, 28, 28) and 0.0 <= float(x.min()) < float(x.max()) <= 1.0
    assert not torch.equal(x, autoencoder.decode(z, LABELS.flip(0)))
    longer = autoencoder.decode(2 * z, LABELS)
    assert float((longer - x).abs().max()) > 1e-3  # no norm swallows the radius


def test_a_block_adds_to_what_it_was_given():
    generator = torch.Generator().manual_seed(0)
    block, h = Block(6, 10), torch.randn(3, 6, 4, 4, generator=generator)
    for value in block.conv2.parameters():
        torch.nn.init.zeros_(value)
    assert torch.equal(block(h, LABELS), h)


def test_the_prior_is_standard_normal_and_seeded(autoencoder):
    z = codes(autoencoder, 20_000)
    assert_close(z.mean(0), torch.zeros(16), rtol=0, atol=0.03)
    assert_close(torch.cov(z.T), torch.eye(16), rtol=0, atol=0.05)
    assert torch.equal(z, codes(autoencoder, 20_000)) and not torch.equal(z[:3], codes(autoencoder, 3, seed=1))


def test_spread_lays_channels_out_as_pixels_and_gather_undoes_it():
    h = torch.arange(2 * 8 * 3 * 5.0).view(2, 8, 3, 5)
    wide = spread(h)
    assert wide.shape == (2, 2, 6, 10)
    assert torch.equal(wide[:, :, 2:4, 4:6].permute(0, 2, 3, 1).reshape(2, 8), h[:, :, 1, 2])
    assert torch.equal(gather(wide), h)


def test_wrong_shapes_are_refused_with_the_right_one(autoencoder):
    with pytest.raises(InputError, match=r"\(N, 16\)"):
        autoencoder.decode(torch.zeros(3, 15), LABELS)
    with pytest.raises(InputError, match="one label each"):
        autoencoder.decode(torch.zeros(2, 16), LABELS)
    with pytest.raises(InputError, match="1, 28, 28"):
        autoencoder.encode(torch.zeros(3, 3, 28, 28), LABELS)


def test_a_task_without_one_is_told_the_command(autoencoder_folder):
    assert shipped("fashion-mnist", autoencoder_folder) and not shipped("cifar10", autoencoder_folder)
    with pytest.raises(ConfigError, match="train-generator cifar10"):
        load_autoencoder("cifar10", autoencoder_folder)


def test_other_weights_than_the_card_describes_are_refused(autoencoder_folder):
    edit_card(autoencoder_folder, sha256="0" * 64)
    with pytest.raises(InputError, match="not the file its card describes"):
        load_autoencoder("fashion-mnist", autoencoder_folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: {k: v for k, v in t.items() if k != "decoder.up1.bias"}, "have unknown"),
        (lambda t: t | {"more": torch.zeros(1, dtype=torch.float16)}, "have unknown"),
        (lambda t: t | {"decoder.up1.bias": torch.zeros(3, dtype=torch.float16)}, "must be"),
        (lambda t: t | {"decoder.up1.bias": t["decoder.up1.bias"].float()}, "float16"),
        (lambda t: t | {"decoder.up1.bias": t["decoder.up1.bias"] / 0}, "not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused(autoencoder_folder, change, message):
    path = autoencoder_folder / "fashion-mnist.safetensors"
    save_file(change(load_file(path)), path)
    edit_card(autoencoder_folder, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(InputError, match=message):
        load_autoencoder("fashion-mnist", autoencoder_folder)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"network": {"latent": 0}}, "latent"),
        ({"network": {"widths": [512, 512, 512], "latent": 1024}}, "at most"),
        ({"network": {"shape": [3, 32, 32]}}, "not those of"),
        ({"task": "nothing"}, "task"),
        ({"seed": "0"}, "whole number"),
        ({"figures": [1]}, "an object"),
        ({"strange": 1}, "strange"),
    ],
)
def test_a_damaged_card_is_refused(autoencoder_folder, fields, message):
    edit_card(autoencoder_folder, **fields)
    with pytest.raises(InputError, match=message):
        read_card(autoencoder_folder / "fashion-mnist.json")


@pytest.mark.slow
@given(
    st.integers(1, 12),
    st.integers(1, 40),
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from([(1, 28, 28), (3, 32, 32), (1, 4, 8)]),
)
def test_parameters_are_counted_without_a_network(classes, latent, widths, shape):
    config = AutoencoderConfig(classes, shape, latent, widths)
    with torch.device("meta"):
        built = AutoencoderNetwork(config)
    assert config.parameters == sum(parameter.numel() for parameter in built.parameters())


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": (1, 30, 28)},
        {"shape": (2, 28, 28)},
        {"latent": 0},
        {"widths": (8, 8, 0)},
        {"classes": 0},
        {"classes": 10**12},
    ],
)
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(ConfigError):
        AutoencoderConfig(**wrong)
