"""Many pictures for several networks: the rows of the command, each picture in its place, and bounds."""

import csv
import io
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from core.anomaly.batch_file import Scoring, score_files
from core.anomaly.batch_parts import SCHEMA
from core.anomaly.batch_table import score_many, to_csv
from core.data.incoming import Incoming, incoming
from core.errors import ConfigError
from tests.helpers.pictures import columns, png

ASKED = ("norms-all", "msp")


@pytest.fixture
def folder(tmp_path):
    """Nine pictures, the third of them broken."""
    for index, image in enumerate(columns(9, 5).pixels):
        (tmp_path / f"{index}.png").write_bytes(png(image[0].numpy())[: 60 if index == 2 else None])
    return tmp_path


def test_the_rows_are_those_of_the_command_and_each_picture_has_its_place(network, screen, folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "scores.parquet"
    score_files(network, screen, [folder], out, Scoring(ASKED))
    told = []
    found = score_many([(network, screen)], incoming([folder]), Scoring(ASKED, batch=4), 100, told.append)
    expected = pq.read_table(out).to_pylist()
    assert found.table.schema.equals(SCHEMA) and told == [0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9] and not found.left
    for row, other in zip(found.table.to_pylist(), expected, strict=True):
        assert {**row, "score": None} == {**other, "score": None} or row["score"] == pytest.approx(other["score"], 1e-3)
    assert [path.rsplit("/", 1)[1] for path in found.paths] == [f"{index}.png" for index in range(9)]
    by_file = {row["path"]: row for row in expected if row["detector"] == "msp"}
    for at, path in enumerate(found.paths):
        if at == 2:
            assert found.errors[at] and found.pictures[at] is None and found.answers["standard"][at] == -1
            assert np.isnan(found.p_values["standard"]["msp"][at])
        else:
            assert found.errors[at] == ""
            assert found.scores["standard"]["msp"][at] == pytest.approx(by_file[path]["score"], rel=1e-3)
            assert np.array_equal(found.pictures[at], columns(9, 5).pixels[at].numpy())
    kept = [at for at in range(9) if at != 2]
    with torch.no_grad():
        expected_answers = network.fast(columns(9, 5).images()[kept]).argmax(1)
    assert found.answers["standard"][kept].tolist() == expected_answers.tolist()
    sure = network.fast(columns(9, 5).images()[kept]).softmax(1).amax(1).detach().numpy()
    np.testing.assert_allclose(found.probabilities["standard"][kept], sure, rtol=1e-4)
    assert np.isnan(found.probabilities["standard"][2]) and set(found.notes) == {""}


def test_two_networks_read_each_picture_once(network, screen, folder, monkeypatch):
    other = replace(network, card=replace(network.card, key="other"))
    reads = []

    def files():
        for file in incoming([folder]):
            reads.append(file.path)
            yield file

    found = score_many([(network, screen), (other, screen)], files(), Scoring(ASKED), 100)
    assert len(reads) == 9 and found.models == ("standard", "other") and found.table.num_rows == 2 * (2 * 8 + 1)
    for key in ASKED:
        np.testing.assert_allclose(found.scores["standard"][key], found.scores["other"][key])
    half = found.table.num_rows // 2
    assert set(found.table.column("model").to_pylist()[:half]) == {"standard"}


def test_no_more_than_the_limit_is_read(network, screen):
    data = png(columns(1, 5).pixels[0, 0].numpy())
    reads = []

    def endless():
        while True:
            reads.append(1)
            yield Incoming(f"{len(reads)}.png", data)

    found = score_many([(network, screen)], endless(), Scoring(("msp",), batch=3), 7)
    assert len(found.paths) == 7 and found.left and len(reads) == 8


@pytest.mark.slow
def test_light_and_dark_are_swapped_where_asked(network, screen):
    image = columns(1, 5).pixels[0, 0].numpy()
    as_is = score_many([(network, screen)], [Incoming("a", png(image))], Scoring(("msp",)), 9)
    swapped = score_many([(network, screen)], [Incoming("a", png(255 - image))], Scoring(("msp",), invert=True), 9)
    assert np.array_equal(as_is.pictures[0], swapped.pictures[0])
    assert swapped.scores["standard"]["msp"] == as_is.scores["standard"]["msp"]


def test_nothing_to_read_is_an_empty_table_and_what_is_impossible_is_refused(network, screen):
    found = score_many([(network, screen)], [], Scoring(("msp",)), 9)
    assert found.table.num_rows == 0 and len(found.p_values["standard"]["msp"]) == 0 == len(found.answers["standard"])
    with pytest.raises(ConfigError, match="one task"):
        score_many([], [], Scoring(("msp",)), 9)
    with pytest.raises(ConfigError, match="magic"):
        score_many([(network, screen)], [], Scoring(("magic",)), 9)


def test_names_that_spreadsheets_take_for_formulas_are_quoted_as_csv(network, screen):
    data = png(columns(1, 5).pixels[0, 0].numpy())
    names = ["=HYPERLINK(1).png", "+1.png", "-1.png", "@a.png", "plain.png"]
    found = score_many([(network, screen)], [Incoming(name, data) for name in names], Scoring(("msp",)), 9)
    rows = list(csv.DictReader(io.StringIO(to_csv(found.table).decode())))
    assert [row["path"] for row in rows] == [f"'{name}" for name in names[:4]] + ["plain.png"]
    assert [float(row["score"]) for row in rows] == [row["score"] for row in found.table.to_pylist()]  # numbers stay
