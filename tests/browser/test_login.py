"""A server that asks for a login: nothing is shown before it, and not to everybody after it."""

import pytest
from playwright.sync_api import Browser

from tests.helpers.browser import here, serving, settled
from tests.helpers.issuer import CLIENT, issuing
from tests.helpers.nginx import free_port
from tests.helpers.waiting import PATIENCE, until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("deployment"), pytest.mark.timeout(600)]
SECRETS = """
[robustscope]
allowed = ["@example.org"]

[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "of this test alone, and long enough for it"
client_id = "{client}"
client_secret = "-"
server_metadata_url = "{issuer}/.well-known/openid-configuration"
"""


def test_nothing_is_shown_before_a_login_nor_to_who_is_not_on_the_list(browser: Browser, tmp_path):
    port, file = free_port(), tmp_path / "secrets.toml"
    with issuing() as issuer:
        file.write_text(SECRETS.format(port=port, client=CLIENT, issuer=issuer.address))
        with serving(port, STREAMLIT_SECRETS_FILES=str(file)) as (address, _):
            for email, admitted in (("ada@example.org", True), ("eve@elsewhere.org", False)):
                issuer.email = email
                context = browser.new_context()
                context.set_default_timeout(PATIENCE * 1000)
                page = context.new_page()
                page.goto(f"{address}/saliency?models=standard")
                page.get_by_role("button", name="Log in").wait_for()
                until(lambda page=page: settled(page), "the door")
                assert not page.locator("[data-model], img, .st-key-pages-narrow, [data-testid=stSidebarNav]").count()
                page.get_by_role("button", name="Log in").click()
                if admitted:
                    page.get_by_role("heading", level=1).filter(has_text="Which pixels matter").first.wait_for()
                    assert here(page).endswith("/saliency?models=standard"), "what was asked for before the login"
                else:
                    page.get_by_text("not among those whom this server admits").wait_for()
                    page.get_by_role("button", name="Log out").click()
                    page.get_by_role("button", name="Log in").wait_for()
                context.close()
