"""A server fetches nothing at a visitor's wish unless whoever runs it has said so."""

import pytest

from core.errors import ConfigError
from core.models.server_settings import visitors_may_fetch
from tests.helpers.foreign import written


@pytest.fixture
def user(tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "allowed"), [("", False), ("[trusted]\nfactories = []", False), ("[visitors]\nfetch = true", True)]
)
def test_it_is_off_until_it_is_said(user, text, allowed):
    assert not visitors_may_fetch()
    written(user, "robustscope.toml", text.encode())
    assert visitors_may_fetch() is allowed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[visitors]\nfetch = 'yes'", "fetch must be true or false"),
        ("visitors = 3", "visitors must be a section"),
        ("[visitors", "robustscope.toml can't be read"),
    ],
)
def test_what_is_unclear_is_not_a_yes(user, text, said):
    written(user, "robustscope.toml", text.encode())
    with pytest.raises(ConfigError, match=said):
        visitors_may_fetch()
