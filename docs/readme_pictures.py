"""Make the README's pictures and film from the dashboard itself, without a data set: `make pictures`.

Nothing of a data set is in them: the pictures are photographs that packages bring, and those that generators made.
"""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from core.explanations.opening import read_openings
from tests.conftest import chromium_path
from tests.helpers.browser import FLAGS, SIZES, served, settled
from tests.helpers.waiting import until

FOLDER = Path(__file__).parents[1] / "assets" / "readme"
PAGES = {
    "compare": ("compare", "[data-answer]"),
    "tour": ("tour", "[data-view]"),
    "adversarial": ("adversarial", "[data-explained]"),
    "anomaly": ("anomaly?image=photo:coffee", "[data-judged]"),
    "saliency": (
        "saliency?task=pasted&models=standard,pgd-linf&image=generated:03&rows=networks&scale=own&over=60",
        "[data-map]",
    ),
    "latent": ("latent", "[data-answer]"),
    "find": ("find", ".rs-found"),
    "models": ("models", "[data-testid=stDataFrame], .st-key-trade-off"),
    "report": ("report?image=photo:chelsea", ".st-key-report-picture-invite"),
    "training": ("training", "h1"),
    "workshop": ("workshop", "h1"),
}
"""By picture the address, and what stands there once it is whole."""
FILMED = "cifar10"
FRAMES, SECONDS, SCREEN, SHOWN = 20, 20, (1280, 1160), (960, 870)
QUALITY = 80
BESIDE = ".stSidebar, [data-testid=stSidebar] { display: none !important; }"


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    with served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium_path()), args=FLAGS)
        context = browser.new_context(viewport=SIZES["projector"])
        context.set_default_timeout(120_000)
        for name, (path, wanted) in PAGES.items():
            page = _opened(context.new_page(), f"{address}/{path}", wanted)
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            picture.save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)
            page.close()
        opening = read_openings(FILMED)
        assert opening is not None
        chosen = opening.chosen["ships"]
        page = context.new_page()
        page.set_viewport_size({"width": SCREEN[0], "height": SCREEN[1]})
        where = f"{address}/latent?task={FILMED}&models=standard,pgd-linf,pgd-l2&image={chosen.picture}"
        _film(_opened(page, where, "[data-ribbon]"), f"d{chosen.direction}")
        browser.close()


def _opened(page: Page, address: str, wanted: str) -> Page:
    page.goto(address)
    until(lambda: page.locator(wanted).count() and settled(page), wanted, 240)
    page.wait_for_timeout(1500)
    until(lambda: settled(page), address, 240)
    return page


def _film(page: Page, axis: str) -> None:
    """The slider that turns the standard network alone goes from one end to the other; the answers follow."""
    page.add_style_tag(content=BESIDE)
    slider = page.locator(f".st-key-slider-{axis}").get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(1500)
    frames = []
    for _ in range(FRAMES):
        page.wait_for_timeout(700)
        until(lambda: settled(page), "the picture")
        frames.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB").resize(SHOWN))
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
    frames[0].save(
        FOLDER / "slider.webp", save_all=True, append_images=frames[1:], duration=SECONDS * 1000 // FRAMES, loop=0,
        quality=60, method=6,
    )  # fmt: skip


if __name__ == "__main__":
    main()
