"""A table of a page as CSV holds the words of its cells, in their places."""

import re

import numpy as np

from app.ui.downloads import table_csv
from app.ui.tables import html_csv
from tests.helpers.pages import ROOT


def test_cells_keep_their_words_and_places():
    html = (
        '<div class="rs-chart">Rank</div><table><tr><th></th><th>A &amp; B</th><th>C</th></tr>'
        '<tr class="g"><th colspan="3">Kinds</th></tr><tr><th><i></i>one</th><td><b>0.5</b><br>'
        "<small>0.4 to 0.6</small></td><td>,</td></tr></table>"
    )
    assert html_csv(html).decode().splitlines() == ["Rank", ",A & B,C", "Kinds,,", 'one,0.5 0.4 to 0.6,","']


def test_a_cell_is_no_formula_of_a_spreadsheet():
    assert html_csv("<table><tr><th>=1+1</th></tr></table>") == b"'=1+1\n"


def test_what_people_named_is_no_formula_in_any_table():
    """Classes and networks may be anybody's; numbers stay numbers."""
    written = table_csv(("class", "share"), [("=HYPERLINK(1)", -0.5), (np.str_("@b"), np.float64(-1)), ("c", 2)])
    assert written.decode().splitlines() == ["class,share", "'=HYPERLINK(1),-0.5", "'@b,-1.0", "c,2"]


def test_pages_write_tables_in_one_place():
    sources = {path.name: path.read_text() for path in (ROOT / "app").rglob("*.py")}
    assert [name for name, text in sources.items() if re.search(r"csv\.writer|to_csv\(\)", text)] == ["downloads.py"]
