"""What ships belongs together: weights, cards, reports and the figures that the README quotes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from core.anomaly.catalogue import DEFAULT, DETECTORS
from core.checksums import lacking
from core.cli.stamp import FOLDERS
from core.cli.stamp import SHIPPED as SHIPPED_FOLDER
from core.data.tasks import TASKS, trained_tasks
from core.metrics.ara import ara
from core.models.packaged import PACKAGED
from core.models.zoo import cards, load_zoo_model
from core.reports.accuracy.report import NAME, AccuracySettings
from core.reports.claims import latent, robustness
from core.reports.claims.latent import FOLLOWS, RATHER
from core.reports.form.report import read_report, report_path
from core.reports.latent.measurements import KINDS
from core.reports.latent.report import Latent
from core.reports.robustness.report import Robustness
from core.training.recipes.registry import STUDENT
from core.training.student.shipped import STUDENTS
from core.training.zoo_plans import EPOCHS, NOTES, SHIPPED

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()

QUOTED = [(task, key) for task in ("cifar10", "fashion-mnist") for key in ("standard", "pgd-l2", "pgd-linf")]
"""The networks of the README's first table."""

TEST_IMAGES = {"cifar10": 10_000, "fashion-mnist": 10_000, "tiny20": 1_000, "pasted": 10_000}
ZOO = [(task, key) for task in trained_tasks() for key in cards(task)]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "key"), ZOO, ids=map("/".join, ZOO))
def test_card_weights_and_report_belong_together(task, key):
    model = load_zoo_model(task, key)  # checks the checksum
    card = model.card
    assert card.settings == json.loads(json.dumps(SHIPPED[task, key].settings()))  # the plan that ships made it
    assert card.training["epochs"] == SHIPPED[task, key].epochs
    assert card.note == NOTES.get((task, key), "")
    rows = [row for row in read_report(report_path(task, NAME)).rows if row["model"] == key]
    assert list(card.figures) == rows
    assert {row["norm"] for row in rows} == {"linf", "l2"}
    assert all(row["sha256"] == card.sha256 for row in rows)
    assert all((row["clean_n"], row["robust_n"]) == (TEST_IMAGES[task], 1_000) for row in rows)
    settings = AccuracySettings()
    assert card.measured["settings"]["steps"] == settings.steps and card.measured["settings"]["seed"] == settings.seed


@pytest.mark.slow
@pytest.mark.parametrize(("task", "key"), ZOO, ids=map("/".join, ZOO))
def test_a_card_says_why_where_a_plan_or_an_accuracy_is_out_of_line(task, key):
    """The same epochs for every recipe of a task; clean accuracy within five points of `standard`."""
    card, standard = cards(task)[key], cards(task)["standard"]
    far = card.figures[0]["clean"] < standard.figures[0]["clean"] - 0.05
    assert card.note or (card.training["epochs"] == EPOCHS[task] and not far)


@pytest.mark.parametrize("task", sorted(set(TASKS) - set(trained_tasks())))
def test_a_network_trained_elsewhere_claims_no_figure_and_names_whose_it_is(task):
    elsewhere = [card for card in cards(task).values() if card.key != STUDENT.key]
    assert elsewhere
    for card in elsewhere:
        assert not card.figures and not card.measured and not card.training and not card.settings
        assert card.weights_from in PACKAGED and PACKAGED[card.weights_from].licence in card.note


@pytest.mark.parametrize("task", STUDENTS)
def test_a_student_was_trained_as_its_plan_says(task):
    card, plan = cards(task)[STUDENT.key], STUDENTS[task]
    assert card.recipe == plan.describe() and json.loads(json.dumps(plan.settings())) == card.settings
    assert card.command == f"robustscope train-student {task}" and card.network == cards(task)[plan.teacher].network
    rounds, losses = card.training["steps_a_round"], card.training["losses"]
    assert card.training["steps"] == plan.steps and len(losses) * rounds >= plan.steps > (len(losses) - 1) * rounds
    assert "Apache-2.0" in card.note and "Tiny ImageNet" in card.note


def test_the_robustness_report_is_of_the_weights_that_ship():
    """Fashion-MNIST's zoo is measured whole; the claims rest on the same networks."""
    task = "fashion-mnist"
    rows, zoo = Robustness.read(report_path(task, "robustness")).report.rows, cards(task)
    assert {row["model"] for row in rows} == set(zoo)
    assert all(row["sha256"] == zoo[row["model"]].sha256 and row["clean_n"] == 10_000 for row in rows)
    claims = read_report(report_path(task, robustness.NAME)).rows
    assert claims and {name for row in claims for name in (row["model"], row["against"])} <= set(zoo)


@pytest.mark.parametrize(("task", "key"), QUOTED, ids=map("/".join, QUOTED))
def test_readme_quotes_the_cards(task, key):
    rows = {row["norm"]: row for row in cards(task)[key].figures}
    cells = [f"{rows['linf']['clean']:.2%}", f"{rows['linf']['robust']:.1%}", f"{rows['l2']['robust']:.1%}"]
    line = next(line for line in README.splitlines() if line.startswith(f"| {task} | `{key}` |"))
    assert all(cell.replace("%", " %") in line for cell in cells), line


def test_readme_quotes_the_areas():
    """Every network in the table of areas stands there with the report's figures."""
    rows = {row["model"]: row for row in read_report(report_path("cifar10", "adversarial")).rows}
    quoted = [line for line in README.splitlines() if re.fullmatch(r"\| `[a-z0-9-]+` \| 0\.\d{3} \| 0\.\d{4} .*", line)]
    assert len(quoted) == 4
    for line in quoted:
        row = rows[line.split("`")[1]]
        area, low, high = (f"{row[name]:.4f}" for name in ("ara", "ara_low", "ara_high"))
        left = " | ".join(f"{row[f'apgd_{reach}']:.2f}" for reach in ("near", "middle", "far"))
        figures = f"| {row['accuracy']:.3f} | {area} ({low} to {high}) | {row['btr_ara']:.4f} | {left} |"
        assert line.endswith(figures)
        assert row["ara_n"] == 1_000 and row["apgd_far_n"] == 300
        for reach in ("near", "middle", "far"):
            share, sides = row[f"apgd_{reach}"], (row[f"apgd_{reach}_low"], row[f"apgd_{reach}_high"])
            assert max(abs(side - share) for side in sides) < 0.06
    theirs, said = rows["lipschitz-all"], " ".join(README.split())
    area, low, high = (f"{theirs[name]:.4f}" for name in ("ara", "ara_low", "ara_high"))
    assert f"reaches {area} ({low} to {high}) at accuracy {theirs['accuracy']:.3f} on the first 500 images" in said
    with np.load(report_path("cifar10", "adversarial").with_suffix(".npz")) as arrays:
        same = ara(arrays["distance_attack__pgd-l2-radii"][: theirs["ara_n"]].astype(np.float64), 10).value
    assert theirs["ara_n"] == 500 and f"where `pgd-l2-radii`, chosen on them, has {same:.4f}." in said


@pytest.mark.parametrize("task", STUDENTS)
def test_readme_quotes_what_a_student_withstands(task):
    """And what it must withstand to ship: ten points more than its teacher at the smallest radius, for ten clean."""
    report = read_report(report_path(task, "student"))
    assert all(row["sha256"] == cards(task)[row["model"]].sha256 for row in report.rows)
    shares = {}
    for key in (STUDENTS[task].teacher, STUDENT.key):
        rows = [row for row in report.rows if row["model"] == key]
        said = [f"{row['right']:.1%} ({row['right_low']:.1%} to {row['right_high']:.1%})" for row in rows]
        assert f"| `{key}` | {' | '.join(said)} |".replace("%", " %") in README
        assert {(row["right_n"], row["steps"]) for row in rows} == {(200, 50)}
        shares[key] = [row["right"] for row in rows]
    teacher, student = shares.values()
    assert student[0] >= teacher[0] - 0.1 and student[1] >= teacher[1] + 0.1


def test_readme_quotes_whose_attacks_draw_of_networks_that_chose_no_threshold():
    report = read_report(report_path("cifar10", "explanations"))
    choosing = report.settings["thresholds_part"].split(",")
    said = " ".join(README.split())
    quoted = said[said.index("Of the networks that took no part") : said.index("`oneepoch` has no defence")]
    for row in report.rows:
        assert (f"`{row['model']}`" in quoted) == (row["model"] not in choosing)
        share, low, high = (f"{row[name]:.0%}".replace("%", " %") for name in ("draws", "draws_low", "draws_high"))
        assert row["model"] in choosing or (f"{share} " in quoted and f"({low} to {high})" in quoted), row["model"]


def test_readme_says_of_latent_robustness_what_is_unclear_and_what_is_reversed():
    """All eight figures of each claim are counted, not the two that suit."""
    said = " ".join(README.split())
    for claim in (FOLLOWS, RATHER):
        rows = [
            row
            for task in ("cifar10", "fashion-mnist")
            for row in read_report(report_path(task, latent.NAME)).rows
            if row["claim"] == claim and row["way"] == "zoo"
        ]
        counts = {word: sum(row["verdict"] == word for row in rows) for word in ("held", "unclear", "reversed")}
        words = (
            f"of {len(rows)} figures {counts['held']} hold, {counts['unclear']} are unclear and {counts['reversed']} "
        )
        assert words + ("is reversed" if counts["reversed"] == 1 else "are reversed") in said, (claim, counts)


def test_readme_says_how_far_above_twelve_runs_the_latent_figures_are():
    """Of the task whose report has both."""
    for key, words in (("standard", "8 % higher than twelve for `standard`"), ("pgd-l2", "3 to 4 % for `pgd-l2`")):
        found = [Latent.read(report_path("fashion-mnist", "latent")).excess(key, kind) for kind in KINDS]
        ends = sorted({f"{excess * 100:.0f}" for excess in found})
        assert words.startswith(f"{' to '.join(ends)} %") and words in " ".join(README.split()), found


def whole_percent(share):
    return f"{share:.0%}".replace("%", " %")


def test_readme_quotes_how_often_maps_are_moved():
    rows = [row for row in read_report(report_path("cifar10", "fooling")).rows if row["what"] == "moved"]
    moved = {(row["model"], row["method"]): whole_percent(row["succeeded"]) for row in rows}
    gradient, grad_cam, integrated = (
        [moved[model, method] for model in ("standard", "pgd-linf")]
        for method in ("gradient", "grad-cam", "integrated-gradients")
    )
    said = " ".join(README.split())
    assert gradient[0] == grad_cam[0]
    assert f"on {gradient[0]} of the images (gradient, Grad-CAM) and {integrated[0]} (integrated gradients);" in said
    assert f"that of `pgd-linf` on {gradient[1]}, {grad_cam[1]} and {integrated[1]}." in said


def test_readme_quotes_what_three_seeds_say():
    report = read_report(report_path("fashion-mnist", "seeds"))
    rows = {row["measure"]: row for row in report.rows if row["kind"] == "comparison"}
    for measure, before, after in (
        ("accuracy under PGD, L-infinity 0.1", "gains under PGD at ε = 0.1 is ", " points (95 % over trainings: {})"),
        ("clean accuracy", "what it costs clean is ", " ({})"),
    ):
        points, low, high = (f"{100 * rows[measure][f'difference{end}']:.1f}" for end in ("", "_low", "_high"))
        assert before + points + after.format(f"{low} to {high}")[:-1] in " ".join(README.split()), measure
    assert f"first {report.settings['images']} test images" in README and rows["clean accuracy"]["difference_n"] == 3


def test_readme_quotes_what_three_seeds_say_of_saliency():
    report = read_report(report_path("pasted", "seeds"))
    rows = {(row["model"], row["measure"]): row for row in report.rows if row["kind"] == "comparison"}
    for model, radius, before in (
        ("sat-mask", "2/255", "PGD at 2/255 less by {} points ({})"),
        ("sat-mask-pgd", "8/255", "saliency takes {} points ({}) at 8/255"),
    ):
        row = rows[model, f"accuracy under PGD, L-infinity {radius}"]
        points, least, most = (f"{-100 * row[f'difference{end}']:.1f}" for end in ("", "_high", "_low"))
        assert row["holds"] == "no" and before.format(points, f"{least} to {most}") in " ".join(README.split())
    closer = [rows["sat-mask-pgd", f"accuracy under PGD, L-infinity {radius}"] for radius in ("2/255", "4/255")]
    assert {row["holds"] for row in closer} == {"undecided"}


def test_every_file_that_ships_carries_its_checksum():
    """Else run `robustscope stamp`: after reports were remade by older code, or a file was changed by hand."""
    found = lacking([SHIPPED_FOLDER / folder for folder in FOLDERS])
    assert not [f"{path.relative_to(SHIPPED_FOLDER)}: its checksum {state.value}" for path, state in found]


def test_readme_quotes_what_detectors_find():
    """Every row of the table of detectors is the report's, by the names that are on screen."""
    rows = {
        (row["detector"], row["against"]): row
        for row in read_report(report_path("cifar10", "anomaly")).rows
        if row["kind"] != "promise" and row["trained_on"] == DETECTORS[row["detector"]].trained_on
        if row["model"] == "standard"
    }
    table = README[README.index("| detector | other things |") :].split("\n\n")[0].splitlines()[2:]
    keys = {one.name: one.key for one in DETECTORS.values()}
    for line in table:
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        found = [rows[keys[name], against] for against in ("mean-semantic", "mean-far", "pgd-quarter", "mean-attack")]
        assert cells == [f"{row['auroc']:.3f} ({row['auroc_low']:.3f} to {row['auroc_high']:.3f})" for row in found]
    assert {"joint", DEFAULT, "grood", "nci", "nnguide", "attacked-all"} < {
        keys[line.split("|")[1].strip()] for line in table
    }
