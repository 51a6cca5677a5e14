"""What a page answers on its first screen, and what tests measure there: where it stands, how long the page is."""

import time
from collections.abc import Sequence

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
LASTING = 30.0  # seconds that a fault must stay
SIDEWAYS = ".dvn-scroller"
"""What scrolls a table, which is drawn on a canvas."""
OF_COLOURS = ("color-contrast",)
"""Rules that another theme may break."""
_AXE = """async rules => {
  // Of `region` no fault is serious, and no rule that is on looks at style sheets, which `preload` would fetch again.
  const chosen = rules.length ? {runOnly: rules} : {rules: {region: {enabled: false}}};
  const found = await axe.run({resultTypes: ["violations"], preload: false, ...chosen});
  return found.violations.filter(one => ["serious", "critical"].includes(one.impact)).map(({id, nodes}) =>
    `${id} (${nodes.length}): ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`);
}"""
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
      const signed = getComputedStyle(holder.closest('[data-testid=stDataFrame]') || holder).animationName;
      hinted = signed.includes('rs-goes-on') || holder.matches('.player *');
      break;
    }
    if (!hinted) found.add(`${element.tagName}.${element.className} at ${Math.round(box.right)}`);
  }
  return [...found].slice(0, 5);
}"""

_SHORTENED = """() => [...document.querySelectorAll('[data-testid=stMain] *')].filter(e => {
  if (e.tagName === 'text') {
    const chart = e.closest('.js-plotly-plot')?.getBoundingClientRect(), word = e.getBoundingClientRect();
    return chart && (word.right > chart.right + 1 || word.left < chart.left - 1);
  }
  if (e.clientWidth < 2 || e.scrollWidth < e.clientWidth + 2) return false;
  const style = getComputedStyle(e), box = e.getBoundingClientRect(), range = document.createRange();
  if (e.tagName === 'INPUT') return e.value;
  if (style.overflowX !== 'hidden' && style.overflowX !== 'clip') return false;
  return style.textOverflow === 'ellipsis' || [...e.childNodes].some(one => {
    if (one.nodeType !== 3 || !one.data.trim()) return false;
    range.selectNodeContents(one);
    return [...range.getClientRects()].some(line => line.right > box.right + 1 && line.top < box.bottom - 1);
  });
}).map(e => e.value || e.textContent).slice(0, 5)"""
_FAINT = """() => {
  const light = colour => colour.match(/[0-9.]+/g).slice(0, 3).map(one => one / 255)
    .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, channel) => sum + one * [0.2126, 0.7152, 0.0722][channel], 0.05);
  const ground = light(getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor);
  return [...document.querySelectorAll('[data-testid=stPlotlyChart] text')].filter(e => {
    const ratio = light(getComputedStyle(e).fill) / ground;
    if (e.closest('.scatterlayer') && e.closest('.js-plotly-plot').querySelector('.heatmaplayer *')) return false;
    return e.textContent && Math.max(ratio, 1 / ratio) < 4.5;
  }).map(e => e.textContent).slice(0, 5);
}"""
_BROKEN = """() => {
  const found = new Set(), range = document.createRange();
  const words = document.createTreeWalker(document.querySelector('[data-testid=stMain]'), NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const node = words.currentNode, holder = node.parentElement;
    if (!holder.getClientRects().length || holder.closest('code, pre, svg, style, script')) continue;
    for (const word of node.data.matchAll(/[A-Za-z]{2,}/g)) {
      const hyphen = node.data[word.index - 1] === '\\u00ad' ? 1 : 0;  // its box counts as the next letter's
      range.setStart(node, word.index + hyphen), range.setEnd(node, word.index + word[0].length);
      const lines = [...range.getClientRects()].filter(box => box.width > 1).map(box => Math.round(box.top));
      if (new Set(lines).size > 1) found.add(word[0]);
    }
  }
  return [...found].slice(0, 9);
}"""


def outside(page: Page, selector: str) -> list[dict[str, float]]:
    """The elements of a selector that are not wholly inside of the first screen; fails where there is none."""
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    assert page.locator(selector).count(), f"nothing is {selector}"
    return page.evaluate(_BELOW, [selector, page.viewport_size["height"]])


def screens(page: Page) -> float:
    """How many screens long the page is."""
    return page.get_by_test_id("stMain").evaluate("main => main.scrollHeight / window.innerHeight")


def lasting(page: Page, faults: str) -> list[str]:
    """What a script finds at a page, if it stays.

    Charts take another width or theme a moment after the page has, which is many seconds on a busy machine.
    """
    start = time.monotonic()
    while (found := page.evaluate(faults)) and time.monotonic() < start + LASTING:
        page.wait_for_timeout(250)
    return found


def cut(page: Page) -> list[str]:
    """What goes on to the right of the window without a sign that it does."""
    return lasting(page, _CUT)


def shortened(page: Page) -> list[str]:
    """Words that end in an ellipsis or at an edge."""
    return lasting(page, _SHORTENED)


def broken(page: Page) -> list[str]:
    """Words that go on in the next line without a hyphen."""
    return lasting(page, _BROKEN)


def misfits(page: Page) -> list[str]:
    """What the window does not show whole, or so that it can be read."""
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    found = [f"{kind.__name__}: {one}" for kind in (cut, shortened, broken, faint) for one in kind(page)]
    return [*(["wider than the window"] if wide else []), *found]


def faint(page: Page) -> list[str]:
    """Words of charts that hardly show on the page, which axe-core does not look at; those on cells are left out."""
    return lasting(page, _FAINT)


def violations(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe-core calls a serious or critical fault, with where it is; by some of its rules, or else by all."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    return page.evaluate(_AXE, [*rules])
