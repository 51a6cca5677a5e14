"""Arrays beside a report: plain numbers in, the same out, and nothing else."""

import zipfile

import numpy as np
import pytest

from core.errors import InputError
from core.reports.form import report
from core.reports.form.report import read_arrays, write_arrays


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {"a__b": np.array([0.25, np.inf], np.float32), "c": np.array([True, False])}
    write_arrays(arrays, tmp_path / "x.npz")
    back = read_arrays(tmp_path / "x.npz")
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array, strict=True)


def test_no_pickle_is_written_or_read(tmp_path):
    with pytest.raises(InputError, match="Python objects"):
        write_arrays({"a": np.array([{}], object)}, tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", a=np.array([{}], object))
    with pytest.raises(InputError, match=r"y\.npz"):
        read_arrays(tmp_path / "y.npz")


def test_what_is_no_array_file_is_refused(tmp_path, monkeypatch):
    for content in (b"", b"PK\3\4", b"no zip at all"):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(InputError):
            read_arrays(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY nonsense")
    with pytest.raises(InputError):
        read_arrays(tmp_path / "x.npz")
    with pytest.raises(InputError):
        read_arrays(tmp_path / "absent.npz")
    write_arrays({"a": np.zeros(1000)}, tmp_path / "x.npz")
    monkeypatch.setattr(report, "MAX_ARRAY_BYTES", 1000)
    with pytest.raises(InputError, match="more than"):
        read_arrays(tmp_path / "x.npz")
