"""The dry run: labelled pictures find swapped colours, another range, and a normalisation that does not belong."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from core.data.labelled_zip import read_labelled_zip
from core.data.tasks.own import forget_private, keep_private, own_task
from core.errors import ConfigError, InputError
from core.models.foreign.dry_run import suspicion, top_answers, tried_variants
from core.models.foreign.fitting import NetworkName
from core.models.foreign.importing import built, match
from core.models.foreign.presets import preprocessing_of, variants
from core.models.foreign.reading import read_foreign
from tests.helpers.foreign import onnx_model, written

pytestmark = pytest.mark.xdist_group("dry run")  # the network is read once
NAMES = ("red", "green", "blue")


@pytest.fixture(scope="module")
def task():
    made = own_task("own-colours", "Colours", NAMES, 3, 32)
    keep_private([made])
    yield made
    forget_private(made.key)


@pytest.fixture(scope="module")
def matched(tmp_path_factory):
    """An ONNX network whose answer is the strongest colour, in the order RGB."""
    folder = tmp_path_factory.mktemp("onnx")
    path = written(folder, "net", onnx_model().SerializeToString())
    return match(read_foreign(path, folder / "weights.safetensors"))


def colours(count: int = 60) -> tuple[torch.Tensor, list[int]]:
    """Pictures of one colour each, with noise."""
    labels = [index % 3 for index in range(count)]
    x = torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 0.5
    for index, label in enumerate(labels):
        x[index, label] += 0.4
    return x, labels


@pytest.mark.slow
def test_the_right_preprocessing_raises_no_doubt(task, matched):
    x, labels = colours()
    tried = tried_variants(built(matched, task, "none", "m"), x, labels)
    assert tried[0].accuracy == 1.0 and suspicion(tried) == ""


def test_swapped_colours_are_found(task, matched):
    x, labels = colours()
    tried = tried_variants(built(matched, task, "none,order=bgr", "m"), x, labels)
    assert tried[0].accuracy == pytest.approx(1 / 3) and "with the colours as RGB" in suspicion(tried)


def test_a_normalisation_that_does_not_belong_is_found(task, matched):
    x, labels = colours()
    tried = tried_variants(built(matched, task, "mean=0:0:0.9,std=1:1:1", "m"), x, labels)
    assert tried[0].accuracy < 0.7 and "without normalisation" in suspicion(tried)


def test_without_labels_nothing_is_claimed(task, matched):
    tried = tried_variants(built(matched, task, "none,order=bgr", "m"), colours()[0], None)
    assert suspicion(tried) == "" and all(np.isnan(one.accuracy) and 0 < one.confidence <= 1 for one in tried)


def test_the_likeliest_classes_come_first(task, matched):
    (answer,) = top_answers(built(matched, task, "none", "m"), colours(1)[0])
    assert answer.classes[0] == 0 and list(answer.probs) == sorted(answer.probs, reverse=True)
    assert sum(answer.probs) == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("usual", "side", 224),
        ("imagenet,side=128", "side", 128),
        ("mean=0.5:0.5:0.5,std=1:1:1", "mean", (0.5, 0.5, 0.5)),
        ("mean=127/255:0:0", "mean", (127 / 255, 0, 0)),
        ("caffe", "channel_order", "bgr"),
        ("half,values=0..255", "values", "0..255"),
    ],
)
def test_a_line_says_the_preprocessing(text, field, value):
    assert getattr(preprocessing_of(text, NetworkName("torchvision", "resnet18"), 3), field) == value


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "imagenet,x=1",
        "mean=1:2",
        "std=0:0:0",
        "order=grb",
        "side=9999",
        "side=inf",
        "side=nan",
        "mean=a:b:c",
    ],
)
def test_a_line_that_says_none_is_refused(text):
    with pytest.raises(ConfigError):
        preprocessing_of(text, NetworkName("torchvision", "resnet18"), 3)


def test_grey_networks_have_presets_too_and_no_order_of_colours():
    grey = preprocessing_of("imagenet", None, 1, 28)
    assert grey.mean == (pytest.approx(0.449),) and not [words for words in variants(grey) if "BGR" in words]


def zipped(*names: str, data: bytes | None = None) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            picture = io.BytesIO()
            Image.new("RGB", (40, 30), "red").save(picture, "PNG")
            archive.writestr(name, picture.getvalue() if data is None else data)
    out.seek(0)
    return out


def test_labelled_pictures_come_in_folders_called_as_the_classes(task):
    file = zipped("set/Red/a.png", "set/green/b.png", "set/2/c.png", "set/purple/d.png")
    found = read_labelled_zip(task, file, "set.zip", file.getbuffer().nbytes)
    assert found.pictures.labels.tolist() == [0, 1, 2] and found.pictures.pixels.shape == (3, 3, 32, 32)
    assert "purple" in found.notes[0]


def test_a_zip_without_a_class_is_a_sentence(task):
    file = zipped("a.png", "purple/b.png")
    with pytest.raises(InputError, match="no picture in a folder that is called as a class: red, green, blue"):
        read_labelled_zip(task, file, "set.zip", file.getbuffer().nbytes)
    with pytest.raises(InputError, match="come as a ZIP"):
        read_labelled_zip(task, io.BytesIO(b"hello"), "set.zip", 5)
