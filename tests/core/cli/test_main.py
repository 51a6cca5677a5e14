"""The command line as a whole: help without waiting, and what happens where nobody can read the output."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli.main import COMMANDS, READER_GONE, main

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("torch", "numpy", "streamlit", "pyarrow", "sklearn")
HELPS = ("", "run", "models", "list", "train", "train-student", "train-generator", "data", "data fetch", "evaluate")
HELPS += ("make-gallery", "verify", "calibrate", "score", "choose-joint", "choose-opening")


def robustscope(words, output, buffered=True):
    """A process of the command with `output` as its standard output."""
    environment = os.environ | {"PYTHONUNBUFFERED": "" if buffered else "1"}
    command = [sys.executable, "-m", "core.cli", *words]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.PIPE, text=True)


def test_no_help_waits_for_a_heavy_import():
    """Asked of a fresh process: here the heavy ones are loaded long since."""
    code = f"""
import sys
from core.cli.main import main
for words in {HELPS!r}:
    try:
        main([*words.split(), "--help"])
    except SystemExit as left:
        assert left.code == 0, words
print("loaded:", *[name for name in {HEAVY!r} if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1].strip() == "loaded:"


def test_help_is_an_exit_of_zero(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0 and "evaluate" in capsys.readouterr().out


def test_every_command_file_says_how_to_join():
    assert all(callable(command.add) for command in COMMANDS)


@pytest.mark.parametrize(
    ("words", "buffered"), [(("list", "reports"), True), (("list", "reports"), False), (("--help",), True)]
)
def test_a_reader_that_has_gone_ends_it_quietly(words, buffered):
    read, write = os.pipe()
    os.close(read)
    with robustscope(words, write, buffered) as process:
        os.close(write)
        _, error = process.communicate()
    assert process.returncode == READER_GONE and error == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_said_in_a_sentence():
    with Path("/dev/full").open("w") as full, robustscope(("list", "reports"), full) as process:
        _, error = process.communicate()
    assert process.returncode == 1
    assert error.startswith("robustscope: the output could not be written") and len(error.splitlines()) == 1


def test_a_closed_output_is_said_in_a_sentence():
    command = f"exec {sys.executable} -m core.cli list reports >&-"
    ran = subprocess.run(["sh", "-c", command], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 1 and len(ran.stderr.splitlines()) == 1
    silent = subprocess.run(["sh", "-c", f"{command} 2>&-"], cwd=ROOT, check=False)
    assert silent.returncode == 1
