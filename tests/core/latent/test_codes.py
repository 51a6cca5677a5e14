"""Codes in links: short, exact enough, and refused with a sentence where absurd."""

import base64
import re

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.latent.codes import MOST, read_code, round_code, write_code
from tests.helpers.known_autoencoders import normal


def text_of(numbers):
    """A text as `write_code` would make, of any numbers."""
    return base64.urlsafe_b64encode(np.array(numbers, "<f2").tobytes()).decode().rstrip("=")


def test_a_code_comes_back_within_half_a_thousandth_and_then_stays():
    z = normal(1, 64, seed=0)
    text = write_code(z)
    assert re.fullmatch(r"[A-Za-z0-9_-]{171}", text)
    again = read_code(text, 64)
    assert ((again - z).abs() <= z.abs() * 2**-11).all() and not torch.equal(again, z)
    assert write_code(again) == text and torch.equal(round_code(z), again) and torch.equal(round_code(again), again)


def test_the_text_is_the_same_everywhere():
    """So that old links stay good: little-endian half precision."""
    assert write_code(torch.tensor([[1.0, -2.0, 0.5]])) == "ADwAwAA4"
    assert read_code("ADwAwAA4", 3).tolist() == [[1.0, -2.0, 0.5]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds 0 numbers; the generator takes 4"),
        ("ADwAwAA4", "holds 3 numbers; the generator takes 4"),
        (text_of([1] * 5), "holds 5 numbers"),
        ("nan", "holds 1 numbers"),
        ("1e9", "holds 1 numbers"),
        ("A", "not one that this page writes"),
        ("NaN,1,2,3", "not one that this page writes"),
        ("<b>🙂</b>", "not one that this page writes"),
        (text_of([np.nan, 0, 0, 0]), "finite numbers only"),
        (text_of([np.inf, 0, 0, 0]), "finite numbers only"),
        (text_of([60000, 0, 0, 0]), "at most 5, where the prior's is about 1; got 3e+04"),
        ("A" * 1_000_000, "holds 375000 numbers"),
    ],
)
def test_absurd_codes_are_refused_with_a_sentence(text, says):
    with pytest.raises(InputError) as refused:
        read_code(text, 4)
    assert says in str(refused.value) and len(str(refused.value)) < 120 and "\n" not in str(refused.value)


def test_what_could_not_be_read_is_not_written():
    for z in (torch.full((1, 4), 1e9), torch.full((1, 4), torch.nan), torch.zeros(2, 4), torch.zeros(4)):
        with pytest.raises(InputError):
            write_code(z)
    longest = torch.full((1, 4), MOST)
    assert torch.equal(round_code(longest), longest)
