"""The browser and two servers, one of each for all tests, and their visitors."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from core.models.zoo import ASSETS
from core.workshop.database import Database
from tests.helpers.browser import FLAGS, SIZES, served
from tests.helpers.synthetic.adversarial import write_adversarial_reports
from tests.helpers.synthetic.anomaly import write_anomaly_report
from tests.helpers.synthetic.latent import write_latent_reports
from tests.helpers.synthetic.robustness import write_report
from tests.helpers.synthetic.saliency import write_saliency_report
from tests.helpers.waiting import PATIENCE


@pytest.fixture(scope="session")
def browser(chromium) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def with_what_ships() -> Iterator[str]:
    """The dashboard as it is after a clone."""
    with served() as found:
        yield found


@pytest.fixture(scope="session")
def with_reports(tmp_path_factory) -> Iterator[str]:
    """The dashboard with the networks that ship, and a synthetic report of each kind on them."""
    reports = tmp_path_factory.mktemp("reports")
    for task in ("cifar10", "fashion-mnist"):
        write_report(ASSETS, reports, task)
        write_adversarial_reports(ASSETS, reports, task)
    write_anomaly_report(ASSETS, reports, "cifar10")
    for write in (write_latent_reports, write_saliency_report):
        write(ASSETS, reports, "fashion-mnist")
    with served(ROBUSTSCOPE_REPORTS=str(reports)) as found:
        yield found


@pytest.fixture(scope="session")
def workshop_server(tmp_path_factory) -> Iterator[tuple[str, Database]]:
    """The dashboard's address, and the database of workshops that it shares with the tests."""
    folder = tmp_path_factory.mktemp("workshop")
    url = f"sqlite:///{folder / 'workshops.db'}"
    database = Database(url)
    with served(ROBUSTSCOPE_DATABASE=url, ROBUSTSCOPE_VISITORS=str(folder / "visitors")) as found:
        yield found, database
    database.close()


@pytest.fixture
def address(request) -> str:
    """The server that the module names (`SERVER`); one process runs all its modules."""
    return request.getfixturevalue(request.module.SERVER)


@pytest.fixture
def visitor(browser) -> Iterator[Callable[..., BrowserContext]]:
    """A visitor of their own at each call, who asks for no animations (each frame costs) and leaves after the test."""
    contexts = []

    def start(size: str = "wide", scheme: str = "light") -> BrowserContext:
        context = browser.new_context(viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        return context

    yield start
    for context in contexts:
        context.close()


@pytest.fixture
def visit(request, visitor, address) -> Callable[..., Page]:
    """A visitor of their own at each call, who has waited for the whole page.

    The module says where they go when nothing else is asked for (`START`), and when its page is whole (`whole`).
    """

    def start(path: str = request.module.START, size: str = "wide", scheme: str = "light") -> Page:
        page = visitor(size, scheme).new_page()
        page.goto(f"{address}/{path}")
        request.module.whole(page)
        return page

    return start
