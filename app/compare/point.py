"""A region pointed at on the page Compare: the gradient maps there, and the answers once it is gone."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st

from app.compare.choice import CompareChoice
from app.state import session
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.state.region_answers import fill_key
from app.ui import map_png, python_code, region
from app.ui.colours import signed_colours
from app.ui.controls import share
from app.ui.data_urls import bytes_url
from app.ui.downloads import downloads
from app.ui.elements import no_gradients
from app.ui.region_picker import Panel, PanelGroup, region_picker
from core.data.tasks import Task
from core.explanations.prediction import Prediction


def point(task: Task, looks: Sequence[Prediction], shown: ModelInput) -> None:
    """The picture and the gradient maps, linked, and the region changed."""
    box, keys = session.now().box, [look.model for look in looks]
    with st.columns(2)[0]:
        region.fill_picker()
    no_gradients([look.model for look in looks if look.attributions is None])
    maps = [_map_panel(look, looks) for look in looks if look.attributions is not None]
    groups = [PanelGroup("", [region.picture_panel(task, shown, looks), *maps])]
    edited = region.edited_panels(task, keys, shown)
    region_picker([*groups, *([edited] if edited else [])], *task.shape[1:], "compare")
    if box is not None:
        region.edits_guide()
        downloads(
            f"region-{task.key}", ("New answers as CSV", "csv", partial(region.edited_csv, task, keys, shown, box))
        )
        with st.container(horizontal=True):
            share("region")
            names = [*python_code.FOR_PREDICTIONS, *python_code.FOR_REGIONS]
            choice = session.now()
            python_code.show(
                python_code.picture_and_networks(choice, names)
                + python_code.PREDICTIONS
                + python_code.region(choice, box, fill_key(choice), python_code.OF_PREDICTIONS)
            )


def _map_panel(look: Prediction, looks: Sequence[Prediction]) -> Panel:
    """The gradient of a network's answer, on the scale that the page's maps have."""
    scale = map_png.scale(looks if session.page_choice(CompareChoice).shared else [look])
    pixels = np.rint(signed_colours(look.heatmap, scale)).astype(np.uint8)
    return Panel(look.model, model_name(look.model), "Input gradient", bytes_url(pixels), look.heatmap, look.model)
