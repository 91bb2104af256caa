"""What the script of the connected apps adds: a box counts as soon as it is changed and the page
stays, and the list is narrowed while one types."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Request, Route, expect
from tests.attacks.play import STEFAPP, change, every, redeem
from tests.browser import authorize
from tests.journeys.tab import boxes, open_app, sign_in
from tests.live import Live, live

from valetkey.server.model.grant import Grant

pytestmark = pytest.mark.browser

BOX = "input[name=permission][value='profile']"


class Sent(list[str]):
    """How each form was sent: by the page's script ("fetch"), or as forms go ("document")."""

    def __call__(self, request: Request) -> None:
        if request.method == "POST":
            self.append(request.resource_type)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("server"), unthrottled=("127.0.0.1",)) as server:
        redeem(server, authorize(server.browser(), STEFAPP))
        yield server


@pytest.fixture(scope="module")
def given(server: Live) -> tuple[str, ...]:
    """What stefApp was given."""
    return every(server, Grant)[0].permissions


@pytest.fixture
def apps(tab: Page, server: Live, given: tuple[str, ...]) -> Page:
    """The list of connected apps is open: stefApp is all of it, and has what it was given."""
    change(server, every(server, Grant)[0], permissions=given)
    tab.goto(f"{server.url}/apps")
    sign_in(tab)
    tab.wait_for_url("**/apps")
    return tab


@pytest.fixture
def sent(tab: Page, apps: Page) -> Sent:
    """The page of stefApp is open, and nothing is sent yet."""
    open_app(apps)
    expect(tab.locator(BOX)).to_be_checked()
    tab.evaluate("window.mark = 'the same page'")
    sent = Sent()
    tab.on("request", sent)
    return sent


def fetched(tab: Page, how: Callable[[Route], None]) -> None:
    """What the page's script sends goes this way; all else goes on."""

    def go(route: Route) -> None:
        if route.request.resource_type == "fetch":
            how(route)
        else:
            route.continue_()

    tab.route("**/apps/**", go)


def unticked(tab: Page) -> Route:
    """Unticks the box. What the page's script sends of it is held."""
    waiting: list[Route] = []
    fetched(tab, waiting.append)
    tab.evaluate(COUNT_ANSWERS)
    tab.click(BOX)
    until(tab, lambda: len(waiting) == 1)
    return waiting[0]


COUNT_ANSWERS = """() => {
    const send = window.fetch
    window.answers = 0
    window.fetch = async (...request) => {
        const answer = await send(...request)
        const read = answer.clone().text()
        read.finally(() => setTimeout(() => { window.answers += 1 }, 100))
        return answer
    }
}"""
"""Counts the answers of which the page's script has made what it makes of them."""


def answer_is_used(tab: Page) -> None:
    """Waits until the page's script has done with its answer, whatever that is."""
    # The pages' policy forbids what `wait_for_function` does.
    until(tab, lambda: bool(tab.evaluate("window.answers === 1")))


def answered_under_the_pointer(tab: Page, server: Live, where: str) -> None:
    """What the script sent of the box is answered while the pointer is held down there."""
    waiting = unticked(tab)
    tab.hover(where)
    tab.mouse.down()
    waiting.continue_()
    until(tab, lambda: not is_held(server))
    answer_is_used(tab)


def until(tab: Page, holds: Callable[[], bool]) -> None:
    """Looks again and again, for as long as a busy machine may take."""
    for _ in range(1200):
        if holds():
            return
        tab.wait_for_timeout(50)
    raise AssertionError("it never held")


def is_held(server: Live) -> bool:
    """Whether stefApp still has what the box stands for."""
    return "profile" in every(server, Grant)[0].permissions


def is_same(tab: Page) -> bool:
    """Whether the page was not loaded anew."""
    return bool(tab.evaluate("window.mark === 'the same page'"))


def is_saved(tab: Page) -> None:
    """The page says that it is done."""
    expect(tab.get_by_role("status")).to_contain_text("Saved")
    assert "profile" not in boxes(tab)


def test_a_box_counts_and_the_page_stays(tab: Page, server: Live, sent: Sent) -> None:
    tab.click(BOX)
    is_saved(tab)
    assert is_same(tab)
    assert not is_held(server)
    assert sent == ["fetch"]
    expect(tab.locator("[aria-busy]")).to_have_count(0)
    expect(tab.locator("#save")).to_be_focused()


def test_where_the_script_cannot_send_the_form_goes_as_forms_go(
    tab: Page, server: Live, sent: Sent
) -> None:
    fetched(tab, lambda route: route.fulfill(status=503))
    with tab.expect_navigation():
        tab.click(BOX)
    is_saved(tab)
    assert not is_same(tab)
    assert not is_held(server)
    assert sent == ["fetch", "document"]


@pytest.mark.parametrize("late", ["answered", "failed"])
def test_a_press_while_a_box_is_sent_is_what_counts(
    tab: Page, server: Live, sent: Sent, late: str
) -> None:
    """The form goes once more, by its button; what becomes of the first changes nothing."""
    waiting = unticked(tab)
    expect(tab.locator("form.can")).to_have_attribute("aria-busy", "true")
    tab.evaluate("document.addEventListener('submit', (event) => event.preventDefault())")
    tab.click("#save")  # It is on its way, and stays there: the late answer finds the page.
    if late == "answered":
        waiting.continue_()
        until(tab, lambda: not is_held(server))
    else:
        waiting.fulfill(status=503)
    answer_is_used(tab)
    assert is_same(tab)
    assert sent == ["fetch"]
    expect(tab.get_by_role("status")).to_have_count(0)


def test_a_press_is_not_cut_in_two(tab: Page, server: Live, sent: Sent) -> None:
    """The button under the pointer stays until it is let go, whatever is answered meanwhile."""
    answered_under_the_pointer(tab, server, "#save")
    assert tab.locator("form.can[aria-busy]").count() == 1
    with tab.expect_navigation():
        tab.mouse.up()
    is_saved(tab)
    assert not is_same(tab)
    assert sent == ["fetch", "document"]


def test_what_was_pressed_elsewhere_shows_the_answer(tab: Page, server: Live, sent: Sent) -> None:
    """A pointer that is let go of no button leaves the answer to be seen."""
    answered_under_the_pointer(tab, server, "h1")
    tab.mouse.up()
    is_saved(tab)
    assert is_same(tab)
    assert sent == ["fetch"]


def test_the_list_is_narrowed_while_one_types(apps: Page) -> None:
    stefapp, search = apps.locator("article[data-client-id=stefapp]"), apps.locator("#search")
    expect(stefapp).to_be_visible()
    apps.evaluate("window.mark = 'the same page'")
    search.press_sequentially("harb")
    expect(stefapp).to_be_hidden()
    search.fill("STEF")
    expect(stefapp).to_be_visible()
    assert is_same(apps)


def test_what_is_shown_is_chosen_without_a_button(apps: Page) -> None:
    """The list is asked for anew: what was used lately is not among the unused."""
    apps.select_option("#show", "unused")
    apps.wait_for_url("**/apps?*show=unused*")
    expect(apps.locator("article[data-client-id=stefapp]")).to_have_count(0)
