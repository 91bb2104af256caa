"""What counts as an error of a page: each journey fails for one, and for nothing else."""

import pytest
from playwright.sync_api import Page, Route
from tests.journeys.tab import Window
from tests.rows import row

pytestmark = pytest.mark.browser

POLICY = '<meta http-equiv="content-security-policy" content="script-src \'self\'">'
LATE_FOCUS = """() => {
    document.querySelector("input").focus()
    document.body.insertAdjacentHTML("beforeend", "<input autofocus>")
    return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
}"""


@pytest.fixture
def blank(window: Window) -> Page:
    """A page of a site that refuses everything else with 404."""
    tab = window.tab()

    def answer(route: Route) -> None:
        found = route.request.url.endswith("/page")
        route.fulfill(
            status=200 if found else 404, content_type="text/html", body="<title>x</title><input>"
        )

    tab.route("**/*", answer)
    tab.goto("http://site.test/page")
    return tab


@pytest.mark.parametrize(
    "script, reported",
    [
        row("an error", "in the console", "() => console.error('no')", ["no"]),
        row("an error", "thrown", "() => { setTimeout(() => { throw Error('no') }) }", ["no"]),
        row("an error", "of a promise", "() => { Promise.reject(Error('no')) }", ["no"]),
        row("none", "a warning", "() => console.warn('no')", []),
        row("none", "a note", "() => console.log('no')", []),
        row("none", "autofocus that comes too late", LATE_FOCUS, []),
        row("none", "an answer of 404", "() => fetch('/nowhere').then(() => null)", []),
    ],
)
def test_what_is_an_error(window: Window, blank: Page, script: str, reported: list[str]) -> None:
    blank.evaluate(script)
    settle(blank)
    errors = [*window.errors]
    window.errors.clear()
    assert errors == reported


def test_what_the_policy_blocks_is_an_error(window: Window, blank: Page) -> None:
    blank.set_content(f"<head>{POLICY}</head><script>document.title = 'ran'</script>")
    settle(blank)
    (error,) = window.errors
    window.errors.clear()
    assert "Content Security Policy" in error
    assert blank.title() != "ran"


def settle(tab: Page) -> None:
    """Returns when what the page's console said before has been heard: messages keep their
    order."""
    with tab.expect_console_message(lambda message: message.text == "the last one"):
        tab.evaluate(
            "() => new Promise((done) => setTimeout(done)).then(() => console.log('the last one'))"
        )
