"""A classifier in a ZIP comes back as it went; a ZIP from anywhere is checked before anything is kept."""

import io
import json
import zipfile

import pytest
import torch

from core.data.tasks.own import forget_private, keep_private, own_task
from core.errors import InputError
from core.models import bundle
from core.models.architectures import preact_resnet
from core.models.architectures.onnx_network import OnnxClassifier, OnnxConfig
from core.models.bundle import install, pack, unpack
from core.models.preprocessing import Preprocessing
from core.models.resnet import PreActResNet
from core.models.zoo import Card, load_zoo_model, save
from core.text import escape_markdown
from tests.helpers.checked_files import json_bytes
from tests.helpers.hostile import changed, external, looping, onnx_bytes
from tests.helpers.networks import TINY_GREY


@pytest.fixture
def shelf(tmp_path):
    """A folder with one classifier, `mine`."""
    card = Card("fashion-mnist", "mine", TINY_GREY, "recipe", {}, 0, "command", {"seconds": 1}, "", 0)
    save(PreActResNet(TINY_GREY, torch.Generator().manual_seed(0)), card, tmp_path / "shelf")
    return tmp_path / "shelf"


def packed(shelf) -> bytes:
    return pack(shelf, load_zoo_model("fashion-mnist", "mine", shelf).card, "My net")


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def test_what_was_packed_is_installed_under_its_new_name(shelf, tmp_path):
    install(unpack(packed(shelf)), "again", tmp_path / "other")
    one, other = (
        load_zoo_model("fashion-mnist", "mine", shelf),
        load_zoo_model("fashion-mnist", "again", tmp_path / "other"),
    )
    assert other.card.key == "again" and other.card.sha256 == one.card.sha256
    x = torch.rand(2, 1, 28, 28)
    assert torch.equal(one.plain(x), other.plain(x))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a ZIP"),
        (b"PK\x03\x04 nonsense", "not a ZIP"),
        (zipped(a__json=b"{}"), "one .safetensors"),
        (zipped(a__json=b"{}", b__json=b"{}", c__safetensors=b""), "one .json file, and holds 2"),
        (zipped(**{f"n{i}__txt": b"" for i in range(2001)}), "2,001 files"),
        (zipped(a__json=b" " * 2_000_000, b__safetensors=b""), "larger than 1 MB"),
    ],
    ids=["empty", "broken", "no weights", "two cards", "many", "large card"],
)
def test_a_zip_that_is_no_classifier_is_refused(data, message):
    with pytest.raises(InputError, match=message):
        unpack(data)


def test_a_truncated_zip_is_refused(shelf):
    with pytest.raises(InputError, match="not a ZIP"):
        unpack(packed(shelf)[:-200])


def test_a_zip_that_lies_about_its_sizes_is_refused(shelf):
    """A bomb states a small size in its directory and unpacks to a large one."""
    data = bytearray(zipped(a__json=b"0" * 900_000, b__safetensors=b"0"))
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"PK\x01\x02"))
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    with pytest.raises(InputError):
        unpack(bytes(data))


def test_a_password_is_no_way_in(shelf):
    data = bytearray(packed(shelf))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(mark)
        data[at + offset] |= 1
    with pytest.raises(InputError, match="not a ZIP that can be read"):
        unpack(bytes(data))


def test_names_in_the_zip_lead_nowhere(shelf, tmp_path):
    files = unpack(packed(shelf))
    wicked = zipped(**{"../../evil__json": files[".json"], "/etc/evil__safetensors": files[".safetensors"]})
    install(unpack(wicked), "kept", tmp_path / "other")
    assert sorted(path.name for path in (tmp_path / "other").rglob("*.*")) == ["kept.json", "kept.safetensors"]


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"task": "imagenet"}, {"task": "cifar10"}, {"surprise": 1}])
def test_weights_that_are_not_those_of_the_card_are_refused_and_nothing_is_kept(shelf, tmp_path, change):
    files = unpack(packed(shelf))
    files[".json"] = json_bytes(json.loads(files[".json"]) | change)
    with pytest.raises(InputError):
        install(files, "kept", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_card_that_can_not_be_kept_takes_its_weights_along(shelf, tmp_path):
    files = unpack(packed(shelf))
    (tmp_path / "other" / "fashion-mnist" / "kept.json").mkdir(parents=True)
    with pytest.raises(InputError, match="could not be written"):
        install(files, "kept", tmp_path / "other")
    assert not [path for path in (tmp_path / "other").rglob("*") if path.is_file()]


def test_nothing_of_a_card_that_is_refused_is_kept_and_little_of_it_said(shelf, tmp_path):
    """What a stranger wrote stands in the sentence short, on one line and as text."""
    files = unpack(packed(shelf))
    card = json.loads(files[".json"])
    for change in ({"training": {"seconds": float("nan")}}, {"<b>" + "x" * 9000: 1}, {"task": "# now\n" * 1000}):
        files[".json"] = json_bytes(card | change)
        with pytest.raises(InputError) as refused:
            install(files, "kept", tmp_path / "other")
        assert len(str(refused.value)) < 250 and "\n" not in str(refused.value)
        assert "<" not in escape_markdown(str(refused.value)).replace("\\<", "")
    assert not (tmp_path / "other").exists()


def test_a_large_network_is_refused_before_it_is_built(shelf, tmp_path, monkeypatch):
    files = unpack(packed(shelf))
    card = json.loads(files[".json"])
    network = card["network"] | {"widths": [256, 512], "blocks": [1, 2]}
    files[".json"] = json_bytes(card | {"network": network})
    monkeypatch.setattr(preact_resnet, "PreActResNet", None)
    monkeypatch.setattr(bundle, "MOST_PARAMETERS", 5_000_000)
    with pytest.raises(InputError, match="at most 5,000,000"):
        install(files, "kept", tmp_path / "other")


@pytest.mark.parametrize("missing", [".json", ".safetensors"])
def test_one_file_of_the_two_is_not_enough(shelf, tmp_path, missing):
    files = unpack(packed(shelf))
    del files[missing]
    with pytest.raises(InputError, match=f"{missing} file is missing"):
        install(files, "kept", tmp_path)


def test_a_network_too_large_to_share_the_memory_is_refused(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "MOST_PARAMETERS", 100)
    with pytest.raises(InputError, match="at most 100"):
        install(unpack(packed(shelf)), "kept", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_where_there_is_no_room_nothing_is_written(shelf, tmp_path):
    files, asked = unpack(packed(shelf)), []

    def full(size: int) -> None:
        asked.append(size)
        raise InputError("no room")

    with pytest.raises(InputError, match="no room"):
        install(files, "kept", tmp_path / "other", full)
    assert asked == [sum(map(len, files.values()))] and not (tmp_path / "other").exists()


def test_the_limits_are_those_of_the_house():
    assert (bundle.MAX_ZIP_BYTES, bundle.MAX_ENTRIES) == (200_000_000, 2_000)
    assert (bundle.MAX_WEIGHT_BYTES, bundle.MOST_PARAMETERS) == (400_000_000, 100_000_000)


def test_what_systems_add_to_a_zip_is_passed_over(shelf):
    """macOS puts `._name.json` beside each file: a second card, as it seemed."""
    with zipfile.ZipFile(io.BytesIO(packed(shelf))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    added = {f"__MACOSX/._{name}": b"?" for name in files} | {".hidden/a.json": b"{}", "desktop.ini": b""}
    out, bare = io.BytesIO(), zipfile.ZipInfo("xx")
    bare.filename = ""  # an entry without a name: `ZipInfo.is_dir` fails on it
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in (files | added).items():
            archive.writestr(name, content)
        archive.writestr(bare, b"?")
    assert unpack(out.getvalue()) == unpack(packed(shelf))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("graph", "said"), [("", ""), ("loop", "uses Loop, whose work has no bound"), ("path", "another file")]
)
def test_a_graph_in_a_zip_is_checked_as_its_onnx_file_would_be(graph, said, forked_reader, tmp_path):
    """Whoever packs a ZIP by hand does not get around the process that reads foreign files."""
    data = {"": onnx_bytes, "loop": looping, "path": lambda: changed(lambda one: external(one.graph.initializer[0]))}[
        graph
    ]()
    network = OnnxConfig(3, Preprocessing((0.0,) * 3, (1.0,) * 3, 32), len(data), 9, True, False)
    task = own_task("own-graphs", "Graphs", ("a", "b", "c"), 3, 32)
    keep_private([task])
    classifier = OnnxClassifier(network)
    classifier.onnx = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    card = save(classifier, Card(task.key, "mine", network, "r", {}, 0, "c", {}, "", 0), tmp_path / "shelf")
    files = unpack(pack(tmp_path / "shelf", card, "net"))
    if said:
        with pytest.raises(InputError, match=said):
            install(files, "kept", tmp_path / "other")
        assert not (tmp_path / "other").exists()
    else:
        assert install(files, "kept", tmp_path / "other").parameters == 9
    forget_private(task.key)
