"""The first page in a real browser, on the real server and the weights that ship."""

import io
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import skimage.data
from PIL import Image
from playwright.sync_api import Page

from tests.helpers.browser import file_box, here, in_turn, loaded, photograph, settled
from tests.helpers.screen import misfits
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-what-ships"), pytest.mark.timeout(600)]
SERVER = "with_what_ships"

NETWORKS = ["standard", "pgd-linf", "pgd-l2"]
# A part of a photograph (left, top, right, bottom) whose answer `standard` changes at 8/255 and `pgd-linf` does not.
START = "?image=photo:chelsea"
PHOTO, PART = "coffee.png", (210, 110, 390, 290)


def whole(page: Page) -> None:
    """Wait until the costliest part of the page is there."""
    until(lambda: len(attacked(page)) >= 2, "the columns of the attack")


def answers(page: Page) -> dict[str, str]:
    """Each network's answer, as the page says it."""
    return page.eval_on_selector_all(
        "[data-answer]", "all => Object.fromEntries(all.map(e => [e.dataset.answer, e.innerText]))"
    )


def attacked(page: Page) -> dict[str, dict[str, str]]:
    """Each network's answers before and after the attack, with the verdict that stands beside them."""
    return page.eval_on_selector_all(
        "[data-attacked]",
        """all => Object.fromEntries(all.map(e => [e.dataset.attacked, {
            before: e.dataset.before, after: e.dataset.after, verdict: e.querySelector('.rs-verdict').innerText,
            text: e.innerText}]))""",
    )


def slide(page: Page, position: int) -> None:
    """Move the epsilon slider from its left end to `position` with the keyboard, and wait for the new results."""
    slider = page.get_by_role("slider", name="Largest change")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(position):
        page.keyboard.press("ArrowRight")
    until(lambda: f"epsilon={position}" in here(page) and settled(page), f"epsilon {position} in the address")


def photo(form: str, name: str = PHOTO, part: tuple[int, int, int, int] | None = PART) -> bytes:
    out = io.BytesIO()
    whole = Image.open(Path(skimage.data.__file__).parent / name).convert("RGB")
    whole.crop(part).save(out, form, quality=92)
    return out.getvalue()


def upload(page: Page, name: str, data: bytes) -> None:
    mime = "image/png" if name.endswith("png") else "image/jpeg"
    file_box(page).set_input_files({"name": name, "mimeType": mime, "buffer": data})


def colours(page: Page, alt: str) -> list[int]:
    """How many colours each image has whose description begins with `alt`."""
    return page.eval_on_selector_all(
        f"img[alt^='{alt}']",
        """all => all.map(image => {
            const canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const pen = canvas.getContext('2d');
            pen.drawImage(image, 0, 0);
            const data = new Uint32Array(pen.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
            return new Set(data).size;
        })""",
    )


def keep(page: Page, name: str) -> None:
    """Screenshots as test artefacts: what a visitor sees first, and the whole page."""
    until(
        lambda: settled(page) and loaded(page) and page.locator(".rs-bars li").count() >= 10,
        "the bars",
    )
    photograph(page, f"compare-{name}")


def test_a_truncated_png_gives_a_sentence_and_a_photo_after_it_splits_the_networks_at_8_255(visit):
    page = visit()
    the_page_fits_its_window(page)
    a_truncated_png_gives_a_sentence(page)
    upload(page, "photo.jpg", photo("JPEG"))
    page.get_by_text("Your picture photo.jpg").first.wait_for()
    until(lambda: settled(page) and not page.get_by_test_id("stAlert").count(), "the answers")
    assert list(answers(page)) == NETWORKS
    slide(page, 0)
    calm = attacked(page)
    assert all(one["before"] == one["after"] and one["verdict"] == "kept" for one in calm.values())
    until(lambda: loaded(page) and colours(page, "Its change") == [1, 1, 1], "grey where nothing changed")
    slide(page, 8)
    until(lambda: attacked(page)["standard"]["verdict"] == "changed", "the standard network to change its answer")
    after = attacked(page)
    assert after["standard"]["before"] != after["standard"]["after"]
    assert after["pgd-linf"]["before"] == after["pgd-linf"]["after"] and after["pgd-linf"]["verdict"] == "kept"
    assert {key: one["before"] for key, one in after.items()} == {key: one["after"] for key, one in calm.items()}
    until(lambda: loaded(page) and all(n > 2 for n in colours(page, "Its change")), "the changes to be drawn")
    keep(page, "upload")
    again = visit("?" + here(page).split("?", 1)[1])
    again.get_by_text("upload it again").wait_for()
    mine, guides = answers(page), page.locator("details[open]").filter(has_text="How to read this")
    assert guides.count()
    page.reload()
    whole(page)
    until(lambda: settled(page) and page.get_by_text("Your picture photo.jpg").count(), "the picture to come back")
    assert answers(page) == mine and attacked(page)["standard"]["verdict"] == "changed"
    assert "photo" not in urlsplit(here(page)).query and not guides.count()


def a_truncated_png_gives_a_sentence(page: Page) -> None:
    first = answers(page)
    upload(page, "broken.png", photo("PNG")[:20_000])
    alert = page.get_by_test_id("stAlert")
    alert.wait_for()
    assert "truncated" in alert.inner_text() and "Something went wrong" not in alert.inner_text()
    assert "broken.png" in alert.inner_text()
    until(lambda: settled(page), "the page to go on")
    assert answers(page) == first
    dimmed = "e => { let o = 1; for (; e; e = e.parentElement) o *= +getComputedStyle(e).opacity; return o; }"
    until(lambda: page.locator("[data-answer]").first.evaluate(dimmed) < 0.5, "what is not of this file to be dimmed")


def test_a_link_restores_the_view_for_somebody_else(visit):
    page = visit("?models=pgd-linf,standard")
    page.locator(".st-key-pick-photo-astronaut button").first.click()
    until(
        lambda: "image=photo:astronaut" in here(page).replace("%3A", ":") and settled(page),
        "the picture in the address",
    )
    page.get_by_text("L2 · in total").click()
    until(lambda: "norm=l2" in here(page) and settled(page), "the norm in the address")
    other = visit("compare?" + here(page).split("?", 1)[1])  # the page's name in the address is as good as none
    until(lambda: settled(other), "the other visitor's page")
    assert not other.get_by_role("dialog").count()
    assert list(answers(other)) == ["pgd-linf", "standard"]
    assert answers(other) == answers(page) and attacked(other) == attacked(page)
    assert not other.get_by_test_id("stAlert").count()
    steps = page.evaluate("history.length")
    page.locator(".st-key-seen img").click(position={"x": 1, "y": 1})
    until(lambda: page.locator(".region[data-ready=true]").count() and settled(page), "the part about regions to open")
    assert "pixels=0,0,4,4" in here(page).replace("%2C", ",") and "open=point" in here(page)
    assert page.evaluate("history.length") == steps + 1


def the_page_fits_its_window(page: Page) -> None:
    for size, scheme in in_turn(page, ("narrow", "dark"), ("wide", "light")):
        assert not misfits(page), size
        boxes = page.eval_on_selector_all("[data-model]", "all => all.map(e => e.getBoundingClientRect().toJSON())")
        least = 290 if size == "narrow" else 200
        assert len(boxes) == 3 and all(box["width"] > least for box in boxes), size
        assert len({round(box["y"]) for box in boxes}) == 1, size
        keep(page, f"{size}-{scheme}")


def test_one_control_moves_picture_answer_map_and_detector_of_every_network(visit):
    page = visit("?image=photo:chelsea&models=standard,pgd-linf&epsilon=8&open=growth")
    until(lambda: page.locator(".player[data-ready=true]").count() and settled(page), "the grown attacks")
    for size, scheme in in_turn(page, ("narrow", "dark"), ("wide", "light")):
        assert not misfits(page), size
        page.locator(".player").scroll_into_view_if_needed()
        photograph(page, f"compare-growth-{size}-{scheme}")
    for key, one in attacked(page).items():
        assert one["after"] in moved(page)["said"][["standard", "pgd-linf"].index(key)]
    page.locator(".scrub").focus()
    page.keyboard.press("Home")
    first = moved(page)
    page.keyboard.press("End")
    last = moved(page)
    assert len(first["pictures"]) == 4 and all(a != b for a, b in zip(first["pictures"], last["pictures"], strict=True))
    assert "changed" in last["said"][0] and not any("changed" in said for said in first["said"])
    assert len(first["curves"]) == 6 and all(a != b for a, b in zip(first["curves"], last["curves"], strict=True))


def moved(page: Page) -> dict[str, list[str]]:
    """What the player shows where it stands: pictures and maps, answers, and each curve's value."""
    return page.locator(".player").evaluate(
        """player => ({
            pictures: [...player.querySelectorAll('canvas')].map(one => one.toDataURL()),
            said: [...player.querySelectorAll('.caption')].map(one => one.textContent),
            curves: [...player.querySelectorAll('.legend b')].map(one => one.textContent),
        })"""
    )
