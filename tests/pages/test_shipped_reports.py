"""The programs beside what ships of whole test sets give the numbers that the pages show of it."""

from collections import defaultdict
from html import escape

import numpy as np
import pytest

from app.anomaly.names import FAMILIES
from app.models.claims import measurement
from core.anomaly.perceptron_detector import PERCEPTRON
from tests.helpers.counted_answers import holds_the_answers
from tests.helpers.pages import bodies, opened, run_program, value

pytestmark = pytest.mark.slow


def shown(number: float) -> str:
    return f"{number:.3f}".replace("-", "−")


def test_anomalys_means_are_those_of_its_programs_rows():
    at = opened("pages/anomaly", models="standard,pgd-linf", view="measured", detector=PERCEPTRON)
    (table,) = bodies(at, "data-means=")
    figures = defaultdict(list)
    for row in run_program(at, "Anomaly.read(")["rows"]:
        if (row["detector"], row["trained_on"]) == (PERCEPTRON, "pgd") and row["family"] in FAMILIES:
            figures[row["model"], row["family"]].append(row["auroc"])
    lines = {value(line, "data-means"): line for line in table.split("<tr ")[1:]}
    assert lines.keys() == {"standard", "pgd-linf"} and not at.error
    for key, line in lines.items():
        of_key = [auroc for (model, _), auroc in figures.items() if model == key]
        assert line.count("mean of") == len(of_key) > 2
        assert all(f"<b>{np.mean(auroc):.3f}</b> <small>mean of {len(auroc)}<" in line for auroc in of_key)


def test_saliencys_relations_and_agreement_are_those_of_its_programs():
    look = {"methods": "gradient,integrated-gradients", "agreed": "report", "open": "maps,alike"}
    at = opened("pages/saliency", task="cifar10", models="standard,pgd-linf", **look)
    made = run_program(at, "relations = ")
    (table,) = bodies(at, "data-relations=")
    known = [row for row in made["relations"] if row["value"] is not None]
    assert table.count("<tr><th>") == len(made["relations"]) + 1 and not at.error and known
    for row in known:
        ends = f"({shown(row['value_low'])} to {shown(row['value_high'])}; {row['value_n']} networks)"
        assert f"<b>{shown(row['value'])}</b> <small>{ends}<" in table
    points = [chart.proto.spec for chart in at.get("plotly_chart")]
    for row in made["rows"]:
        assert any(f"alignment {row['value']:.3f} (n = {row['value_n']})" in spec for spec in points), row
    assert any(f"L2 {made['robust']['pgd']['pgd-linf']:.3g}" in spec for spec in points)

    made, (networks, methods) = run_program(at, "frozenset(keys)"), bodies(at, "data-agreement")
    between = made["between"][frozenset(("standard", "pgd-linf"))]
    for block, numbers in (
        (networks, [between[method] for method in ("gradient", "integrated-gradients")]),
        (methods, [made["within"][key][0, made["stated"].index("integrated-gradients")] for key in made["models"]]),
    ):
        assert all(f">{number:.2f}<".replace("-", "−") in block for number in numbers)


def test_latents_table_and_claims_are_those_of_its_program():
    at = opened("pages/latent", task="fashion-mnist", models="standard", view="latent", open="metrics")
    made, (table,) = run_program(at, "Latent.read("), bodies(at, "data-latent-row")
    rows = {value(line, "data-latent-row"): line for line in table.split("<tr ")[1:]}
    accuracy = {row["model"]: row["value"] for row in made["rows"] if row["metric"] == "accuracy"}
    asked = ("LAGS", "default", made["found"].report.settings["eps"])
    severity = {
        row["model"]: row["value"] for row in made["rows"] if (row["metric"], row["setting"], row["epsilon"]) == asked
    }
    assert rows.keys() == accuracy.keys() == severity.keys() and len(rows) > 3 and not at.error
    assert all(f"<b>{100 * share:.1f} %</b>" in rows[key] for key, share in accuracy.items())
    assert all(f"<b>{length:.3f}</b>" in rows[key] for key, length in severity.items())
    (claims,) = bodies(at, "data-claim=")
    over = [row for row in made["readings"] if (row["codes"], row["way"]) == ("generation", "zoo")]
    assert over
    for row in over:
        said = f": {row['value']:+.2f} ({row['value_low']:+.2f} to {row['value_high']:+.2f}; {row['value_n']} networks)"
        assert said.replace("-", "−") in claims


def test_models_answers_and_claims_are_those_of_their_programs():
    at = opened("pages/models", task="fashion-mnist", open="claims,seeds,classes", temperature="0.5")
    for found, mark in zip(bodies(at, 'class="rs-claims"'), ("'orderings'", "'seeds'"), strict=True):
        rows, trained = run_program(at, mark)["rows"], "seeds" in mark
        said = [{**row, "n": row["difference_n"], "of": " trainings each"} if trained else row for row in rows]
        assert rows and all(escape(measurement(row)) in found for row in said)
    made = run_program(at, "confusion_matrix(")
    assert made["answers"].keys() == {"standard", "pgd-linf"} and not at.error
    holds_the_answers(at, made)
