"""The commands `train-generator` and `make-gallery`."""

import json

from core.cli.main import main
from core.data import galleries
from core.latent import autoencoder
from core.latent.network import AutoencoderConfig
from core.training.autoencoder import shipped as plans
from core.training.autoencoder.plan import AutoencoderPlan, AutoencoderRecipe


def test_a_generator_is_trained_measured_and_makes_its_gallery(shipped, fashion_root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plans, "autoencoder_plan", lambda task, design: tiny_plan(design))
    command = ["train-generator", "fashion-mnist", "--steps", "2", "--out", str(tmp_path / "made"), "--json"]
    assert main(command) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["command"] == "robustscope train-generator fashion-mnist --steps 2"
    assert card["settings"]["warm_up"] == 1 and len(card["training"]["losses"]) == 1

    asked = ["evaluate", "--task", "fashion-mnist", "--report", "generator", "--models", "standard"]
    assert main([*asked, "--generator", str(tmp_path / "made"), "--images", "20", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["generator"] == card["sha256"]

    monkeypatch.setattr(autoencoder, "ASSETS", tmp_path / "made")
    original = autoencoder.load_autoencoder
    monkeypatch.setattr(autoencoder, "load_autoencoder", lambda task: original(task, tmp_path / "made"))
    monkeypatch.setattr(galleries, "ASSETS", tmp_path / "gallery")
    assert main(["make-gallery", "fashion-mnist", "--seed", "2", "--json"]) == 0
    made = json.loads((tmp_path / "gallery" / "fashion-mnist" / galleries.MADE).read_text())
    assert made["command"] == "robustscope make-gallery fashion-mnist --seed 2"
    assert len(json.loads(capsys.readouterr().out)) == 22


def tiny_plan(design):
    """A plan of four steps on the synthetic pictures, whose classifier has a network of two stages."""
    network = AutoencoderConfig(10, (1, 28, 28), 4, (8, 8, 4))
    recipe = AutoencoderRecipe(features=1.0, classifier="standard")
    return AutoencoderPlan("fashion-mnist", recipe, network, 4, warm_up=2, batch_size=8, images=16, precision="fp32")


def test_a_shipped_generator_is_not_overwritten_by_another(capsys):
    for words in (["--steps", "5"], ["--design", "vae"]):
        assert main(["train-generator", "fashion-mnist", *words]) == 2
        assert "--out" in capsys.readouterr().err
