"""The report on natural changes: rows are what the arrays say, and the arrays what the networks answer."""

import numpy as np
import pytest
import torch

from core.natural.catalogue import CHANGES, changes_of
from core.reports.catalogue import command_of
from core.reports.form.measuring import Request
from core.reports.natural.report import LEVELS, NAME, NaturalSettings, amounts_at, natural_report
from tests.helpers.rows import figures


@pytest.mark.slow
def test_rows_say_what_the_networks_answer(models, data, tmp_path):
    request = Request(models, data, NaturalSettings(images=5), tmp_path)
    made = natural_report(request)
    assert len(made.report.rows) == len(models) * len(changes_of(1)) * len(LEVELS)
    for row in made.report.rows:
        entries = made.arrays[f"kept__{row['model']}__{row['change']}"]
        assert entries.shape == (5, len(LEVELS)) and row["kept_n"] == row["right_n"] == 5
        assert row["kept"] == entries[:, LEVELS.index(row["level"])].mean()
        assert row["kept_low"] <= row["kept"] <= row["kept_high"]
    model, x, labels = models[0], data.images(0, 5), data.labels[:5]
    with torch.no_grad():
        rest, down, up = (model.fast(CHANGES["brightness"](x, at)).argmax(1) for at in (0, -0.3, 0.3))
    kept, right = (made.arrays[f"{name}__standard__brightness"][:, 2] for name in ("kept", "right"))
    np.testing.assert_array_equal(kept, ((down == rest) & (up == rest)).numpy())
    np.testing.assert_array_equal(right, ((down == labels) & (up == labels)).numpy())
    again = natural_report(request)  # from the parts that are kept
    assert figures(again.report.rows) == figures(made.report.rows)


def test_levels_are_shares_of_the_way_on_the_sides_that_there_are():
    assert amounts_at(CHANGES["scale"], 0.5) == [0.75, 1.5]
    assert amounts_at(CHANGES["fog"], 0.25) == [0.25]
    assert amounts_at(CHANGES["jpeg"], 0.1) == [90.0]  # 90.1: qualities are whole


def test_the_command_line_knows_it():
    assert command_of(NAME).settings(7, 3) == NaturalSettings(images=7, seed=3)
