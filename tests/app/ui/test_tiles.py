"""The files of a page's pictures hold what it shows: pixels, names and words, row by row; one without is found."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.ui.data_urls import data_url
from app.ui.downloads import latin_text
from app.ui.sheets import picture_sheet, table_png
from app.ui.tiles import html_pictures, rows_csv, rows_npz
from tests.helpers.taken_away import without_files


@pytest.fixture
def pictures():
    return np.random.default_rng(0).random((2, 3, 8, 8), np.float32)


@pytest.fixture
def rows(pictures):
    """Two networks, the second with one picture that could not be made."""
    one, two = map(data_url, pictures)
    return html_pictures(
        f'<section style="--rs-colour: #112233"><span class="rs-name">First<span>key</span></span><p>aside</p>'
        f'<figure><img src="{one}" alt="x"><figcaption><b>cat</b> 3 %</figcaption></figure>after</section>'
        f'<div class="rs-map-head" style="--rs-colour: #445566"><b>Second</b></div>'
        f'<figure><img src="{two}"><small>dog</small></figure><div class="rs-map-none"><span>no map</span></div>'
    )


def test_pictures_keep_their_pixels_and_words_in_the_rows_of_their_names(rows, pictures):
    assert [(row.title, row.colour) for row in rows] == [("First", "#112233"), ("Second", "#445566")]
    assert rows_csv(rows).decode().splitlines()[1:] == ["First,1,cat; 3 %", "Second,1,dog", "Second,2,no map"]
    with np.load(io.BytesIO(rows_npz(rows)), allow_pickle=False) as found:
        levels = np.rint(pictures * 255).astype(np.uint8).transpose(0, 2, 3, 1)
        assert np.array_equal(found["1_1"], levels[0]) and np.array_equal(found["2_1"], levels[1])
        assert json.loads(str(found["settings"]))["words"] == [["cat\n3 %"], ["dog", "no map"]]


def test_a_sheet_has_300_dpi_and_every_picture_in_sharp_squares(rows, pictures):
    sheet = Image.open(io.BytesIO(picture_sheet(rows, "a note")))
    assert round(sheet.info["dpi"][0]) == 300
    drawn = {pixel for _, pixel in sheet.getcolors(sheet.width * sheet.height)}
    levels = np.rint(pictures * 255).astype(np.uint8).transpose(0, 2, 3, 1).reshape(-1, 3)
    assert {tuple(pixel) for pixel in levels.tolist()} < drawn


def test_a_table_as_a_picture_grows_with_its_rows():
    one, two = (Image.open(io.BytesIO(table_png([["Head", "of it"]] * count))) for count in (1, 2))
    assert two.height > one.height and two.width == one.width and round(two.info["dpi"][0]) == 300


def test_signs_that_the_font_lacks_keep_their_meaning():
    """A minus that is lost would turn a difference around."""
    assert latin_text("−2.8 → ≥ 8/255 (L∞, ε), ≠") == "-2.8 to >= 8/255 (Linf, e), !="


def test_what_has_no_files_is_found():
    def page():
        import plotly.graph_objects as go
        import streamlit as st

        from app.ui import charts, tables
        from app.ui.downloads import downloads

        charts.show(go.Figure(), key="chart", alt="nothing")
        st.plotly_chart(go.Figure(), key="bare")
        downloads("bare", ("CSV", "csv", bytes), ("NPZ", "npz", bytes))
        table = "<table><tr><th>a</th></tr></table>"
        tables.show(table, "n")
        st.html(table)
        st.html('<figure><img src="x"></figure>')

    found = without_files(AppTest.from_function(page).run())
    assert found[0].endswith(": no png")
    assert [line.split("<")[1][:6] for line in found[1:]] == ["table>", "figure"]
