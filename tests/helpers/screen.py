"""What a page answers on its first screen, and what tests measure there: where it stands, how long the page is."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

ANSWERS = {
    "compare": "[data-answer], [class*=st-key-map-] img",
    "adversarial": "[data-explained]",
    "anomaly": "[data-judged] .rs-verdict, [data-judged] .rs-says, [class*=st-key-missing_calibration]",
    "saliency": "[data-map]",
    "latent": "[data-answer], .st-key-no-generator",
    "find": ".st-key-found > :first-child img",
    "report": ".st-key-report-picture-invite, [data-testid=stDownloadButton]",
    "models": "[data-testid=stDataFrame], .st-key-trade-off",
    "tour": ".st-key-tour > :first-child",
    "training": ".st-key-training-pair",
    "workshop": ".st-key-workshop-code",
}
"""By page the elements that answer its question, say why nothing does, or are what a visitor comes for."""
SERIOUS = ("serious", "critical")
_BELOW = """([selector, height]) => [...document.querySelectorAll(selector)].map(e => e.getBoundingClientRect())
  .map(box => ({top: box.top, bottom: box.bottom, width: box.width})).filter(box =>
    box.top < 0 || box.bottom > height || box.width < 1)"""
_CUT = """() => {
  const wide = document.documentElement.clientWidth + 1, found = new Set();
  const main = document.querySelector('[data-testid=stMain]');
  for (const element of main.querySelectorAll('*')) {
    const box = element.getBoundingClientRect();
    if (box.width < 1 || box.height < 1 || box.right <= wide || element.closest('canvas, svg, style, input')) continue;
    let holder = element.parentElement, hinted = false;
    for (; holder && holder !== main; holder = holder.parentElement) {
      const style = getComputedStyle(holder);
      if (holder.getBoundingClientRect().right > wide || style.overflowX === 'visible') continue;
      hinted = style.animationName.includes('rs-goes-on') || holder.matches('[data-testid=stDataFrame] *, .player *');
      break;
    }
    if (!hinted) found.add(`${element.tagName}.${element.className} at ${Math.round(box.right)}`);
  }
  return [...found].slice(0, 5);
}"""

_SHORTENED = """() => [...document.querySelectorAll('[data-testid=stHtml] *')].filter(e => e.clientWidth &&
  getComputedStyle(e).textOverflow === 'ellipsis' && e.scrollWidth > e.clientWidth && !e.closest('[title]'))
  .map(e => e.textContent).slice(0, 5)"""


def outside(page: Page, selector: str) -> list[dict[str, float]]:
    """The elements of a selector that are not wholly inside of the first screen; fails where there is none."""
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    assert page.locator(selector).count(), f"nothing is {selector}"
    return page.evaluate(_BELOW, [selector, page.viewport_size["height"]])


def screens(page: Page) -> float:
    """How many screens long the page is."""
    return page.get_by_test_id("stMain").evaluate("main => main.scrollHeight / window.innerHeight")


def cut(page: Page) -> list[str]:
    """What goes on to the right of the window without a sign that it does."""
    return page.evaluate(_CUT)


def shortened(page: Page) -> list[str]:
    """Words that end in an ellipsis, and whose whole no pointer brings out."""
    return page.evaluate(_SHORTENED)


def violations(page: Page) -> list[str]:
    """What axe-core calls a serious or critical fault, with where it is."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']} ({len(one['nodes'])}): {one['nodes'][0]['html'][:200]} {one['nodes'][0].get('failureSummary')}"
        for one in found
        if one["impact"] in SERIOUS
    ]
