"""The tiny zoo, in the place of the one that ships."""

import pytest

from tests.helpers.tiny_zoo import write_zoo


@pytest.fixture(scope="session")
def tiny_zoo(tmp_path_factory):
    return write_zoo(tmp_path_factory.mktemp("zoo"))


@pytest.fixture
def zoo(tiny_zoo, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(tiny_zoo))
    return tiny_zoo
