"""Fixtures that several folders of tests make alike."""

from pathlib import Path

import pytest


def in_place_of(variable: str, folder: str):
    """A fixture: the folder that another fixture gives, in the place of the machine's own, which a variable names."""

    @pytest.fixture
    def in_place(request, monkeypatch) -> Path:
        path = request.getfixturevalue(folder)
        monkeypatch.setenv(variable, str(path))
        return path

    return in_place
