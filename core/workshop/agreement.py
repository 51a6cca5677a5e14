"""How far people agree with each other: Krippendorff's alpha for answers without an order."""

from collections import Counter
from collections.abc import Iterable


def nominal_alpha(answers: Iterable[tuple[int, str]]) -> float | None:
    """Krippendorff's alpha of (item, value) pairs, one a judgement; 1 is full agreement, 0 that of chance.

    Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", Sec. C: nominal data, any number of observers,
    missing values. Items with a single judgement have no pair and do not count. None where fewer than two items have a
    pair, since agreement is told from chance by how items differ, or where all judgements are alike.
    """
    units: dict[int, Counter[str]] = {}
    for item, value in answers:
        units.setdefault(item, Counter())[value] += 1
    paired = [counts for counts in units.values() if counts.total() > 1]
    totals = sum(paired, Counter[str]())
    n = totals.total()
    expected = n * n - sum(count * count for count in totals.values())
    if len(paired) < 2 or expected == 0:
        return None
    observed = sum(
        (counts.total() ** 2 - sum(count * count for count in counts.values())) / (counts.total() - 1)
        for counts in paired
    )
    return 1 - (n - 1) * observed / expected
