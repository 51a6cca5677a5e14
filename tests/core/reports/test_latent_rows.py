"""Rows of the report `latent` that need no measuring: severity where nothing, or not all, is found."""

import numpy as np
import pytest

from core.reports.commands import latent as commands_latent
from core.reports.latent.rows import _image_space, counted_at_largest


@pytest.mark.parametrize("distance", [[np.inf, np.inf], [0.0, np.inf]], ids=["none", "wrong-already"])
def test_a_network_that_nobody_breaks_has_no_severity(distance):
    """0 would make it the most fragile of all; the shares say what there was."""
    arrays = {f"image_{norm}__net": np.array(distance, np.float32) for norm in ("l2", "linf")}
    for row in _image_space("net", arrays):
        assert row["value"] is row["value_low"] is row["value_high"] is row["median"] is None and row["value_n"] == 0
        assert row["not_found"] == np.isinf(distance).mean() and row["already_wrong"] == 1 - row["not_found"]
        assert "unknown" in commands_latent._line({"model": "net"} | row)


@pytest.mark.parametrize(
    ("distance", "counts"),
    [([0.0, 0.25, np.inf], [0.0, 0.25, 0.25]), ([0.5, 0.25], [0.5, 0.25]), ([0.0, 0.0], [0.0, 0.0])],
    ids=["some", "all", "all-wrong-already"],
)
def test_what_was_not_found_counts_as_the_largest_that_was(distance, counts):
    assert counted_at_largest(np.array(distance, np.float32)).tolist() == counts
    arrays = {f"image_{norm}__net": np.array(distance, np.float32) for norm in ("l2", "linf")}
    assert [(row["value"], row["median"]) for row in _image_space("net", arrays)] == [
        (np.mean(counts), np.median(counts))
    ] * 2
