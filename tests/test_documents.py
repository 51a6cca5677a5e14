"""What the documents tell people to run does run, and says what they say it does."""

import re
import runpy
from functools import cache
from importlib.metadata import metadata
from pathlib import Path

import pytest
import torch

import core
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.saliency.catalogue import SALIENCY_METHODS, attribute
from core.saliency.gradient import gradient
from core.saliency.method import AttributionRequest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = {
    "look_at_a_photo.py": r"standard  says \w+ \(\d+%\); after PGD with 20 steps at 2/255 it says \w+",
    "score_a_folder.py": r"\d\d-\w+\.png +p = [01]\.\d{3}",
}


def blocks(document: str) -> str:
    """The Python of a document, in its order."""
    return "\n".join(re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL))


@pytest.fixture(autouse=True, scope="module")
def loaded_once():
    """The documents load the same two networks, which costs most of what they do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "load_zoo_model", cache(core.load_zoo_model))
        yield


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_prints_what_it_promises(name, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", [name])
    runpy.run_path(f"examples/{name}", run_name="__main__")
    assert re.search(EXAMPLES[name], capsys.readouterr().out)


def test_every_example_is_run():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("document", ["README.md", "docs/tutorial.md"])
def test_the_python_of_a_document_runs(document, capsys):
    exec(blocks(document), {})
    said = capsys.readouterr().out
    assert "standard" in said and "pgd-linf" in said


def test_the_method_that_contributing_adds_is_one(monkeypatch):
    """As it stands there, with its line in the catalogue; the page's menu reads the same catalogue."""
    namespace: dict = {}
    exec(blocks("CONTRIBUTING.md"), namespace)
    method = namespace["GRADIENT_SIGN_METHOD"]
    for catalogue in (SALIENCY_METHODS, ATTRIBUTION_METHODS):
        monkeypatch.setitem(catalogue, method.key, method)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
    x, target = torch.rand(2, 3, 2, 2), torch.tensor([0, 2])
    made = attribute("gradient-sign", AttributionRequest(net, x, target, torch.Generator()))
    assert torch.equal(made, gradient(net, x, target)[0].sign())


def test_contributing_names_files_that_there_are():
    named = set(re.findall(r"`((?:core|app|pages|tests)/[\w/]+(?:\.py|/))`", (ROOT / "CONTRIBUTING.md").read_text()))
    assert len(named) > 8 and all((ROOT / name).exists() for name in named)


def test_the_names_that_a_notebook_imports_are_there():
    assert len(core.__all__) > 10
    assert all(getattr(core, name) is not None for name in core.__all__)


def test_the_licences_in_the_guide_to_workshops_are_those_that_the_packages_state():
    text = (ROOT / "docs/guide/workshop.md").read_text().partition("| library under it |")[2]
    stated = dict(re.findall(r"^\| ([\w-]+) \| ([\w .-]+) \|$", text, re.MULTILINE))
    assert {"SQLAlchemy", "alembic", "Mako", "MarkupSafe", "psycopg", "psycopg-binary", "segno"} == set(stated)
    for name, licence in stated.items():
        found = metadata(name)
        classified = [each.rpartition(" :: ")[2] for each in found.get_all("Classifier", ()) if "License ::" in each]
        assert licence in (found.get("License-Expression"), *classified), name


def test_readme_names_the_versions_of_the_libraries_that_it_is_held_against():
    """As they are pinned for `make bench`."""
    pinned = "\n".join((ROOT / name).read_text() for name in ("requirements.txt", "requirements-bench.txt"))
    readme = (ROOT / "README.md").read_text()
    quick = readme[readme.index("### How quick is it?") : readme.index("## How it is built")]
    for name in ("torchattacks", "foolbox", "adversarial-robustness-toolbox", "captum"):
        named = set(re.findall(rf"{name} (\d[\d.]*\d)", quick))
        assert named == set(re.findall(rf"^{name}==(\S+)$", pinned, re.MULTILINE)), name
