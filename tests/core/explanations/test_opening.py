"""The picture that a first visit opens with: the rule on networks whose answers are known, and on those that ship."""

import json
from pathlib import Path

import pytest
import torch

from core.checksums import write_checked
from core.data.galleries import gallery
from core.data.tasks import task_named, trained_tasks
from core.errors import InputError
from core.explanations.opening import (
    Opening,
    Openings,
    OpeningSettings,
    choose,
    least_sure,
    read_openings,
    write_openings,
)
from core.latent.autoencoder import load_autoencoder
from core.models.zoo import cards, load_zoo_model
from tests.helpers.checked_files import read_json

NOWHERE = Path("nowhere")


@pytest.fixture(scope="module")
def garments():
    return [load_zoo_model("fashion-mnist", key) for key in ("standard", "pgd-linf", "pgd-l2")]


@pytest.mark.slow
def test_the_rule_finds_on_shipped_networks_and_pictures_what_ships(garments):
    kept = read_openings("fashion-mnist")
    pictures = gallery(task_named("fashion-mnist"), NOWHERE)
    keys = [key for key, item in pictures.items.items() if item.label is not None]
    assert kept.settings == OpeningSettings()
    again = choose(pictures, keys, garments, load_autoencoder("fashion-mnist"), kept.settings)
    assert again.picture == kept.chosen["ships"].picture
    assert again.least == pytest.approx(kept.chosen["ships"].least, abs=1e-3)


@pytest.mark.parametrize("task", trained_tasks())
def test_every_choice_that_ships_is_about_the_networks_and_pictures_that_ship(task):
    kept, here = read_openings(task), cards(task)
    assert kept.command == f"robustscope choose-opening {task}"
    assert kept.networks == {key: here[key].sha256 for key in kept.networks} and "standard" in kept.networks
    pictures = gallery(task_named(task), NOWHERE).items
    for kind, one in kept.chosen.items():
        assert one.picture.startswith("test:") if kind.startswith("test") else one.picture in pictures


def test_a_picture_on_which_a_network_errs_does_not_qualify(garments):
    x = torch.zeros(1, 1, 28, 28)
    answers = {int(model.fast(x).argmax()) for model in garments}
    wrong = next(label for label in range(10) if label not in answers)
    assert least_sure(garments, x, wrong, None) is None
    for model in garments:
        answer = int(model.fast(x).argmax())
        assert least_sure([model], x, answer, None) == pytest.approx(float(model.fast(x).softmax(1).max()), abs=1e-6)


def test_without_an_attack_worth_its_name_the_first_network_stands_and_nothing_qualifies(garments):
    x = torch.zeros(1, 1, 28, 28)
    answer = int(garments[0].fast(x).argmax())
    assert least_sure(garments[:1], x, answer, OpeningSettings(epsilon=0.0)) is None


def test_a_choice_is_read_as_it_was_written_and_a_damaged_one_is_refused(tmp_path):
    made = Openings(
        "pasted", "command", OpeningSettings(), {"standard": "0"}, "", {"ships": Opening("generated:1", 0.5)}
    )
    (tmp_path / "pasted").mkdir()
    path = write_openings(made, tmp_path)
    assert read_openings("pasted", tmp_path) == made and read_openings("cifar10", tmp_path) is None
    fields = read_json(path)
    for broken in ("{", json.dumps(fields | {"chosen": {"ships": {"picture": "a"}}}), json.dumps({"task": "pasted"})):
        write_checked(path, broken.encode())
        with pytest.raises(InputError, match="not a choice"):
            read_openings("pasted", tmp_path)
