"""Text from outside (names of files, folders and entries, fields of cards) made fit for a sentence or a table."""

import re
import unicodedata

LONGEST = 80
"""Characters that a sentence quotes at most."""
# signs that mark something up wherever they stand; underscores outside words; colons of addresses and icons
_MARKED = re.compile(r"[\\`*\[\]<>$~|]|(?<!\w)_|_(?!\w)|:(?=\S)|(?<=www)\.|^#|^[-+](?= )", re.MULTILINE | re.IGNORECASE)
_SOFT_HYPHEN = "\N{SOFT HYPHEN}"
_SYLLABLE = re.compile(
    r"(?<=[aeiouy])((?:[tcspw]h|ck|[bcdfghjklmnpqrstvwxz])*?)(?=(?:[tcspw]h|qu|[bcdfgkpst][lr]|[b-df-hj-np-tv-z])[aeiouy])",
    re.IGNORECASE,
)
"""Where a syllable of an English word may end: after a vowel and all but the last of the consonants that follow it."""
_LONG, _LEAST = re.compile(r"\b[A-Za-z][a-z]{9,}\b"), 3  # letters of a word that may break, and of a part of it
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


def shorten(text: object, limit: int = LONGEST) -> str:
    r"""The text on one line, of at most `limit` characters: longer text loses its middle, its two ends stay readable.

    What does not print (line breaks, control characters, marks that turn the reading direction, bytes that are no
    UTF-8) becomes an escape such as ``\x0a``.
    """
    whole = str(text)
    head, tail = limit - limit // 3 - 1, limit // 3
    if len(whole) > limit:  # cut first: escaping 100 kB of it would be for nothing
        whole = f"{whole[:head]}…{whole[-tail:]}"
    plain = "".join(_printed(sign) for sign in whole)
    return plain if len(plain) <= limit else f"{plain[:head]}…{plain[-tail:]}"


def _printed(sign: str) -> str:
    if sign == " " or unicodedata.category(sign)[0] not in "CZ":
        return sign
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def csv_cell(text: str) -> str:
    """The text as a CSV cell that no spreadsheet takes for a formula: one that begins like one gets a leading quote."""
    return f"'{text}" if text.startswith(_FORMULAS) else text


def hyphenated(text: str) -> str:
    """The text with soft hyphens in its long words: where they must break, they break after a syllable.

    Browsers hyphenate by dictionaries that not all of them bring. The rule is simple and misses what a dictionary
    knows ("inte-grated"), but never leaves fewer than three letters alone.
    """
    return _LONG.sub(lambda word: _broken(word[0]), text)


def _broken(word: str) -> str:
    parts, start = [], 0
    for end in (found.end() for found in _SYLLABLE.finditer(word)):
        if end - start >= _LEAST and len(word) - end >= _LEAST:
            parts.append(word[start:end])
            start = end
    return _SOFT_HYPHEN.join([*parts, word[start:]])


def escape_markdown(text: str) -> str:
    """The text as Markdown that shows it as it is: no emphasis, link, picture, HTML, formula or icon comes of it."""
    return _MARKED.sub(r"\\\g<0>", text)
