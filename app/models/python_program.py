"""What the page Models shows, as Python: cards' figures, answers counted here, and a saliency perturbation."""

from collections.abc import Sequence

from app.models.choice import BOX, GIVEN, LAST_EPOCH, PerturbationChoice
from app.models.results import ORDERINGS, PGD_STEPS
from app.state.choice import Choice
from app.state.device import step_precision
from app.ui import python_code
from core.explanations.labelled_answers import AnswerSettings
from core.reports.seeds.report import NAME as SEEDS

CLAIMS = """for row in rows:
    print(row["claim"], row["model"], row["against"], row["measure"], row["difference"], row["holds"])
"""


def standings(task: str) -> str:
    """The figures on the cards of a task's networks."""
    return (
        "from core import cards\n\n"
        f"figures = {{key: card.figures for key, card in cards({task!r}).items()}}\n"
        "for key, rows in figures.items():\n"
        "    print(key, *rows)\n"
    )


def answers(task: str, keys: Sequence[str], shipped: bool, images: int, settings: AnswerSettings) -> str:
    """The answers of some networks to the first test images: from the report that ships, or asked of them."""
    if shipped:
        source = (
            "from core.reports.answers.report import Answers\nfrom core.reports.form.report import report_path\n\n"
            f"report = Answers.read(report_path({task!r}, 'answers'))\n"
        )
        found = f"report.of(cards({task!r})[key].sha256, settings, images)"
    else:
        source = (
            "from core.data.datasets import load\nfrom core.explanations.labelled_answers import measure_answers\n\n"
            f"data = load(task_named({task!r}), 'test', most={images})\n"
        )
        found = f"measure_answers(load_zoo_model({task!r}, key), data, settings{python_code.stepping_in()})"
    return source + f"for key in {list(keys)}:\n    answers[key] = {found}\n"


def counted(task: str, parts: Sequence[str], images: int, settings: AnswerSettings, temperature: float) -> str:
    """Answers by class and by confidence, clean and attacked; `parts` are programs that fill `answers`."""
    return (
        "from core import cards, load_zoo_model, task_named\n"
        "from core.explanations.labelled_answers import AnswerSettings\n"
        "from core.metrics.calibration import reliability, tempered\n"
        "from core.metrics.confusion import class_shares, confusion_matrix\n\n"
        f"images, settings, answers = {images}, {settings!r}, {{}}\n" + "\n".join(parts) + "\n"
        f"classes, temperature = task_named({task!r}).classes, {temperature!r}\n"
        "confusions, shares, sure = {}, {}, {}\n"
        "for key, one in answers.items():\n"
        "    for under, said, logits in (\n"
        '        ("clean", one.answers, one.logits),\n'
        '        ("attacked", one.answers_adv, one.logits_adv),\n'
        "    ):\n"
        "        confusions[key, under] = confusion_matrix(one.labels, said, classes)\n"
        "        shares[key, under] = class_shares(confusions[key, under])\n"
        "        sure[key, under] = reliability(tempered(logits, temperature), one.labels)\n"
        "        right = int((said == one.labels).sum())\n"
        '        print(key, under, right, "of", len(said), "right; ECE", sure[key, under].ece)\n'
    )


def claims(task: str) -> str:
    """What the papers claim and what came out: the rows of the report `orderings`."""
    return _rows(task, ORDERINGS) + CLAIMS


def claims_over_seeds(task: str) -> str:
    """Claims on recipes that were trained several times, of networks as they ship now."""
    return (
        "from core import cards\n" + _rows(task, SEEDS) + f"cards = cards({task!r})\n"
        "ours = {key: card.sha256 for key, card in cards.items()}\n"
        "first = [row for row in rows if row.get('kind') == 'network' and row.get('seed') == 0]\n"
        "now = {row['model'] for row in first if ours.get(row['model']) == row['sha256']}\n"
        "rows = [row for row in rows if row.get('kind') == 'comparison' and {row['model'], row['against']} <= now]\n"
        + CLAIMS
    )


def _rows(task: str, name: str) -> str:
    return (
        "from core.reports.form.report import read_report, report_path\n\n"
        f"rows = read_report(report_path({task!r}, {name!r})).rows\n"
    )


def perturbation(choice: Choice, part: PerturbationChoice, label: int | None) -> str:
    """The steps of a perturbation, and how adversarial it is; `label` is the picture's true class."""
    map_, box = "None", ""
    names = ["load_zoo_model"]
    if part.of_teacher:
        map_ = f"strong_map(load_zoo_model(task.key, {part.teacher!r}).fast, x, {part.maps!r})"
    elif part.maps == BOX:
        (top, bottom), (left, right) = part.down, part.across
        map_ = "box"
        box = (
            "box = np.full((1, *task.shape[1:]), -1, np.float32)\n"
            f"box[0, {top} : {bottom + 1}, {left} : {right + 1}] = 1\n"
        )
    elif part.maps == GIVEN:
        names.append("gallery")
        map_ = f"gallery(task).annotation({choice.image!r})"
    about = str(label) if label is not None else "int(network.fast(x).argmax())"
    return python_code.picture_and_networks(choice, [*names, "Pgd"]) + (
        "\nimport numpy as np\n\n"
        "from core.models.step_precision import stepping\n"
        "from core.training.inspect_perturbation import adversity, construct, strong_map, worst_found\n\n"
        f"epsilon, network = {part.size} / 255, load_zoo_model(task.key, {part.network!r})\n"
        + box
        + f"steps = construct(x, {map_}, epsilon, {part.alpha!r}, {part.epoch})\n"
        f"label = {about}\n"
        f"attacked = stepping(network.fast, {step_precision()!r})\n"
        f"worst = worst_found(attacked, x, label, Pgd(epsilon, steps={PGD_STEPS}))\n"
        f"harm = adversity(network.fast, steps, label, worst, {LAST_EPOCH})\n"
        'print("cosine in this epoch:", harm.cosine, "losses:", dict(harm.losses))\n'
    )
