"""What the user does while a client waits for its callback."""

from tests.browser import Browser


def agree(browser: Browser, address: str, *, boxes: set[str] | None = None) -> str:
    """Opens the authorization URL, signs in as Miko and says yes, where each is asked: to these
    `boxes`, or to what is ticked at first. The callback URL, where the browser would go next."""
    browser.open(address)
    if 'id="sign-in"' in browser.page.text:
        browser.sign_in("miko")
    if 'id="allow"' in browser.page.text:
        browser.press("allow", boxes=boxes)
    callback: str = browser.page.headers["location"]
    return callback
