"""What all charts share: their words are in the ink that the style sheet turns with the theme."""

import plotly.graph_objects as go

from app.ui.charts import plain_layout

INK = "#14273D"


def test_every_word_of_a_chart_is_in_the_ink_that_follows_the_theme():
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], name="Standard"))
    figure.update_layout(legend={"orientation": "h"}, xaxis_title="epsilon")
    layout = plain_layout(figure, 200, INK, {"l": 8}).layout
    words = (
        layout.font,
        layout.legend.font,
        *(part for axis in (layout.xaxis, layout.yaxis) for part in (axis.tickfont, axis.title.font)),
    )
    assert {font.color for font in words} == {INK} and layout.legend.orientation == "h"
