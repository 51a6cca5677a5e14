"""The tiny zoo, in the place of the one that ships."""

from tests.app.conftest import tiny_zoo, zoo  # noqa: F401 - fixtures
