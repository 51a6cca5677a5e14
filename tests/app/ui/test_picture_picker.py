"""The row of the gallery: few of a kind where there are others, and always the chosen one."""

from app.ui.picture_picker import OF_A_KIND, ROW, row_of
from core.data.galleries import GalleryItem


def items(**counts: int) -> list[GalleryItem]:
    return [GalleryItem(f"{kind}:{number}", "", None, "") for kind, count in counts.items() for number in range(count)]


def test_the_row_begins_with_the_first_kind_and_shows_the_others_too():
    row = [item.key for item in row_of(items(test=200, photo=4, generated=20), "test:1")]
    assert row == [f"test:{n}" for n in range(OF_A_KIND)] + [f"photo:{n}" for n in range(4)]
    assert len(row_of(items(test=200), "test:0")) == ROW and len(row_of(items(photo=3), "photo:0")) == 3


def test_a_chosen_picture_from_further_down_comes_first():
    row = [item.key for item in row_of(items(test=200, photo=4), "test:150")]
    assert row[:3] == ["test:150", "test:0", "test:1"] and len(row) == ROW
    assert "upload:5f" not in [item.key for item in row_of(items(photo=4), "upload:5f")]
