"""Natural changes of many pictures: rows are what each network answers to each changed picture."""

import pytest
import torch

from core.batch.job import pack
from core.batch.natural import NaturalWork
from core.data.incoming import Incoming
from core.errors import ConfigError
from core.natural.catalogue import CHANGES
from tests.helpers.pictures import columns, png


def test_rows_are_the_answers_to_each_changed_picture(zoo_folder):
    work = NaturalWork(("rotation", "fog"), 3)
    networks = [work.taken_up(pack("fashion-mnist", key, zoo_folder)) for key in ("standard", "pgd-linf")]
    x = columns(2, 5).images()
    pictures = [Incoming(f"{at}.png", png(one[0].numpy())) for at, one in enumerate(columns(2, 5).pixels)]
    rows = work.made_of(networks, [pictures[0], Incoming("text.png", b"hello"), pictures[1]], "").rows
    good = [row for row in rows if "error" not in row]
    assert [row["path"] for row in rows if "error" in row] == ["text.png", "text.png"]
    expected = []
    for each in x.split(1):
        for model in networks:
            with torch.no_grad():
                at_rest = int(model.fast(each).argmax())
                for key in work.changes:
                    for amount in CHANGES[key].positions(3):
                        answer = int(model.fast(CHANGES[key](each, amount)).argmax())
                        name = model.task.class_names[answer]
                        expected.append((model.card.key, key, amount, name, answer == at_rest))
    assert [tuple(row[name] for name in ("model", "change", "amount", "answer", "kept")) for row in good] == expected
    assert all(row["kept"] for row in good if row["amount"] == CHANGES[row["change"]].rest)


def test_impossible_work_is_refused():
    for settings, words in (
        (((),), "at least one change"),
        ((("magic",),), "change must be"),
        ((("fog",), 1), "amounts"),
    ):
        with pytest.raises(ConfigError, match=words):
            NaturalWork(*settings)
