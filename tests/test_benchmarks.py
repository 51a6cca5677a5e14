"""Comparisons with other libraries: what is not the same work is said, gets no verdict, and stops nothing."""

import ast

import pytest

from benchmarks.timing import OURS, differs, print_table
from tests.helpers.pages import ROOT

SECONDS = {OURS: (1.0, 1.0), "captum": (2.0, 2.0)}


def test_a_row_of_equal_work_has_a_verdict(capsys):
    assert not differs(False, "maps are 1.0e-12 apart")
    assert print_table("gradient", SECONDS, 0.8) == pytest.approx(0.5)
    assert "met" in capsys.readouterr().out
    print_table("gradient", SECONDS, 0.4)
    assert "MISSED" in capsys.readouterr().out


def test_a_row_that_is_not_the_same_work_is_said_and_timed_without_one(capsys):
    """On another processor a map was 1.0e-3 of its largest entry off: the run ended there, and its table never came."""
    apart = differs(True, "maps are 1.0e-03 apart")
    assert "NOT THE SAME WORK" in capsys.readouterr().out
    assert print_table("gradient", SECONDS, 0.8, apart) == pytest.approx(0.5)
    said = capsys.readouterr().out
    assert "no verdict" in said and "1.0e-03 apart" in said and "met" not in said and "captum" in said


@pytest.mark.parametrize("name", ["pgd", "curve", "saliency", "timing"])
def test_no_comparison_ends_the_run(name):
    tree = ast.parse((ROOT / "benchmarks" / f"{name}.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Raise | ast.Assert)]
