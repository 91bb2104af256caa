"""The pages in a real browser, under the headers that the server sends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Dialog, Page, sync_playwright
from tests.pages.preview import PREVIEWED, serving
from tests.pages.samples import SAMPLES

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed"),
]

WIDTHS = (320, 800, 1280)
# What axe has to see: samples that differ from these in their words alone are left out.
DISTINCT = [
    "sign-in",
    "sign-in-refused",
    "sign-in-throttled",
    "sign-in-bare",
    "choice",
    "sign-up",
    "sign-up-taken",
    "answer",
    "consent",
    "consent-web",
    "consent-one",
    "consent-more",
    "consent-nothing-new",
    "consent-broad",
    "consent-paused",
    "consent-limits",
    "consent-many",
    "consent-hostile",
    "consent-elsewhere",
    "consent-parts",
    "limits",
    "limits-wrong",
    "limits-none",
    "limits-hostile",
    "approvals",
    "approvals-none",
    "approval",
    "approval-spending",
    "approval-hostile",
    "enter-code",
    "enter-code-refused",
    "confirm-device",
    "confirm-device-far",
    "confirm-device-hostile",
    "apps",
    "apps-one",
    "apps-waiting",
    "apps-none",
    "app",
    "app-paused",
    "app-many",
    "app-given",
    "app-parts",
    "apps-narrowed",
    "unused",
    "stop",
    "sign-out",
    "signed-out",
    "connected",
    "cancelled",
    "error",
    "error-back",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab that fails its test for anything in the console and for any dialogue."""
    context = browser.new_context(viewport={"width": 320, "height": 640})
    tab = context.new_page()
    heard: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        heard.append(dialog.message)
        dialog.dismiss()

    tab.on("console", lambda message: heard.append(message.text))
    tab.on("pageerror", lambda error: heard.append(str(error)))
    tab.on("dialog", dismiss)
    yield tab
    context.close()
    assert heard == []


@pytest.mark.parametrize("name", DISTINCT)
def test_axe_finds_nothing(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/en/{name}")
    for folded in page.locator("details").all():
        folded.evaluate("element => element.open = true")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []


def violations(page: Page) -> list[tuple[str, list[str]]]:
    """What axe objects to: each rule, with the elements that break it."""
    found = Axe().run(page).response["violations"]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]


@pytest.mark.parametrize("tag", PREVIEWED)
def test_nothing_scrolls_sideways(page: Page, address: str, tag: str) -> None:
    for name in SAMPLES:
        page.goto(f"{address}/{tag}/{name}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 640})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)


PRESSED = "button, .button, summary, .permission label, .field input, nav a, .foot a, .account a"


def test_what_is_pressed_is_big_enough_for_a_finger(page: Page, address: str) -> None:
    """44 px in height, but for a link within a sentence or a box within its label."""
    heights = "found => found.map(e => [e.getBoundingClientRect().height, e.outerHTML])"
    for name in DISTINCT:
        page.goto(f"{address}/en/{name}")
        pressed = page.locator(f":is({PRESSED})").evaluate_all(heights)
        assert pressed, name
        assert [html for height, html in pressed if height < 44] == [], name


def test_the_keyboard_reaches_all_and_shows_where_it_is(page: Page, address: str) -> None:
    page.goto(f"{address}/en/consent")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => {
                const element = document.activeElement, style = getComputedStyle(element)
                const box = element.getBoundingClientRect()
                return [
                    element.id || element.value || element.textContent.trim(),
                    style.outlineStyle, parseFloat(style.outlineWidth),
                    box.top >= 0 && box.bottom <= innerHeight && box.width > 20,
                ]
            }"""
        )
        reached.append(focus[0])
        assert focus[1] == "solid", focus
        assert focus[2] >= 2, focus
        assert focus[3], focus
    assert reached == [
        "Skip to the content",
        "Chirp",
        "Use another account",
        "posts:write",
        "offline_access",
        "connected apps",
        "allow",
        "cancel",
        "English",
        "Deutsch",
        "Help",
        "Privacy",
    ]


def test_allow_and_cancel_weigh_the_same(page: Page, address: str) -> None:
    page.goto(f"{address}/en/consent")
    allow, cancel = (page.locator(f"#{name}") for name in ("allow", "cancel"))
    weights = "element => (style => [style.font, style.padding])(getComputedStyle(element))"
    assert allow.evaluate(weights) == cancel.evaluate(weights)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 640})
        first, second = allow.bounding_box(), cancel.bounding_box()
        assert first, width
        assert second, width
        assert first["width"] == pytest.approx(second["width"], abs=0.1)
        assert first["height"] == second["height"]


def test_a_page_heeds_what_people_ask_of_their_browser(page: Page, address: str) -> None:
    page.emulate_media(reduced_motion="reduce", forced_colors="active", contrast="more")
    page.goto(f"{address}/en/consent")
    button = page.locator("#allow")
    assert button.evaluate("element => getComputedStyle(element).transitionDuration") == "0s"
    assert button.evaluate("element => getComputedStyle(element).borderStyle") == "solid"
    assert page.locator(".detail").first.evaluate(
        "element => getComputedStyle(element).color"
    ) == page.locator("body").evaluate("element => getComputedStyle(element).color")


def test_a_form_is_sent_without_script(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{address}/en/consent")
    tab.uncheck("input[value=offline_access]")
    with tab.expect_request(lambda request: request.method == "POST") as sent:
        tab.click("#allow")
    body = sent.value.post_data
    context.close()
    assert body == "csrf=c5rf-t0ken&pending=p-17&permission=posts%3Awrite&action=allow"
