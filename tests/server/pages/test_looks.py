"""The pages in a real browser, under the headers that the server sends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright
from tests.axe import OF_COLOURS, violations
from tests.journeys.tab import record_errors
from tests.server.pages.preview import DISTINCT, PREVIEWED, serving

from valetkey.server.pages.locales import LOCALES
from valetkey.server.pages.samples import SAMPLES

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed"),
]

WIDTHS = (320, 800, 1280)
JAVASCRIPT = "text/javascript"


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


@pytest.fixture(scope="module")
def heard() -> list[str]:
    """What the tab said that it should not have said."""
    return []


@pytest.fixture(scope="module")
def tab(browser: Browser, heard: list[str]) -> Page:
    """One for all, as each new one would read its scripts anew."""
    tab = browser.new_page()

    def dismiss(dialog: Dialog) -> None:
        heard.append(dialog.message)
        dialog.dismiss()

    record_errors(tab, heard)
    tab.on("dialog", dismiss)
    return tab


@pytest.fixture
def page(tab: Page, heard: list[str]) -> Iterator[Page]:
    """The tab, small. It fails its test for an error in the console and for any dialogue."""
    tab.set_viewport_size({"width": 320, "height": 640})
    tab.emulate_media(
        color_scheme="null", contrast="null", forced_colors="null", reduced_motion="null"
    )
    yield tab
    said = [*heard]
    heard.clear()
    assert said == []


@pytest.mark.parametrize("name", DISTINCT)
def test_axe_finds_nothing(page: Page, address: str, name: str) -> None:
    if name == "passkey-silent":
        # Its script leaves the page at once.
        page.route("**/passkeys.js", lambda route: route.fulfill(content_type=JAVASCRIPT, body=""))
    page.goto(f"{address}/en/{name}")
    for folded in page.locator("details").all():
        folded.evaluate("element => element.open = true")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, *OF_COLOURS) == []


SHOWN = """async (samples) => {
    const found = []
    for (const sample of samples) {
        const text = await (await fetch(sample)).text()
        const { documentElement, body } = new DOMParser().parseFromString(text, "text/html")
        const root = document.documentElement
        for (const name of ["lang", "dir"]) root[name] = documentElement[name]
        document.body.replaceWith(document.adoptNode(body))
        await Promise.all([...document.images].map((one) => one.decode().catch(() => null)))
        found.push(MEASURED)
    }
    return found
}"""
"""One sample after the other, each in the place of the one before: they share their style."""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("tag", PREVIEWED)
def test_nothing_scrolls_sideways(page: Page, address: str, tag: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 640})
    page.goto(f"{address}/{tag}/sign-in")
    widths = page.evaluate(SHOWN.replace("MEASURED", "root.scrollWidth"), [*SAMPLES])
    assert {name: found for name, found in zip(SAMPLES, widths, strict=True) if found > width} == {}


BROKEN = """() => {
    const found = []
    for (const link of document.querySelectorAll(".sections a")) {
        const text = document.createTreeWalker(link, NodeFilter.SHOW_TEXT)
        while (text.nextNode())
            for (const { 0: word, index } of text.currentNode.data.matchAll(/\\S+/g)) {
                const range = document.createRange()
                range.setStart(text.currentNode, index)
                range.setEnd(text.currentNode, index + word.length)
                if (range.getClientRects().length > 1) found.push(word)
            }
    }
    return found
}"""


@pytest.mark.parametrize("tag", LOCALES)
def test_no_word_of_the_sections_is_broken(page: Page, address: str, tag: str) -> None:
    for name in ("apps", "activity", "security", "profile"):
        page.goto(f"{address}/{tag}/{name}")
        assert page.evaluate(BROKEN) == []


PRESSED = "button, .button, summary, .permission label, .field input, nav a, .foot a, .account a"


def test_what_is_pressed_is_big_enough_for_a_finger(page: Page, address: str) -> None:
    """44 px in height, but for a link within a sentence or a box within its label."""
    page.goto(f"{address}/en/sign-in")
    heights = f"""[...document.querySelectorAll("{PRESSED}")]
        .filter((one) => !one.closest("[hidden]"))
        .map((one) => [one.getBoundingClientRect().height, one.outerHTML])"""
    samples = page.evaluate(SHOWN.replace("MEASURED", heights), DISTINCT)
    for name, pressed in zip(DISTINCT, samples, strict=True):
        assert pressed, name
        assert [html for height, html in pressed if height < 44] == [], name


def test_the_keyboard_reaches_all_and_shows_where_it_is(page: Page, address: str) -> None:
    page.goto(f"{address}/en/consent")
    reached = []
    for _ in range(11):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => {
                const element = document.activeElement, style = getComputedStyle(element)
                const box = element.getClientRects()[0]
                return [
                    element.id || element.value || element.textContent.trim(),
                    style.outlineStyle, parseFloat(style.outlineWidth),
                    box.top >= 0 && box.bottom <= innerHeight && box.width > 20,
                    element.contains(document.elementFromPoint(
                        box.left + box.width / 2, box.top + box.height / 2)),
                ]
            }"""
        )
        reached.append(focus[0])
        assert focus[1] == "solid", focus
        assert focus[2] >= 2, focus
        assert focus[3], focus
        assert focus[4], focus
    assert reached == [
        "Skip to main content",
        "Chirp",
        "Use another account",
        "posts:write",
        "offline_access",
        "All of Photos: 2 permissions",
        "Connected apps",
        "allow",
        "cancel",
        "Privacy",
        "Terms",
    ]


IN_REACH = {"consent", "consent-more", "consent-many", "consent-limits", "consent-hostile"}


@pytest.mark.parametrize("name", sorted(IN_REACH))
def test_the_decision_is_in_reach_without_scrolling(page: Page, address: str, name: str) -> None:
    """On a telephone, and wherever the page has been scrolled to."""
    page.set_viewport_size({"width": 390, "height": 844})
    for tag in ("en", "de"):
        page.goto(f"{address}/{tag}/{name}")
        for end in (0, 100_000):
            page.evaluate("height => scrollTo(0, height)", end)
            for button in ("allow", "cancel"):
                expect(page.locator(f"#{button}")).to_be_in_viewport(ratio=1)


def test_cancel_is_quieter_than_allow(page: Page, address: str) -> None:
    """A click on it is as easy, but only one of the two is filled."""
    page.goto(f"{address}/en/consent")
    color = "element => getComputedStyle(element).backgroundColor"
    card, key = page.locator(".ticket").evaluate(color), page.locator("#allow").evaluate(color)
    assert page.locator("#cancel").evaluate(color) == card != key


def test_allow_and_cancel_are_as_large(page: Page, address: str) -> None:
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
    page.goto(f"{address}/en/app")
    assert page.locator(".detail").first.evaluate(
        "element => getComputedStyle(element).color"
    ) == page.locator("body").evaluate("element => getComputedStyle(element).color")


def test_hours_are_those_of_the_browser(browser: Browser, address: str) -> None:
    """But for those that the user has set. Without script the page says which they are."""
    for script, zone in ((True, "Asia/Tokyo"), (False, "UTC")):
        context = browser.new_context(timezone_id="Asia/Tokyo", java_script_enabled=script)
        tab = context.new_page()
        tab.goto(f"{address}/en/limits")
        found = [one.input_value() for one in tab.locator("[name=zone]").all()]
        assert found == [zone, "Europe/Berlin", zone]
        tab.goto(f"{address}/en/consent-limits")
        zones = [one.input_value() for one in tab.locator("[name^='zone:']").all()]
        assert zones == ([zone] * 2 if script else ["Europe/Berlin", "UTC"])
        context.close()


def test_the_cursor_is_where_a_field_is_wrong(page: Page, address: str) -> None:
    for name, field in (("limits-field", "often-day-1"), ("consent-limits-wrong", "much-1")):
        page.goto(f"{address}/en/{name}")
        expect(page.locator(f"#{field}")).to_be_focused()


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
