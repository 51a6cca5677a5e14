"""References under every label: what is written is read back, and a file from anywhere is checked."""

import numpy as np
import pytest

from core.anomaly.confounding import HEADS, LABELS, ConfoundingLabel
from core.anomaly.label_references import (
    LABELLED,
    MAX_BYTES,
    fit_references,
    read_references,
    references_path,
    write_references,
)
from core.anomaly.measurements import MAIN, PROBES, weights_among
from core.anomaly.reference import norms, of_norms
from core.errors import InputError
from core.npz import read_npz, write_npz
from tests.helpers.pictures import columns


@pytest.fixture(scope="module")
def references(network):
    return fit_references(network, columns(60, 2).images())


@pytest.fixture(scope="module")
def path(network, references, tmp_path_factory):
    path = references_path("fashion-mnist", "standard", tmp_path_factory.mktemp("labels"))
    write_references(references, network, path)
    return path


def test_every_label_and_loss_is_there_but_the_main_one_and_what_asks_nothing():
    assert len(LABELLED) == len(set(LABELLED)) == len(LABELS) * len(HEADS) - 2
    assert PROBES[MAIN] not in LABELLED and {probe.label for probe in LABELLED} == set(LABELS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "probe",
    [ConfoundingLabel("zeros"), ConfoundingLabel("top-m", "cross-entropy"), ConfoundingLabel("predicted", "softmax")],
)
@pytest.mark.parametrize("every", [True, False])
def test_they_are_what_measuring_gives(network, references, probe, every):
    weights = weights_among(network)
    x = columns(60, 2).images()
    expected = of_norms(norms(network, x, probe), probe, np.ones_like(weights) if every else weights)
    some = norms(network, columns(10, 8).images(), probe)
    np.testing.assert_allclose(references[probe, every].score(some), expected.score(some), rtol=1e-2)
    np.testing.assert_allclose(references[probe, every].band, expected.band, atol=1e-3)


def test_what_is_written_is_read_back(network, references, path):
    again = read_references(network, path)
    some = norms(network, columns(10, 8).images(), LABELLED[0])
    assert set(again) == set(references) and path.stat().st_size < MAX_BYTES / 10
    for key, one in references.items():
        assert again[key].probe == key[0] and np.array_equal(again[key].chosen, one.chosen)
        np.testing.assert_array_equal(again[key].band, one.band)
        np.testing.assert_array_equal(again[key].p_value(some), one.p_value(some))
        np.testing.assert_array_equal(again[key].score(some), one.score(some))


@pytest.mark.parametrize(
    ("name", "array", "why"),
    [
        ("settings", np.array('{"sha256": "b"}'), "other weights"),
        ("zeros/sigmoid/all/band", np.zeros((3, 2)), "not for this network"),
        ("zeros/sigmoid/weights/mean", np.zeros((2, 3)), "no profile detector"),
        ("ones/softmax/all/normals", np.full(5, np.nan), "not finite"),
        ("ones/softmax/all/normals", np.zeros(0), "empty"),
        ("others/softmax/all/distance", np.array("sum"), "not for this network"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(network, path, tmp_path, name, array, why):
    changed = tmp_path / "x.labels.npz"
    write_npz(read_npz(path, MAX_BYTES) | {name: array}, changed)
    with pytest.raises(InputError, match=why):
        read_references(network, changed)


def test_a_damaged_or_missing_file_is_refused(network, path, tmp_path):
    cut = tmp_path / "cut.npz"
    cut.write_bytes(path.read_bytes()[:500])
    for one in (cut, tmp_path / "none.npz"):
        with pytest.raises(InputError):
            read_references(network, one)
    partial = {name: array for name, array in read_npz(path, MAX_BYTES).items() if not name.startswith("zeros/sigmoid")}
    write_npz(partial, cut)
    with pytest.raises(InputError, match="no references"):
        read_references(network, cut)
