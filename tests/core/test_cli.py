"""The command line: what it writes, what it prints, and its exit codes."""

import json
from dataclasses import replace
from functools import partial

import pytest

from core import cli
from core.data import galleries
from core.latent.generator import load_generator
from core.latent.network import GeneratorConfig
from core.models import zoo
from core.models.zoo import load_weights
from core.reports.adversarial.measurements import AdversarialSettings
from core.reports.commands import adversarial
from core.training.generator.plan import GeneratorPlan, GeneratorRecipe


@pytest.fixture
def shipped(zoo_folder, monkeypatch):
    """The tiny zoo in place of the one that ships."""
    monkeypatch.setattr(cli, "MODELS", zoo_folder)
    for name in ("cards", "load_zoo_model"):
        original = getattr(zoo, name)
        monkeypatch.setattr(cli, name, lambda *args, original=original: original(*args, folder=zoo_folder))
    monkeypatch.setattr(cli, "write_card", lambda card: zoo.write_card(card, zoo_folder))
    return zoo_folder


@pytest.mark.slow
def test_train_writes_weights_and_card_that_load(fashion_root, tmp_path, capsys):
    command = [
        "train",
        "fashion-mnist",
        "standard",
        "--epochs",
        "1",
        "--images",
        "128",
        "--out",
        str(tmp_path),
        "--json",
    ]
    assert cli.main(command) == 0
    printed = json.loads(capsys.readouterr().out)
    model = load_weights(tmp_path / "fashion-mnist" / "standard.safetensors")
    assert model.card.sha256 == printed["sha256"]
    assert model.card.command == "robustscope train fashion-mnist standard --epochs 1 --images 128"
    assert model.card.training["epochs"] == 1 and len(model.card.training["loss"]) == 1


def test_train_refuses_to_overwrite_a_shipped_model_with_a_changed_plan(capsys):
    assert cli.main(["train", "cifar10", "standard", "--epochs", "1"]) == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.slow
def test_train_takes_another_attack(fashion_root, tmp_path, capsys):
    command = ["train", "fashion-mnist", "pgd-linf", "--epochs", "1", "--images", "128", "--out", str(tmp_path)]
    assert cli.main([*command, "--epsilon", "16/255", "--steps", "1", "--step-size", "0.05"]) == 0
    card = load_weights(tmp_path / "fashion-mnist" / "pgd-linf.safetensors").card
    attack = card.settings["recipe"]["attack"]
    assert (attack["epsilon"], attack["steps"], attack["step_size"]) == (16 / 255, 1, 0.05)
    assert "16/255" in card.recipe


def test_a_recipe_without_an_attack_takes_no_epsilon(tmp_path, capsys):
    assert cli.main(["train", "fashion-mnist", "standard", "--epsilon", "0.1", "--out", str(tmp_path)]) == 2
    assert "epsilon" in capsys.readouterr().err


def test_train_without_data_says_where_to_put_it(tmp_path, capsys):
    assert cli.main(["train", "cifar10", "standard", "--out", str(tmp_path)]) == 1
    assert "cifar-10-batches-py" in capsys.readouterr().err


def test_unknown_recipe_is_a_usage_error(capsys):
    assert cli.main(["train", "cifar10", "magic"]) == 2
    assert "pgd-linf" in capsys.readouterr().err


def test_models_lists_cards(shipped, capsys):
    assert cli.main(["models", "--task", "fashion-mnist"]) == 0
    assert "not measured yet" in capsys.readouterr().out
    assert cli.main(["models", "--task", "fashion-mnist", "--json"]) == 0
    assert [card["key"] for card in json.loads(capsys.readouterr().out)] == ["standard", "pgd-linf"]


def test_evaluate_prints_and_writes_and_fills_the_cards(shipped, fashion_root, tmp_path, capsys):
    out = tmp_path / "report.json"
    base = ["evaluate", "--task", "fashion-mnist", "--robust-images", "4", "--out", str(out)]
    assert cli.main([*base, "--update-cards", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert json.loads(out.read_text())["rows"] == report["rows"]
    card = zoo.cards("fashion-mnist", shipped)["standard"]
    assert [row["norm"] for row in card.figures] == ["linf", "l2"]
    assert card.figures[0]["clean"] == report["rows"][0]["clean"]
    assert card.measured["settings"]["steps"] == 50
    assert cli.main([*base, "--models", "standard"]) == 0
    assert "clean" in capsys.readouterr().out


@pytest.mark.slow
def test_evaluate_writes_the_robustness_report_its_arrays_and_its_claims(
    shipped, fashion_root, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("pyautoattack")
    monkeypatch.setattr(cli, "RUNS", tmp_path / "runs")
    out = tmp_path / "out" / "robustness.json"
    command = ["evaluate", "--task", "fashion-mnist", "--report", "robustness", "--images", "4", "--out", str(out)]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert "standard" in printed and "APGD" in printed
    assert {path.name for path in out.parent.iterdir()} == {"robustness.json", "robustness.npz", "orderings.json"}
    assert list((tmp_path / "runs" / "reports" / "fashion-mnist").rglob("*.npz"))
    rows = json.loads(out.read_text())["rows"]
    assert {row["pgd_n"] for row in rows} == {4} and rows[0]["clean_n"] == 4
    assert json.loads(out.with_name("orderings.json").read_text())["report"] == "orderings"


@pytest.mark.slow
def test_evaluate_writes_the_adversarial_report_and_its_arrays(shipped, fashion_root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "RUNS", tmp_path / "runs")
    short = AdversarialSettings(opening=2, steps=3, clamped_steps=3, clamped_finer=2)
    monkeypatch.setattr(adversarial, "AdversarialSettings", partial(replace, short))
    command = ["evaluate", "--task", "fashion-mnist", "--report", "adversarial"]
    monkeypatch.setattr(cli, "report_path", lambda task, name: tmp_path / task / f"{name}.json")
    assert cli.main([*command, "--models", "standard"]) == 0
    printed = capsys.readouterr().out
    assert "standard" in printed and "ARA" in printed and "adversarial.json" in printed
    kept = tmp_path / "fashion-mnist" / "adversarial.json"
    assert json.loads(kept.read_text())["rows"][0]["ara_n"] == 60 and kept.with_suffix(".npz").exists()
    assert cli.main([*command, "--images", "5"]) == 0  # other than what ships: nothing is kept
    assert "report:" not in capsys.readouterr().out and json.loads(kept.read_text())["rows"][0]["ara_n"] == 60


def test_robustness_takes_no_settings_of_the_other_report(shipped, fashion_root, capsys):
    command = ["evaluate", "--task", "fashion-mnist", "--report", "robustness"]
    for extra in (["--update-cards"], ["--robust-images", "3"]):
        assert cli.main([*command, *extra]) == 2
        assert "accuracy" in capsys.readouterr().err


def test_evaluate_takes_weights_and_a_folder_from_outside(shipped, tmp_path, capsys):
    from PIL import Image

    for name in ("bag", "coat"):
        (tmp_path / "own" / name).mkdir(parents=True)
        Image.new("L", (50, 60), 120).save(tmp_path / "own" / name / "a.png")
    weights = shipped / "fashion-mnist" / "pgd-linf.safetensors"
    command = [
        "evaluate",
        "--task",
        "fashion-mnist",
        "--weights",
        str(weights),
        "--data",
        str(tmp_path / "own"),
        "--json",
    ]
    assert cli.main(command) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[0]["model"] == "pgd-linf" and rows[0]["clean_n"] == 2


def test_evaluate_refuses_weights_of_another_task(shipped, capsys):
    weights = shipped / "fashion-mnist" / "pgd-linf.safetensors"
    assert cli.main(["evaluate", "--task", "cifar10", "--weights", str(weights)]) == 2
    assert "fashion-mnist" in capsys.readouterr().err


def test_unknown_model_is_said(shipped, fashion_root, capsys):
    assert cli.main(["evaluate", "--task", "fashion-mnist", "--models", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_data_list_says_what_is_there(fashion_root, capsys):
    assert cli.main(["data", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["available"]["fashion-mnist"] and not listed["available"]["cifar10"]


def test_data_fetch_without_network_fails_with_a_sentence(tmp_path, monkeypatch, capsys):
    """torchvision's download is left to fail against an address that refuses."""
    from core.data import datasets

    monkeypatch.setenv("ROBUSTSCOPE_DATA", str(tmp_path))
    monkeypatch.setattr(datasets._CLASSES["fashion-mnist"], "mirrors", ["http://127.0.0.1:9/"])
    assert cli.main(["data", "fetch", "fashion-mnist"]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_help_is_an_exit_of_zero(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["--help"])
    assert left.value.code == 0 and "evaluate" in capsys.readouterr().out


@pytest.mark.slow
def test_a_generator_is_trained_measured_and_makes_its_gallery(shipped, fashion_root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "generator_plan", lambda task, design: tiny_plan(design))
    command = ["train-generator", "fashion-mnist", "--steps", "2", "--out", str(tmp_path / "made"), "--json"]
    assert cli.main(command) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["command"] == "robustscope train-generator fashion-mnist --steps 2"
    assert card["settings"]["warm_up"] == 1 and len(card["training"]["losses"]) == 1

    asked = ["evaluate", "--task", "fashion-mnist", "--report", "generator", "--models", "standard"]
    assert cli.main([*asked, "--generator", str(tmp_path / "made"), "--images", "20", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["generator"] == card["sha256"]

    monkeypatch.setattr(cli, "GENERATORS", tmp_path / "made")
    monkeypatch.setattr(cli, "load_generator", lambda task: load_generator(task, tmp_path / "made"))
    monkeypatch.setattr(galleries, "ASSETS", tmp_path / "gallery")
    assert cli.main(["make-gallery", "fashion-mnist", "--seed", "2", "--json"]) == 0
    made = json.loads((tmp_path / "gallery" / "fashion-mnist" / galleries.MADE).read_text())
    assert made["command"] == "robustscope make-gallery fashion-mnist --seed 2"
    assert len(json.loads(capsys.readouterr().out)) == 22


def tiny_plan(design):
    """A plan of four steps on the synthetic pictures, whose classifier has a network of two stages."""
    network = GeneratorConfig(10, (1, 28, 28), 4, (8, 8, 4))
    recipe = GeneratorRecipe(features=1.0, classifier="standard")
    return GeneratorPlan("fashion-mnist", recipe, network, 4, warm_up=2, batch_size=8, images=16, precision="fp32")


def test_a_shipped_generator_is_not_overwritten_by_another(capsys):
    for words in (["--steps", "5"], ["--design", "vae"]):
        assert cli.main(["train-generator", "fashion-mnist", *words]) == 2
        assert "--out" in capsys.readouterr().err


def test_options_belong_to_their_reports(capsys):
    asked = ["evaluate", "--task", "fashion-mnist", "--report", "transfer"]
    for option in (["--generator", "x"], ["--update-cards"], ["--robust-images", "5"]):
        assert cli.main([*asked, *option]) == 2
        assert option[0] in capsys.readouterr().err
