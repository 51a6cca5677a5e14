"""The two secrets of a workshop: a short code to join it, which gives no power, and a long key to lead it."""

import hashlib
import re
import secrets

from core.errors import InputError

ALPHABET = "ABCDEFGHJKMNPQRTUVWXY"
"""Letters that no reader takes for a digit or for each other: without I, L, O, S and Z."""
LENGTH = 5
KEY_BYTES = 18


def join_code() -> str:
    """A new code of five letters, of 21**5 = 4,084,101."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def presenter_key() -> str:
    """A new key of 144 random bits, in signs that a link and a password field carry."""
    return secrets.token_urlsafe(KEY_BYTES)


def read_code(text: str) -> str:
    """The join code that somebody typed: spaces, hyphens and case do not matter.

    Raises:
        InputError: it can't be a code.
    """
    letters = re.sub(r"[\s-]", "", text[:40]).upper()
    if len(letters) != LENGTH or not set(letters) <= set(ALPHABET):
        raise InputError(f"A join code has {LENGTH} letters, such as {ALPHABET[3:8]}; look at the screen again.")
    return letters


def digest(secret: str) -> str:
    """What is stored of a secret: it can be recognised by this, and not be read from it.

    The secrets are random and long, so that one round of SHA-256 is enough.
    """
    return hashlib.sha256(secret[:1000].encode("utf-8", "replace")).hexdigest()
