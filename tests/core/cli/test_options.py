"""Numbers, names and places in options: what is possible is read exactly, the rest is refused in a sentence."""

import argparse
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cli.main import main
from core.cli.options import LARGEST, MOST, keys, new_file, new_folder, number, seed, whole

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


OPTIONS = (
    "train cifar10 pgd-linf --epochs",
    "train cifar10 pgd-linf --images",
    "train cifar10 pgd-linf --seed",
    "train cifar10 pgd-linf --epsilon",
    "train cifar10 pgd-linf --steps",
    "train cifar10 pgd-linf --step-size",
    "train-generator cifar10 --steps",
    "train-generator cifar10 --seed",
    "make-gallery cifar10 --seed",
    "evaluate --task cifar10 --images",
    "evaluate --task cifar10 --robust-images",
    "evaluate --task cifar10 --seed",
    "verify --task cifar10 --sample",
    "verify --task cifar10 --seed",
    "calibrate --task cifar10 --images",
    "score x --task cifar10 --model m --out t --alpha",
    "score x --task cifar10 --model m --out t --fail-above",
    "models --threads",
    "run --port",
)


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
