"""Tasks that people bring: names in the ways they come, files that come back, keys that nobody guesses."""

import json

import pytest

from core.checksums import with_checksum
from core.data import datasets
from core.data.galleries import gallery
from core.data.tasks import listed_tasks, task_named
from core.data.tasks.own import (
    PRIVATE,
    forget_private,
    keep_private,
    names_in,
    own_task,
    read_task,
    secret_key,
    task_path,
    write_task,
)
from core.errors import ConfigError, DataMissingError, InputError

BIRDS = own_task("birds", "Birds", ("robin", "wren"), 3, 224)


@pytest.mark.parametrize(
    "text",
    [
        "robin\nwren\n",
        "\ufeffrobin\r\n\r\n wren ",
        "0: robin\n1: wren",
        "0,robin\n1,wren",
        '["robin", "wren"]',
        '{"1": "wren", "0": "robin"}',
        '{"wren": 1, "robin": 0}',
        '{"0": ["n01", "robin"], "1": ["n02", "wren"]}',
    ],
)
def test_class_names_are_taken_in_the_ways_they_come(text):
    assert names_in(text) == ["robin", "wren"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("robin", "2 to 1,000 classes; got 1"),
        ("robin\nRobin", "'Robin' comes twice|'robin' comes twice"),
        ("a\n" + "b" * 90, "1 to 80 printable"),
        ('["robin", 3]', "list of texts"),
        ('{"0": "robin", "2": "wren"}', "class 1 has no name"),
        ("[" * 40_000, "can't be read"),
        ("\n".join(map(str, range(5000))), "got 5,000"),
    ],
)
def test_class_names_that_can_not_be_are_a_sentence(text, said):
    with pytest.raises(ConfigError, match=said) as refused:
        names_in(text)
    assert len(str(refused.value)) < 200


def test_a_task_comes_back_from_its_file_and_is_listed(tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path))
    with pytest.raises(ConfigError):
        task_named("birds")
    write_task(BIRDS, tmp_path)
    found = task_named("birds")
    assert (found.class_names, found.shape, found.title) == (BIRDS.class_names, (3, 224, 224), "Birds")
    assert [*listed_tasks()][-1] == "birds" and listed_tasks()["cifar10"].classes == 10


@pytest.mark.parametrize(
    "change",
    [
        {"key": "other"},
        {"shape": [3, 8, 9]},
        {"shape": [3, 10**6, 10**6]},
        {"classes": [1, 2]},
        {"title": ""},
        {"classes": []},
    ],
)
def test_a_file_that_describes_no_task_is_passed_over(change, tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path))
    values = {"key": "birds", "title": "Birds", "classes": ["a", "b"], "shape": [3, 64, 64]}
    path = task_path(tmp_path, "birds")
    path.parent.mkdir()
    path.write_bytes(with_checksum(json.dumps(values | change).encode()))
    with pytest.raises(InputError, match="describes no task"):
        read_task(path)
    assert "birds" not in listed_tasks()


def test_a_private_task_is_found_by_its_key_alone_which_nobody_guesses():
    key = secret_key()
    assert key.startswith(PRIVATE) and len(key) >= len(PRIVATE) + 32 and key != secret_key()
    keep_private([own_task(key, "Mine", ("a", "b"), 1, 28)])
    assert task_named(key).grey and key not in listed_tasks()
    forget_private(key)
    with pytest.raises(ConfigError):
        task_named(key)


def test_it_has_no_data_set_and_says_so_and_photographs_are_its_gallery():
    assert not datasets.available(BIRDS) and next(iter(gallery(BIRDS).items)) == "photo:astronaut"
    with pytest.raises(DataMissingError, match="Birds was brought without a data set"):
        datasets.load(BIRDS, "test")
    with pytest.raises(DataMissingError, match="brought without a data set"):
        datasets.fetch(BIRDS, datasets.data_root())
