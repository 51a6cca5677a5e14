"""The page Anomaly in a real browser: a picture is judged and pushed, and a mixed bag of files is scored."""

import io
import zipfile

import numpy as np
import pyarrow.parquet as pq
import pytest
import skimage.data
from PIL import Image
from playwright.sync_api import Page

from core.anomaly.catalogue import DETECTORS
from core.data.tasks import CIFAR10
from core.images import fit
from tests.helpers.browser import downloaded, here, in_turn, loaded, photograph, settled
from tests.helpers.screen import misfits
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-reports"), pytest.mark.timeout(900)]
SERVER = "with_reports"

PARTS = "&open=agree,layers,nearest,push"
START = f"anomaly?models=standard,pgd-linf&tensors=weights&image=photo:chelsea{PARTS}"


def whole(page: Page) -> None:
    """Wait until all of the page is there."""
    until(lambda: page.get_by_role("button", name="Copy a link").count() and settled(page), "the page")
    until(lambda: loaded(page), "the pictures")


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def files() -> list[dict[str, object]]:
    """A photograph, a picture of the task's size, noise, and a ZIP with a good, a broken and a nested file."""
    small = (fit(skimage.data.chelsea(), CIFAR10.shape)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    nested, bag = io.BytesIO(), io.BytesIO()
    zipfile.ZipFile(nested, "w").close()
    with zipfile.ZipFile(bag, "w") as out:
        out.writestr("in/rocket.png", png(skimage.data.rocket()))
        out.writestr("broken.png", png(small)[:90])
        out.writestr("nested.zip", nested.getvalue())
    given = {"photo.png": png(skimage.data.coffee()), "small.png": png(small), "noise.png": png(noise)}
    return [
        *({"name": name, "mimeType": "image/png", "buffer": data} for name, data in given.items()),
        {"name": "bag.zip", "mimeType": "application/zip", "buffer": bag.getvalue()},
    ]


def test_a_photo_a_small_picture_noise_and_a_zip_get_verdicts_a_table_and_files(visit, address):
    page = visit(START + "&view=many")
    page.locator("input[type=file]").set_input_files(files())
    page.get_by_role("button", name="Score them").click()
    until(lambda: page.get_by_test_id("stDataFrame").count() and settled(page), "the table")
    assert page.get_by_test_id("stMetricValue").all_inner_texts()[-1] == "2"
    rows = pq.read_table(io.BytesIO(downloaded(page, "All scores as Parquet"))).to_pylist()
    assert {row["path"] for row in rows} == {
        "photo.png", "small.png", "noise.png", "bag.zip/in/rocket.png", "bag.zip/broken.png", "bag.zip/nested.zip",
    }  # fmt: skip
    why = {row["path"]: row["error"] for row in rows if row["error"]}
    assert set(why) == {"bag.zip/broken.png", "bag.zip/nested.zip"} and "archive" in why["bag.zip/nested.zip"]
    p_value = {row["path"]: row["p_value"] for row in rows if (row["model"], row["detector"]) == ("standard", "norms")}
    assert p_value["noise.png"] <= 0.01 < p_value["small.png"]
    assert downloaded(page, "All scores as CSV").count(b"\n") == len(rows) + 1
    assert not page.get_by_test_id("stAlert").count()
    photograph(page, "anomaly-many")
    page.goto(f"{address}/{START}&view=measured")
    whole(page)
    fits_its_window(page, "measured", ("wide", "dark"))


def test_a_picture_is_judged_and_an_attack_is_noticed_when_it_grows(visit):
    page = visit(f"anomaly?models=standard&image=photo:chelsea{PARTS}")
    assert page.locator("[data-judged=standard]").get_attribute("data-flagged") in ("True", "False")
    assert page.locator("[data-detector]").count() == len(DETECTORS) and page.locator("[data-profile]").count() == 1
    first = float(page.locator("[data-pushed=standard]").get_attribute("data-p"))
    page.get_by_role("slider", name="How far").press("End")
    until(lambda: "step=5" in here(page) and settled(page), "the strongest attack")
    pushed = page.locator("[data-pushed=standard]")
    until(lambda: float(pushed.get_attribute("data-p")) != first, "another verdict")
    assert pushed.get_attribute("data-flagged") == "True" and pushed.get_attribute("data-kept") == "False"
    again = visit("anomaly?" + here(page).split("?", 1)[1])
    assert again.locator("[data-pushed=standard]").get_attribute("data-p") == pushed.get_attribute("data-p")
    fits_its_window(page, "one", ("narrow", "light"))


def fits_its_window(page: Page, view: str, look: tuple[str, str]) -> None:
    for size, scheme in in_turn(page, look):
        assert not misfits(page), size
        photograph(page, f"anomaly-{view}-{size}-{scheme}")
