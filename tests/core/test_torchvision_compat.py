"""torchvision comes in where its own import would fail."""

import subprocess
import sys

import pytest

WITHOUT_SCRATCH = """
import tempfile
def nowhere():
    raise FileNotFoundError("no usable temporary directory")
tempfile._get_default_tempdir = nowhere
from core.torchvision_compat import torchvision
assert torchvision.models.list_models()
"""


@pytest.mark.slow
def test_it_comes_in_where_the_system_has_no_place_for_temporary_files():
    """Its import makes torch a folder among them; a container that can't be written has none."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_SCRATCH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
