"""What tests of pages share: a page as a visitor finds it, without a browser, and what it shows."""

import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.state.autoencoders import autoencoders_folder
from app.state.judgements import calibration_folder
from app.state.reports import reports_folder
from app.state.tasks import task_pool
from app.state.zoo import zoo_folder
from core.anomaly.calibration import calibration_path
from core.anomaly.label_references import references_path
from core.latent.autoencoder import load_autoencoder
from core.models.zoo import cards, load_zoo_model
from core.reports.form.report import report_path
from tests.helpers.taken_away import without_files
from tests.helpers.waiting import PATIENCE, until

ROOT = Path(__file__).resolve().parents[2]


def opened(script: str, /, **link: str) -> AppTest:
    """A script of the project's root, visited with a link's query parameters; it has run once."""
    at = AppTest.from_file(ROOT / f"{script}.py", default_timeout=2 * PATIENCE)
    for name, given in link.items():
        at.query_params[name] = given
    return checked(at.run())


def entered(page: str, visitor: str = "", **link: str) -> AppTest:
    """A page of the dashboard, by its entry, as a visitor of this name finds it."""
    at = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=240).switch_page(f"pages/{page}.py")
    if visitor:
        at.session_state["visitor.name"] = visitor
    for name, value in link.items():
        at.query_params[name] = value
    return finished(checked(at.run()))


def checked(at: AppTest) -> AppTest:
    """The page, which has run without an exception, and gives the files of all that it shows."""
    assert not at.exception, [item.value for item in at.exception]
    bare = without_files(at)
    assert not bare, bare
    return at


def bodies(at: AppTest, mark: str) -> list[str]:
    """The HTML blocks that carry a data attribute: one a network."""
    return [block.proto.body for block in at.get("html") if mark in block.proto.body]


def value(body: str, name: str) -> str:
    """The first value of an attribute of an HTML block."""
    return body.split(f'{name}="', 1)[1].split('"', 1)[0]


def query(at: AppTest) -> dict[str, str]:
    """The page's address, as a visitor could hand it on."""
    return {name: kept if isinstance(kept, str) else kept[-1] for name, kept in at.query_params.items()}


def restored(visit: Callable[..., AppTest], link: dict[str, str]) -> AppTest:
    """The page as a link asks for it, all of it."""
    at = visit(**link)
    assert not at.warning and not at.error and query(at) == link
    return at


def picture(form: str = "PNG") -> bytes:
    """A noisy grey picture as a file."""
    out = io.BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(out, form)
    return out.getvalue()


def region_panels(at: AppTest) -> dict[str, Any]:
    """What a page shows to be pointed at: its panels by key, and the box."""
    sent = _sent(at, "region")
    return {panel["key"]: panel for group in sent["groups"] for panel in group["panels"]} | {"box": sent["box"]}


def presented(at: AppTest) -> dict[str, Any]:
    """What the presenter shows of a page, which was opened there."""
    return _sent(at, "presenter")


def _sent(at: AppTest, component: str) -> dict[str, Any]:
    """What a page sent the one component of that name."""
    (one,) = components(at, component)
    return one


def components(at: AppTest, component: str) -> list[Any]:
    """What a page sent each component of that name."""
    name = f"robustscope.{component}"
    return [json.loads(one.proto.json) for one in at.get("bidi_component") if one.proto.component_name == name]


def source(at: AppTest):
    """The control that says where the picture comes from."""
    return at.segmented_control(key="picker.source")


def upload(at: AppTest, name: str, data: bytes) -> AppTest:
    """The page after a file was dropped on it."""
    if not at.file_uploader:
        checked(source(at).set_value("Upload").run())
    return checked(at.file_uploader[0].set_value((name, data, "image/png")).run())


def pressed(at: AppTest, key: str) -> AppTest:
    """The page after a button was pressed, with what comes out of the work that it began."""
    checked(at.button(key=key).click().run())
    return finished(at)


def run_program(at: AppTest, mark: str) -> dict[str, Any]:
    """What the names hold of a program that a page shows, the one with this text; it finds the test's networks."""
    code = next(item.value for item in at.code if mark in item.value)
    namespace: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, of, folder in (
            ("core.load_zoo_model", load_zoo_model, zoo_folder()),
            ("core.cards", cards, zoo_folder()),
            ("core.calibration_path", calibration_path, calibration_folder()),
            ("core.anomaly.label_references.references_path", references_path, calibration_folder()),
            ("core.latent.autoencoder.load_autoencoder", load_autoencoder, autoencoders_folder()),
            ("core.reports.form.report.report_path", report_path, reports_folder()),
        ):
            patch.setattr(name, partial(of, folder=folder), raising=False)
        exec(code, namespace)
    return namespace


def finished(at: AppTest) -> AppTest:
    """The page once no work beside it is left; it runs once meanwhile, and else leaves the processor to the work."""

    def over() -> bool:
        tasks = list(task_pool()._tasks.values())
        for task in tasks:
            task.heartbeat()
        return not any(task.active for task in tasks)

    if not over():
        checked(at.run())
    until(over, "the work beside the page")
    return checked(at.run())
