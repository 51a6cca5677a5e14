"""Numbers, names and places in options: what is possible is read exactly, the rest is refused in a sentence."""

import argparse
import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cli.main import _parser, main
from core.cli.options import LARGEST, MOST, assignment, keys, new_file, new_folder, number, seed, whole

IMPOSSIBLE = (
    "8/0",
    "1/0",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1e99999999",
    "1e-400",
    "-1",
    "-8/255",
    "9" * 5000,
    "",
    "٣",
    "1_0",
)


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_impossible_numbers_are_refused_in_one_short_sentence(text):
    for read in (number, whole, seed):
        with pytest.raises(argparse.ArgumentTypeError) as refused:
            read(text)
        assert str(refused.value).startswith("must be") and len(str(refused.value)) < 160


NO_NUMBERS = (None, Path, keys, assignment, new_file, new_folder)


def number_options(parser, words=()):
    """Every option of a command and those below it that takes a number, as the words that name it; shared ones once."""
    found = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                found = number_options(command, (*words, name)) | found
        elif action.option_strings and action.type not in NO_NUMBERS:
            found[id(action)] = " ".join((*words, action.option_strings[-1]))
    return found


OPTIONS = sorted(number_options(_parser()).values())


def test_options_that_take_numbers_are_found():
    assert {"score --alpha", "verify --sample", "train --step-size", "workshop rehearse --people"} < {*OPTIONS}


@pytest.mark.parametrize("command", OPTIONS)
def test_no_option_takes_an_impossible_number(command, capsys):
    *words, option = command.split()
    for text in (*IMPOSSIBLE, "9" * 23):
        with pytest.raises(SystemExit) as left:
            main([*words, f"{option}={text}"])
        error = capsys.readouterr().err
        assert left.value.code == 2 and f"argument {option}: must be" in error and "Traceback" not in error


@settings(deadline=None)  # a busy machine is no fault of the reader
@given(st.fractions(0, 10**6, max_denominator=10**6))
def test_a_fraction_is_its_nearest_float(value):
    assert number(f"{value.numerator}/{value.denominator}") == float(value)


@settings(deadline=None)  # a busy machine is no fault of the reader
@given(st.floats(0, MOST).filter(lambda value: value == 0 or value > 1e-300))
def test_a_decimal_is_itself(value):
    assert number(repr(value)) == value


@settings(deadline=None)  # a busy machine is no fault of the reader
@given(st.one_of(st.text(max_size=60), st.text("0123456789./eE+-", max_size=60)))
def test_any_text_is_a_number_in_range_or_refused(text):
    for read, top in ((number, MOST), (whole, LARGEST)):
        try:
            value = read(text)
        except argparse.ArgumentTypeError:
            continue
        assert math.isfinite(value) and 0 <= value <= top


def test_one_third_of_a_level_is_correctly_rounded():
    assert number("1/765") == float(Fraction(1, 765))


def test_names_come_once_each():
    assert keys("b,a, b,,a") == ("b", "a")


def test_places_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    for read, path in (
        (new_file, tmp_path),
        (new_file, tmp_path / "file" / "t.csv"),
        (new_folder, tmp_path / "file"),
        (new_folder, tmp_path / "file" / "deeper"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=r"file|folder"):
            read(str(path))
    assert new_folder(str(tmp_path / "new" / "deep")) == tmp_path / "new" / "deep"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
