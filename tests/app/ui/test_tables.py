"""A table of a page as CSV holds the words of its cells, in their places."""

from app.ui.tables import html_csv


def test_cells_keep_their_words_and_places():
    html = (
        '<div class="rs-chart">Rank</div><table><tr><th></th><th>A &amp; B</th><th>C</th></tr>'
        '<tr class="g"><th colspan="3">Kinds</th></tr><tr><th><i></i>one</th><td><b>0.5</b><br>'
        "<small>0.4 to 0.6</small></td><td>,</td></tr></table>"
    )
    assert html_csv(html).decode().splitlines() == ["Rank", ",A & B,C", "Kinds,,", 'one,0.5 0.4 to 0.6,","']


def test_a_cell_is_no_formula_of_a_spreadsheet():
    assert html_csv("<table><tr><th>=1+1</th></tr></table>") == b"'=1+1\n"
