"""A table of a page as CSV holds the words of its cells, in their places."""

import io
import re

import numpy as np

from app.ui.downloads import table_csv
from app.ui.tables import html_rows, rows_npz
from tests.helpers.pages import ROOT


def written(html):
    """The CSV of a text's tables."""
    head, *rows = html_rows(html)
    return table_csv(head, rows).decode()


def test_cells_keep_their_words_and_places():
    html = (
        '<div class="rs-chart">Rank</div><table><tr><th></th><th>A &amp; B</th><th>C</th></tr>'
        '<tr class="g"><th colspan="3">Kinds</th></tr><tr><th><i></i>one</th><td><b>0.5</b><br>'
        "<small>0.4 to 0.6</small></td><td>,</td></tr></table>"
    )
    assert written(html).splitlines() == ["Rank", ",A & B,C", "Kinds,,", 'one,0.5 0.4 to 0.6,","']


def test_a_cell_is_no_formula_of_a_spreadsheet():
    assert written("<table><tr><th>=1+1</th></tr></table>") == "'=1+1\n"


def test_what_people_named_is_no_formula_in_any_table():
    """Classes and networks may be anybody's; numbers stay numbers."""
    made = table_csv(("class", "share"), [("=HYPERLINK(1)", -0.5), (np.str_("@b"), np.float64(-1)), ("c", 2)])
    assert made.decode().splitlines() == ["class,share", "'=HYPERLINK(1),-0.5", "'@b,-1.0", "c,2"]


def test_pages_write_tables_in_one_place():
    sources = {path.name: path.read_text() for path in (ROOT / "app").rglob("*.py")}
    assert [name for name, text in sources.items() if re.search(r"csv\.writer|to_csv\(\)", text)] == ["downloads.py"]


def test_a_tables_arrays_are_its_words_and_the_numbers_that_they_begin_with():
    html = "<table><tr><th>a</th><th>b</th></tr><tr><td><b>−1,234.5</b> (n = 2)</td><td>none: 3</td></tr></table>"
    with np.load(io.BytesIO(rows_npz(html_rows(html))), allow_pickle=False) as found:
        assert found["cells"].tolist() == [["a", "b"], ["−1,234.5 (n = 2)", "none: 3"]]
        assert found["values"][1, 0] == -1234.5 and np.isnan(found["values"]).sum() == 3
