"""The readers that are fuzzed, by key."""

from tests.helpers.fuzz import files, pictures, texts, weights
from tests.helpers.fuzz.target import Target

TARGETS: dict[str, Target] = {
    one.key: one for one in (*pictures.TARGETS, *weights.TARGETS, *files.TARGETS, *texts.TARGETS)
}
