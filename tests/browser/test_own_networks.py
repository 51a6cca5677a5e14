"""A network that was just trained is brought in a browser, stands on every page for its visitor alone, and goes."""

import io
import zipfile
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from playwright.sync_api import Page
from torch.nn.functional import cross_entropy

from core.torchvision_compat import torchvision
from tests.helpers.browser import photograph, served, settled, turn_to
from tests.helpers.foreign import saved
from tests.helpers.pictures import png
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("own"), pytest.mark.timeout(1800)]

COLOURS = ("red", "green", "blue")
PAGES = ("compare", "adversarial", "anomaly", "saliency", "latent", "models")
LONG = 240.0  # seconds; the machine may be busy


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures (N, 32, 32, 3), each stronger in one colour, and which."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    x = generator.integers(0, 130, (count, 32, 32, 3))
    x[np.arange(count), :, :, labels] += 100
    return x.astype(np.uint8), labels


@pytest.fixture(scope="module")
def trained() -> bytes:
    """A small network of torchvision that learned to name colours in a few steps, as `torch.save` keeps it."""
    generator = torch.Generator().manual_seed(0)
    network = torchvision.models.shufflenet_v2_x0_5(num_classes=3)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                torch.nn.init.kaiming_normal_(parameter, generator=generator)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)
    for step in range(24):
        x, labels = pictures(24, step)
        batch = torch.from_numpy(x.transpose(0, 3, 1, 2)).float() / 255
        optimiser.zero_grad()
        cross_entropy(network(batch), torch.from_numpy(labels)).backward()
        optimiser.step()
    return saved({"epoch": 1, "state_dict": {f"module.{name}": value for name, value in network.state_dict().items()}})


@pytest.fixture(scope="module")
def labelled() -> bytes:
    """A ZIP of labelled pictures, one folder a class."""
    out = io.BytesIO()
    x, labels = pictures(60, 1000)
    with zipfile.ZipFile(out, "w") as archive:
        for index, label in enumerate(labels):
            archive.writestr(f"set/{COLOURS[label]}/{index}.png", png(x[index]))
    return out.getvalue()


@pytest.fixture(scope="module")
def normal() -> bytes:
    """A ZIP of 200 pictures without labels."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for index, one in enumerate(pictures(200, 2000)[0]):
            archive.writestr(f"{index}.png", png(one))
    return out.getvalue()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The dashboard, its visitors' networks in a folder of the test."""
    with served(ROBUSTSCOPE_VISITORS=str(tmp_path_factory.mktemp("own"))) as found:
        yield found


def drop(page: Page, label: str, name: str, data: bytes) -> None:
    """Drop a file on the box of this label."""
    box = page.get_by_test_id("stFileUploader").filter(has_text=label)
    box.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )


def field(page: Page, name: str):
    """The text field of this label."""
    return page.get_by_role("textbox", name=name)


def rested(page: Page) -> None:
    page.wait_for_timeout(500)
    until(lambda: settled(page), "the page", LONG)


def calibrated(page: Page, link: str, normal: bytes) -> None:
    """The page Anomaly with a verdict that rests on the visitor's own normal pictures."""
    page.goto(link)
    drop(page, "Normal pictures, or ZIPs", "normal.zip", normal)
    field(page, "What these normal pictures are called").fill("coloured noise")
    page.get_by_role("button", name="Calibrate", exact=True).click()
    page.locator("[data-own-normal='own-colours']").wait_for(timeout=LONG * 1000)
    rested(page)
    assert "your 200 pictures “coloured noise”" in page.locator("[data-own-normal]").inner_text()
    assert "of 100 flagged, promised at most 5 %" in page.locator("[data-judged='own-colours']").inner_text()
    photograph(page, "own-network-calibrated")


def test_a_trained_network_is_brought_seen_everywhere_calibrated_by_its_owner_alone_and_removed(
    visitor, address, trained, labelled, normal
):
    context = visitor()
    page = context.new_page()
    page.goto(f"{address}/models?open=own")
    drop(page, "Add your own network", "colours.pt", trained)
    field(page, "Class names").wait_for(timeout=LONG * 1000)
    assert (
        "shufflenet_v2_x0_5 · fits" in page.get_by_test_id("stSelectbox").filter(has_text="Architecture").inner_html()
    )
    field(page, "Class names").fill("\n".join(COLOURS))
    field(page, "Class names").blur()
    rested(page)
    page.get_by_text("Other settings").click()
    page.get_by_role("spinbutton", name="Pixels each way").fill("32")
    page.get_by_role("spinbutton", name="Pixels each way").press("Enter")
    field(page, "Mean of each channel").fill("0:0:0")
    field(page, "Deviation of each channel").fill("1:1:1")
    field(page, "Deviation of each channel").press("Enter")
    rested(page)
    drop(page, "Labelled pictures", "set.zip", labelled)
    rested(page)
    page.get_by_role("button", name="Try it").click()
    page.get_by_text("of 60 labelled pictures").wait_for(timeout=LONG * 1000)
    right = page.get_by_text("of 60 labelled pictures").inner_text()
    assert float(right.split()[2]) > 60, right
    photograph(page, "own-network-tried")
    page.get_by_role("button", name="Add it to my networks").click()
    page.locator("[data-mine='own-colours']").wait_for(timeout=LONG * 1000)
    rested(page)
    photograph(page, "own-network-added")
    page.get_by_role("link", name="Compare").last.click()
    until(lambda: page.locator("[data-answer='own-colours']").count() == 1, "the network on Compare", LONG)
    task = page.evaluate("new URL(location.href).searchParams.get('task')")
    for name in PAGES:
        if name != "compare":
            turn_to(page, name.capitalize(), name)
        rested(page)
        until(lambda: page.get_by_text("colours", exact=True).count() and settled(page), f"the task on {name}", LONG)
        assert not page.get_by_test_id("stAlertContentError").count(), name
        photograph(page, f"own-network-{name}")

    calibrated(page, f"{address}/anomaly?task={task}&open=normal", normal)

    stranger = visitor().new_page()
    stranger.goto(f"{address}/compare?task={task}&models=own-colours")
    stranger.get_by_text("not one that this server has networks for").wait_for()
    rested(stranger)
    assert not stranger.get_by_text("colours", exact=True).count()

    page.goto(f"{address}/models?open=own")
    page.get_by_role("button", name="Remove").click()
    until(lambda: not page.locator("[data-mine]").count(), "it to go", LONG)
    page.goto(f"{address}/compare?task={task}")
    page.get_by_text("not one that this server has networks for").wait_for()
