"""A gradient may be masked where a search without gradients turns an answer that PGD did not."""

import numpy as np

from app.compare.search import masked
from core.explanations.attack_result import AttackResult


def result(model, after):
    x, probs = np.zeros((1, 2, 2), np.float32), np.eye(3, dtype=np.float32)
    return AttackResult(
        task="fashion-mnist", model=model, settings={}, x=x, x_adv=x, probs=probs[0], probs_adv=probs[after], l2=0.0,
        rmse=0.0,
    )  # fmt: skip


def test_only_what_the_search_alone_turns_counts():
    pgd = [result("a", 0), result("b", 1), result("c", 0), result("d", 2)]
    found = [result("a", 1), result("b", 2), result("c", 0), result("d", 0)]
    assert masked(pgd, found) == ("a",)
