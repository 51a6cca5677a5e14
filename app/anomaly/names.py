"""What detectors, labels, losses and changes are called on the Anomaly page, and how p-values are said."""

from collections.abc import Mapping, Sequence

from app.state.epsilon_scale import radius_text
from core.anomaly.calibration import Calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.conformal import false_alarm_interval
from core.anomaly.verdict import PGD_STEPS, is_attack, strengths
from core.attacks.catalogue import ATTACKS
from core.data.corruptions import CORRUPTIONS
from core.data.outliers import OUTLIERS
from core.data.tasks import Task

KINDS: Mapping[str, str] = {
    "gradient-unsupervised": "Gradients; no anomaly seen", "gradient-supervised": "Gradients; trained on attacks",
    "supervised": "Activations, too; trained on attacks", "joint": "Gradients and features; no anomaly seen",
    "baseline": "Baselines",
}  # fmt: skip
LABELS: Mapping[str, str] = {
    "ones": "all classes at once",
    "zeros": "no class",
    "m-hot": "some classes, drawn once",
    "top-m": "the likeliest classes",
    "predicted": "its own answer",
    "others": "all but its own answer",
}
HEADS: Mapping[str, str] = {"sigmoid": "sigmoid", "softmax": "softmax", "cross-entropy": "cross-entropy"}
FAMILIES: Mapping[str, str] = {
    "attack": "Attacks",
    "semantic": "Other things",
    "far": "Other kinds of picture",
    "control": "Controls: no anomaly",
}
_AGAINST: Mapping[str, str] = {
    "fgsm": "FGSM",
    "pgd-quarter": "PGD, ε/4",
    "pgd-half": "PGD, ε/2",
    "pgd": "PGD, ε",
    "least-likely": "least likely",
    "ddn": "DDN",
    "cifar100": "CIFAR-100",
    "tiny": "Tiny ImageNet",
    "garments": "garments",
    "digits": "digits",
    "noise": "noise",
    "gradients": "colour blends",
    "solid": "one colour",
    "resized": "resized",
    "tiny-known": "Tiny, known",
}


_NORMAL: Mapping[str, str] = {
    "cifar10": "CIFAR-10 photographs",
    "fashion-mnist": "Fashion-MNIST pictures of garments",
    "tiny20": "Tiny ImageNet photographs",
    "pasted": "garments pasted on photographs",
}


def normal_pictures(task: Task) -> str:
    """What is normal to a task's networks: the pictures that their detectors were calibrated on."""
    what = _NORMAL.get(task.key, f"pictures of {task.title}")
    first, last = task.class_names[0], task.class_names[-1]
    return f"{what}: {first} … {last}, {task.shape[2]} × {task.shape[1]}"


def normal_to(task: Task, screen: Calibration, yours: bool) -> str:
    """What is normal by a calibration; `yours` where the visitor brought its pictures."""
    if screen.own is None:
        return normal_pictures(task)
    return f"{'your ' if yours else ''}{screen.own.words}"


def held_out_check(screen: Calibration, detector: str) -> str:
    """How the promise of a calibration on somebody's own pictures fared by a detector; "" where it was not checked."""
    share = screen.own.share(detector) if screen.own is not None else None
    if screen.own is None or share is None:
        return ""
    _, most = false_alarm_interval(len(screen.normals[detector]), share.of, screen.own.alpha)
    return (
        f"On the held-out {share.of}: {share.flagged} of {share.of} flagged, promised at most "
        f"{alpha_text(screen.own.alpha)} on average; {round(most * share.of)} can come by chance."
    )


def against_name(key: str) -> str:
    """What an attack or a set of the report is called."""
    return _AGAINST.get(key, key)


def set_titles(task: str) -> dict[str, str]:
    """What is in each set that the report of a task names."""
    return {each.key: each.title for each in OUTLIERS.get(task, ())}


def detector_title(key: str) -> str:
    """A detector in a menu: its name, and what it was fitted to."""
    return f"{DETECTORS[key].name} · {KINDS[DETECTORS[key].kind].lower()}"


def change_title(key: str) -> str:
    """What an attack or a corruption is called; its key where it is neither."""
    if key in ATTACKS:
        attack = ATTACKS[key]
        effort = f", {attack.queries * PGD_STEPS} queries" if attack.queries else f", {PGD_STEPS} steps"
        return f"Attack: {attack.title}{effort if attack.iterates else ''}"
    return CORRUPTIONS[key].title if key in CORRUPTIONS else key


def strength_text(task: Task, change: str, step: int) -> str:
    """How far a change goes at a step: "8/255", or "severity 3"; "none" at 0."""
    strength = strengths(task, change)[step]
    if step == 0:
        return "none"
    return radius_text("linf", strength) if is_attack(change) else f"severity {strength:.0f}"


def enumeration(names: Sequence[str], most: int = 6) -> str:
    """Names in a sentence: "a, b and c", or the first few and how many more."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def share_text(p_value: float) -> str:
    """A share of pictures in percent, with as many decimals as it needs."""
    percent = p_value * 100
    return f"{percent:.1f} %" if percent < 9.95 else f"{percent:.0f} %"


def alpha_text(alpha: float) -> str:
    """A false-alarm rate: "5 %", "0.1 %"."""
    return f"{alpha * 100:g} %"


def verdict(p_value: float, alpha: float, count: int) -> str:
    """What a p-value from `count` normal pictures says at a false-alarm rate, in a sentence."""
    flags = p_value <= alpha
    least = p_value * (count + 1) < 1.5
    if flags and least:
        return f"Flagged: none of {count:,} normal pictures looks this odd."
    if flags:
        return f"Flagged: only {share_text(p_value)} of normal pictures look this odd."
    if alpha * (count + 1) < 1:
        return f"Not flagged: {count:,} normal pictures are too few to promise {alpha_text(alpha)}."
    return f"Not flagged: {share_text(p_value)} of normal pictures look at least this odd."
