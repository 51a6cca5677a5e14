"""torchvision comes in where its own import would fail."""

import os
import subprocess
import sys

import pytest

WITHOUT_SCRATCH = """
import sys, tempfile
def nowhere():
    raise FileNotFoundError("no usable temporary directory")
tempfile._get_default_tempdir = nowhere
from core.torchvision_compat import torchvision
assert torchvision.models.list_models()
assert not any(name.startswith("torch._dynamo") for name in sys.modules)
import torch._dynamo
assert torch._dynamo.utils.is_compile_supported.__module__ == "torch._dynamo.utils"
"""


@pytest.mark.slow
def test_it_comes_in_where_the_system_has_no_place_for_temporary_files():
    """The import of torch's compiler makes a folder among them; a container that can't be written has none.

    torchvision's own leaves the compiler, which takes a second, to whoever compiles.
    """
    plain = {name: value for name, value in os.environ.items() if name != "TORCHINDUCTOR_CACHE_DIR"}  # torch sets it
    command = [sys.executable, "-c", WITHOUT_SCRATCH]
    done = subprocess.run(command, env=plain, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
