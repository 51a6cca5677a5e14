"""The robustness report: what its reader refuses."""

import numpy as np
import pytest

from core.errors import InputError
from core.reports.report import Report, report_path, write_arrays, write_report
from core.reports.robustness import NAME, read_robustness


def test_report_and_arrays_are_read_together(tmp_path):
    path = report_path("cifar10", NAME, tmp_path)
    write_report(Report("cifar10", NAME, {}, {}, ({"model": "standard"},)), path)
    with pytest.raises(InputError, match="npz"):
        read_robustness("cifar10", tmp_path)
    write_arrays({"grid_linf": np.array([0.1], np.float32)}, path.with_suffix(".npz"))
    robustness = read_robustness("cifar10", tmp_path)
    assert robustness.report.rows[0]["model"] == "standard"
    assert robustness.arrays["grid_linf"].dtype == np.float32
