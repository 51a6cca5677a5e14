"""Natural changes in files and in links: files say what was found, amounts travel, small pictures stand for large."""

import csv
import io
import json

import numpy as np
import pytest
import torch

from app.latent.choice import LatentChoice
from app.latent.natural import amounts, files, results, smallest
from app.state.choice import Options, default
from app.state.pictures import ModelInput, Tones
from app.ui.slider_predictions import ClassColours, key_html, small
from core.data.tasks import CIFAR10, FASHION_MNIST, task_named
from core.natural.catalogue import CHANGES, changes_of
from core.natural.catalogue import changed as under
from core.npz import arrays_of
from core.progress import StoppedError, never, silent

HERE = Options(
    dict.fromkeys(("cifar10", "fashion-mnist"), ("standard", "pgd-l2")),
    dict.fromkeys(("cifar10", "fashion-mnist"), ("photo:chelsea",)),
)


def brightness(x: torch.Tensor) -> torch.Tensor:
    """Answers the class 1 where a picture is light."""
    lead = x.mean((1, 2, 3)) - 0.55
    return torch.nn.functional.pad(torch.stack([-lead, lead], 1), (0, 8), value=-9.0)


@pytest.fixture(scope="module")
def scene():
    x = np.random.default_rng(0).random((1, 1, 28, 28), np.float32)
    tones = Tones(False, 1.0, (0, 255), (0, 255), (0, 255))
    shown = ModelInput("noise", "made", None, (), b"", (28, 28), x, "a picture of noise", tones)
    networks = (("standard", "a"), ("=pgd", "b"))
    return results.NaturalScene(FASHION_MNIST, shown, networks, (brightness, lambda x: brightness(x) * 0 - x.mean()))


@pytest.fixture(scope="module")
def found(scene):
    return smallest.search(scene, ("standard",), silent, never)


def test_the_csv_has_a_line_a_change_and_network_and_no_formula(scene, found):
    lines = list(csv.DictReader(io.StringIO(files.smallest_csv(scene, found).decode())))
    assert len(lines) == 2 * len(changes_of(1)) + 1 and {line["model"] for line in lines} == {"standard", "'=pgd"}
    light = next(line for line in lines if (line["change"], line["model"]) == ("brightness", "standard"))
    assert float(light["kept"]) < float(light["amount"]) and light["answer"] == FASHION_MNIST.class_names[1]
    assert all(line["amount"] == "" for line in lines if line["found"] == "False")
    assert all(line["found"] == "False" for line in lines if line["model"] == "'=pgd")
    (several,) = [line for line in lines if line["change"] == "several"]  # the other network gave no gradients
    alone = [float(line["share"]) for line in lines[:-1] if line["share"] and line["change"] != "jpeg"]
    assert float(several["share"]) <= min(alone) and several["amount"].count(":") >= 1 and several["found"] == "True"


def test_the_arrays_are_pictures_that_are_answered_as_the_table_says(scene, found):
    arrays = arrays_of(files.smallest_npz(scene, found), "x")
    amount = float(arrays["amount_brightness"][0])
    changed = CHANGES["brightness"](scene.x, amount)[0].numpy()
    np.testing.assert_array_equal(arrays["x_brightness"][0], changed)
    assert int(brightness(torch.from_numpy(changed)[None]).argmax()) == 1 and np.isnan(arrays["amount_brightness"][1])
    together = dict(zip(json.loads(str(arrays["settings"]))["changes"], arrays["several"][0].tolist(), strict=True))
    made = under(scene.x, together)
    np.testing.assert_allclose(arrays["x_several"][0], made[0].numpy(), atol=1e-6)
    assert (
        int(brightness(made).argmax()) == 1
        and np.isnan(arrays["several"][1]).all()
        and np.isnan(arrays["size_several"][1])
    )
    whole = arrays_of(files.explorer_npz(scene, (("fog", 0.5),)), "x")
    assert json.loads(str(whole["settings"]))["amounts"] == {"fog": 0.5}
    places = whole["positions__fog"]
    assert whole["probs__fog"].shape == (2, len(places), 10)
    np.testing.assert_allclose(whole["probs__fog"][0, places.tolist().index(0.5)], whole["probs"][0], atol=1e-6)


def test_a_search_ends_where_it_is_told_to(scene):
    with pytest.raises(StoppedError):
        smallest.search(scene, (), silent, lambda: True)


def test_amounts_travel_in_the_catalogues_order_and_grey_pictures_lose_colours():
    link = {"view": "natural", "changes": "light", "natural": "rotation:-12.5,hue:30"}
    part, notes = LatentChoice.read(link, default(HERE, "cifar10"), HERE)
    assert notes == [] and part.amounts == (("rotation", -12.5), ("hue", 30.0)) and part.shows(CIFAR10) == "natural"
    part = part.change("amount", ("fog", 0.25), default(HERE, "cifar10"), HERE)
    assert part.to_query()["natural"] == "rotation:-12.5,fog:0.25,hue:30"
    assert part.change("amount", ("fog", 2.0), default(HERE, "cifar10"), HERE) is part
    assert part.change("amount", ("fog", 0.0), default(HERE, "cifar10"), HERE).amounts == part.amounts[::2]
    grey = part.within(default(HERE, "fashion-mnist"), HERE)
    assert grey.amounts == (("rotation", -12.5), ("fog", 0.25))


@pytest.mark.parametrize("amount", [1e-5, -12.5, 0.1234567, 90.0])
def test_any_amount_comes_back_from_its_link(amount):
    (found,) = amounts.parse(amounts.as_text((("rotation", amount),)))
    assert found == ("rotation", pytest.approx(amount, abs=1e-6))


@pytest.mark.parametrize("absurd", [None, 3, ("fog",), (("fog", "1"),), (("nowhere", 1.0),), ((["fog"], 0.5),)])
def test_amounts_from_anyone_are_refused_where_they_are_none(absurd):
    assert not amounts.are_possible(absurd, CIFAR10)


def test_a_large_picture_is_averaged_and_a_small_one_stays():
    x = np.random.default_rng(0).random((3, 224, 168), np.float32)
    made = small(x)
    assert made.shape == (3, 74, 56) and made[1, 0, 0] == pytest.approx(x[1, :3, :3].mean(), rel=1e-5)
    assert small(x[:, :32, :32]) is not None and small(x[:, :32, :32]).shape == (3, 32, 32)


def test_of_a_thousand_classes_the_key_names_those_that_are_answered():
    body = key_html(task_named("imagenet"), ["standard"], ClassColours(task_named("imagenet")), {281, 285})
    assert body.count("<b ") == 2 and "tabby" in body and "Egyptian cat" in body
