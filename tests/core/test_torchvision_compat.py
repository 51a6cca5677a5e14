"""torchvision comes in where its own import would fail."""

import os
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
    plain = {name: value for name, value in os.environ.items() if name != "TORCHINDUCTOR_CACHE_DIR"}  # torch sets it
    command = [sys.executable, "-c", WITHOUT_SCRATCH]
    done = subprocess.run(command, env=plain, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
