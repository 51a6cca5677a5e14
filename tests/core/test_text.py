"""Text from outside stays on one line, short and harmless, in sentences, in Markdown and in tables."""

import pytest

from core.text import csv_cell, escape_markdown, hyphenated, shorten


def test_long_text_keeps_its_ends_and_what_does_not_print_is_an_escape():
    assert shorten("photo.png") == "photo.png"
    long = shorten("a" * 100_000 + ".png")
    assert len(long) <= 80 and long.startswith("aaa") and long.endswith("a.png") and "…" in long
    assert shorten("a\nb\x1b[31m\u202egnp.exe\udcff") == "a\\x0ab\\x1b[31m\\u202egnp.exe\\udcff"
    assert len(shorten("\n" * 70)) <= 80
    assert shorten("Käse 猫 😀.png") == "Käse 猫 😀.png"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_what_begins_like_a_formula_is_quoted_in_a_table(sign):
    assert csv_cell(f"{sign}1+1") == f"'{sign}1+1"
    assert csv_cell(f"a{sign}b") == f"a{sign}b" and csv_cell("") == ""


def test_long_words_may_break_after_a_syllable_and_never_leave_two_letters_alone():
    words = "Guided backpropagation|automobile|locomotive|Saint Bernard|MobileNetV2"
    shown = "Guided back-pro-paga-tion|auto-mobile|loco-motive|Saint Bernard|MobileNetV2"
    assert hyphenated(words).replace("\N{SOFT HYPHEN}", "-") == shown
    parts = hyphenated("incomprehensibilities aeiouaeiou strengthlessness").replace(" ", "\N{SOFT HYPHEN}")
    assert all(len(part) >= 3 for part in parts.split("\N{SOFT HYPHEN}"))


def test_markdown_shows_the_text_as_it_is():
    from markdown_it import MarkdownIt

    plain = "a *b* _c_ `d` [e](http://f.g) ![h](i) <b>j</b> $k$ ~~l~~ snake_case 8:30 www.m.n | o"
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(escape_markdown(plain))
    (block,) = [each for each in tokens if each.children]
    assert {each.type for each in block.children} <= {"text", "text_special"}
    assert "".join(each.content for each in block.children) == plain
    for icon in (":material/home:", ":red[x]", ":smile:"):
        assert escape_markdown(icon).startswith("\\:")
    assert "http\\:" in escape_markdown(plain) and "www\\." in escape_markdown(plain)
