"""What ships is locked to the versions that are pinned, and the lists made of it hold that and nothing else."""

import json

import pytest

from core.models.packaged import PACKAGED
from deploy.audit import verdict
from deploy.bill import without_others
from deploy.lock import LOCK, ROOT, TORCH_LOCK, differing, entries_in, parted, pins_in

LOCKS = [path.read_text(encoding="utf-8") for path in (LOCK, TORCH_LOCK)]
RESOLVED = """\
numpy==2.4.6 \\
    --hash=sha256:aa
nvidia-nccl-cu13==2.29.7 ; sys_platform == 'linux' \\
    --hash=sha256:bb
torch==2.13.0 \\
    --hash=sha256:cc \\
    --hash=sha256:dd
"""


def test_the_locks_hold_every_requirement_in_its_version_and_pins_alike():
    """A pin that was raised without `make lock` would leave LOCKED=1 at the old version, or break it."""
    assert differing("".join(LOCKS)) == []
    assert {"torch", "torchvision"} <= {*entries_in(LOCKS[1])} and not {"torch", "streamlit"} <= {*entries_in(LOCKS[0])}


def test_every_locked_file_has_a_hash_and_no_index_is_named():
    for text in LOCKS:
        assert all("--hash=sha256:" in entry for entry in entries_in(text).values())
        assert "://" not in text and pins_in(text).keys() == entries_in(text).keys()


def test_what_only_torch_needs_is_in_a_lock_of_its_own():
    rest, torch = parted(RESOLVED).values()
    assert pins_in(rest) == {"numpy": "2.4.6"} and pins_in(torch) == {"nvidia-nccl-cu13": "2.29.7", "torch": "2.13.0"}
    assert torch.count("--hash=") == 3


def test_another_version_and_a_missing_package_are_named():
    changed = LOCKS[0].replace(f"numpy=={pins_in(LOCKS[0])['numpy']}", "numpy==1.0")
    found = differing(changed)
    assert any(line.startswith("numpy is 1.0, and pinned to") for line in found) and "torch is not locked" in found


def test_a_bill_holds_what_ships_with_what_it_needs_and_neither_tools_nor_the_project():
    bill = {
        "metadata": {"component": {"bom-ref": "root", "name": "robustscope"}},
        "components": [{"bom-ref": name, "name": name} for name in ("Jinja2", "markupsafe", "pytest", "robustscope")],
        "dependencies": [
            {"ref": "root"},
            {"ref": "Jinja2", "dependsOn": ["markupsafe", "pytest"]},
            {"ref": "markupsafe"},
            {"ref": "pytest", "dependsOn": ["Jinja2"]},
        ],
    }
    found = without_others(bill, {"jinja2", "markupsafe"})
    assert [one["name"] for one in found["components"]] == ["Jinja2", "markupsafe"]
    needed = {one["ref"]: one["dependsOn"] for one in found["dependencies"]}
    assert needed == {"Jinja2": ["markupsafe"], "markupsafe": [], "root": ["Jinja2"]}


KNOWN = {"name": "numpy", "version": "2.4.6", "vulns": []}
HOLE = {"name": "pillow", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}]}
SKIPPED = {"name": "torch", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("found", "holes", "said"),
    [
        ([KNOWN], 0, "1 packages were looked up, 0 have known holes"),
        ([KNOWN, HOLE], 1, "pillow 1.0: CVE-1, mended in 1.1"),
        ([KNOWN, SKIPPED], 0, "torch was not looked up"),
        ([SKIPPED], None, "nothing was checked"),
        (None, None, "nothing was checked"),
    ],
)
def test_an_audit_without_its_database_is_no_clean_one(found, holes, said):
    count, lines = verdict("" if found is None else json.dumps({"dependencies": found}))
    assert count == holes and said in "\n".join(lines)


def test_the_page_of_licences_names_all_weights_that_ship_and_states_what_is_known_of_packaged_ones():
    page = (ROOT / "docs/guide/licences.md").read_text(encoding="utf-8")
    rows = [line for line in page.partition("## Weights")[2].partition("## Data")[0].splitlines() if line[:1] == "|"]
    for task in (ROOT / "assets/models").iterdir():
        assert any(f"`{task.name}`" in row for row in rows)
    for package in PACKAGED.values():
        assert any(f"`{package.package}`" in row and package.licence in row for row in rows)
