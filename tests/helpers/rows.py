"""Rows of reports, compared by what they say."""

import pytest


def figures(rows):
    """Rows without the runs that measured them: the same figures may come from two runs."""
    return [{name: value for name, value in row.items() if name != "made"} for row in rows]


def alike(rows):
    """Rows that others are equal to: their figures round otherwise in the last digit on another processor."""
    return [pytest.approx(dict(row), rel=1e-12, abs=1e-15, nan_ok=True) for row in rows]
