"""Infidelity: how much of the score's answer to noise the map does not foretell."""

from core.saliency.faithfulness import SAMPLES, floor, infidelity
from core.saliency.measures.measure import Case, Measure, Values


def _infidelity(case: Case) -> Values:
    ask = case.ask
    return infidelity(ask.model, ask.x, case.attributions, ask.target, case.seed).cpu().numpy()


INFIDELITY_MEASURE = Measure(
    "infidelity",
    "Infidelity",
    f"The share of the score's answer to {SAMPLES} draws of noise that the map, scaled at its best, does not "
    f"foretell. A map that knows nothing has 1, and by chance seldom less than {floor():.3f}.",
    "Yeh et al. 2019, arXiv:1901.09392, Def. 2.1, over the size of the answer; unbiased, and with a factor that "
    "keeps the map's sign",
    "lower",
    f"{SAMPLES + 1} k",
    _infidelity,
    range=(0.0, SAMPLES / (SAMPLES - 1)),
    floor=floor(),
)
