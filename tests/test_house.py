"""The rules of the house that no linter holds: imports of pages, exact pins, a readable theme, a required browser."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest
from streamlit import config as streamlit_config

ROOT = Path(__file__).parent.parent
ENTRY_AND_PAGES = [path for path in (ROOT / "streamlit_app.py", *sorted(ROOT.glob("pages/*.py"))) if path.exists()]
TENSOR_LIBRARIES = {"torch", "torchvision", "numpy", "captum", "scipy", "skimage", "sklearn"}
THEME = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"]


def imports(source: str) -> set[str]:
    """Names of all modules that `source` imports, wherever in it; `from core import x` counts as core.x."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", ENTRY_AND_PAGES, ids=lambda path: path.name)
def test_a_page_never_touches_a_tensor(path):
    touched = {name for name in imports(path.read_text()) if name.split(".")[0] in TENSOR_LIBRARIES}
    assert not touched, f"{path.name} imports {sorted(touched)}; move the work to core or app"


def test_an_import_anywhere_in_a_page_is_seen():
    source = "import numpy as np\ndef f():\n    from torch import nn\n    from core import norms"
    assert imports(source) == {"numpy", "torch.nn", "core.norms"}


def test_neither_core_nor_app_imports_the_entry_or_a_page():
    """import-linter sees packages only; the scripts above them are checked here."""
    for path in [*ROOT.glob("core/**/*.py"), *ROOT.glob("app/**/*.py")]:
        source = path.read_text()
        if not re.search(r"^\s*(from|import)\b.*\b(pages|streamlit_app)\b", source, re.MULTILINE):
            continue  # not worth a closer look
        upward = {name for name in imports(source) if name.split(".")[0] in {"pages", "streamlit_app"}}
        assert not upward, f"{path} imports {sorted(upward)}"


@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob("requirements*.txt")), ROOT / "constraints.txt"], ids=lambda path: path.name
)
def test_every_requirement_is_pinned_exactly(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-c ", "-r "))]
    exact = r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][0-9A-Za-z.]*( ; .+)?"
    loose = [line for line in lines if not re.fullmatch(exact, line)]
    assert not loose


@pytest.mark.parametrize("pin", re.findall(r"^\S+==\S+$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
def test_this_environment_has_the_pinned_version(pin):
    name, wanted = pin.split("==")
    assert version(name).split("+")[0] == wanted  # a local label names a build of the same version


def test_streamlit_knows_every_setting_and_reads_our_values():
    for section, values in tomllib.loads((ROOT / ".streamlit/config.toml").read_text()).items():
        for key, value in flattened(values, section):
            assert streamlit_config.get_option(key) == value, key


def flattened(values: dict, prefix: str):
    """Pairs of dotted option name and value."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}.{key}")
        else:
            yield f"{prefix}.{key}", value


def luminance(colour: str) -> float:
    """Relative luminance of "#RRGGBB" (WCAG 2.2)."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2), 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_theme_is_readable(mode):
    """WCAG 2.2 AA: 4.5 for text, 3 for controls and for marks in charts."""
    theme = THEME[mode]
    surfaces = (theme, theme["sidebar"])
    grounds = [surface[key] for surface in surfaces for key in ("backgroundColor", "secondaryBackgroundColor")]
    for ground in grounds:
        assert contrast(theme["textColor"], ground) >= 4.5
        assert contrast(theme["linkColor"], ground) >= 4.5
        assert contrast(theme["primaryColor"], ground) >= 3
    assert contrast(theme["primaryColor"], "#FFFFFF") >= 4.5  # the text on a primary button is white in both modes
    for colour in theme["chartCategoricalColors"]:
        assert contrast(colour, theme["backgroundColor"]) >= 3


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_diverging_colours_rise_from_the_middle_to_both_ends(mode):
    """A signed value of larger size must look stronger, and the two signs alike, also in grey."""
    shades = [contrast(colour, THEME[mode]["backgroundColor"]) for colour in THEME[mode]["chartDivergingColors"]]
    assert len(shades) == 10
    assert all(outer > inner for outer, inner in pairwise(shades[:5]))
    assert all(inner < outer for inner, outer in pairwise(shades[5:]))
    assert all(0.6 < left / right < 1.7 for left, right in zip(shades[:5], reversed(shades[5:]), strict=True))


@pytest.mark.slow
def test_no_test_imports_another_and_what_they_share_lies_in_helpers():
    for path in ROOT.glob("tests/**/*.py"):
        shared = {name for name in imports(path.read_text()) if name.split(".")[0] == "tests"}
        elsewhere = {name for name in shared if not name.startswith("tests.helpers.")}
        assert not elsewhere, f"{path} imports {sorted(elsewhere)}"


@pytest.mark.parametrize("folder", ["app", "benchmarks", "core", "pages", "tests"])
def test_no_file_outgrows_a_reader(folder):
    lengths = {path: len(path.read_text().splitlines()) for path in ROOT.glob(f"{folder}/**/*.py")}
    assert not {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > 350}


def run_pytest(folder: Path, *more: str, **environment: str) -> subprocess.CompletedProcess:
    """Run the tests in `folder` with this project's conftest and no browser of their own."""
    (folder / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-ra",
        "-p",
        "no:cacheprovider",
        f"--rootdir={folder}",
        str(folder),
        *more,
    ]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ROBUSTSCOPE_")}
    clean["PYTHONPATH"] = str(ROOT)  # where the helpers of its fixtures are
    return subprocess.run(command, cwd=folder, env=clean | environment, capture_output=True, text=True, check=False)


@pytest.fixture
def browser_suite(tmp_path: Path) -> Path:
    (tmp_path / "test_plain.py").write_text("def test_plain():\n    assert True\n")
    (tmp_path / "browser").mkdir()
    (tmp_path / "browser/test_it.py").write_text("def test_it(chromium):\n    assert chromium\n")
    return tmp_path


@pytest.mark.slow
def test_a_missing_browser_is_skipped_with_a_way_to_get_one(browser_suite):
    done = run_pytest(browser_suite, ROBUSTSCOPE_CHROMIUM="/no/such/chromium")
    assert done.returncode == 0
    assert "1 passed, 1 skipped" in done.stdout
    assert "apt-get install chromium-headless-shell" in done.stdout


@pytest.mark.slow
def test_a_missing_browser_fails_where_it_is_required(browser_suite):
    done = run_pytest(browser_suite, ROBUSTSCOPE_CHROMIUM="/no/such/chromium", ROBUSTSCOPE_REQUIRE_BROWSER="1")
    assert done.returncode == 1


@pytest.mark.slow
def test_a_run_without_any_browser_test_fails_where_it_is_required(browser_suite):
    (browser_suite / "browser/test_it.py").unlink()
    assert run_pytest(browser_suite).returncode == 0
    done = run_pytest(browser_suite, ROBUSTSCOPE_REQUIRE_BROWSER="1")
    assert done.returncode == 1
    assert "no browser test ran" in done.stdout


@pytest.mark.slow
def test_a_browser_that_is_there_satisfies_the_requirement(browser_suite):
    done = run_pytest(browser_suite, ROBUSTSCOPE_CHROMIUM=sys.executable, ROBUSTSCOPE_REQUIRE_BROWSER="1")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_several_processes_know_together_what_ran(browser_suite):
    done = run_pytest(browser_suite, "-n2", ROBUSTSCOPE_CHROMIUM=sys.executable, ROBUSTSCOPE_REQUIRE_BROWSER="1")
    assert done.returncode == 0 and "1 passed in browser" in done.stdout, done.stdout
    (browser_suite / "browser/test_it.py").unlink()
    done = run_pytest(browser_suite, "-n2", ROBUSTSCOPE_REQUIRE_BROWSER="1")
    assert done.returncode == 1 and "no browser test ran" in done.stdout


@pytest.mark.xdist_group("house")
def test_groups_of_tests_reach_the_one_that_hands_them_out(request):
    """Where they do not, each process starts servers of its own, and a whole run takes twice as long."""
    if getattr(request.config.option, "loadgroup", False):
        assert request.node.nodeid.endswith("@house")
