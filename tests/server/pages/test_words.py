"""What the pages say, in the states that people meet."""

import re

import pytest
from tests.server.pages.preview import document, page

SENTENCES = {
    "consent": (
        "stefApp wants access to your Chirp account",
        "Signed in as Miko Lind (miko)",
        "Not verified",
        "Access lasts until you remove it. You can change it",
        "You'll be sent back to the app on this device.",
        "Continue only if you just came from stefApp.",
        "Chirp hasn't verified who makes this app.",
        "Required: stefApp doesn't work without it.",
    ),
    "consent-web": (
        "calendar.example",
        "You'll be sent to calendar.example.",
        "Access lasts until 24 December 2026, or until you remove it.",
        "Verified",
    ),
    "consent-scheme": ("the app on this device that opens com.example.stef: links",),
    "consent-one": ("This access covers everything.",),
    "consent-broad": (
        "stefApp asks for 3 permissions at once. Only low-risk permissions are checked.",
        "Also allows: read your direct messages",
    ),
    "consent-paused": ("You paused this app. If you allow it, it gets access again.",),
    "consent-restored": ("This server was restored from a backup",),
    "consent-again": ("Other programs on this device could pretend to be this app",),
    "consent-more": ("You declined this before.",),
    "consent-elsewhere": (
        "stefApp gets access on another device. Continue only if that device is yours.",
    ),
    "approvals": (
        "Pending requests",
        "2 requests are waiting for your answer.",
        "25.00 EUR · Pay from your account",
        "Requested 1 minute ago",
    ),
    "approvals-one": ("1 request is waiting for your answer.",),
    "approvals-none": ("No pending requests",),
    "approval": (
        "Calendar wants to sign in as you",
        "Message from Calendar: Lane 4: W4SCT",
        "It expires on 24 November 2026, 08:38 UTC.",
        "Next, you'll see what Calendar could do, and decide.",
        "Continue",
    ),
    "approval-spending": ("stefApp needs your approval", "25.00 EUR", "Approve", "Deny"),
    "enter-code": (
        "Connect a device",
        "Enter the code shown on your device.",
        "If someone sent you a code or read it to you, stop",
    ),
    "enter-code-refused": ("No device is waiting for this code.",),
    "enter-code-throttled": ("Too many attempts. Wait 5 minutes, then try again.",),
    "confirm-device": (
        "Is this your device?",
        "stefApp on another device wants to sign in as you.",
        "It shows this code: WDJB-MJHT",
        "Requested 1 minute ago (24 November 2026, 08:28 UTC).",
        "Device, as it describes itself: Firefox on Linux.",
        "The request came from the IP address 203.0.113.7. You're on the same network.",
        "Continue only if you started this yourself",
        "Not verified",
    ),
    "confirm-device-far": ("That's not the network you're on now.", "calendar.example"),
    "sign-in": ("Sign in to Chirp", "to continue to stefApp", "stefApp never sees it"),
    "sign-in-again": ("Confirm it's you", "to continue to stefApp"),
    "sign-in-throttled": (
        "Too many incorrect passwords for this username from new browsers. Wait 5 minutes,",
        "or use a browser where you've signed in before.",
        "let this browser run a check for a few seconds.",
    ),
    "sign-in-unsure": ("After 100 failed attempts in a row, it works only in browsers where",),
    "sign-in-throttled-here": (
        "Too many incorrect passwords for this username in this browser.",
        "Wait 5 minutes, then try again.",
    ),
    "sign-in-bare": ("Create an account",),
    "apps": (
        "3 apps have access to your Chirp account.",
        "Post in your name · Go on when you have closed it · See your name and picture and 1 more",
        "Read your direct messages · Send direct messages · Delete your posts and 2 more",
        "Since 15 October 2026 Last used 3 hours ago",
        "Not used yet",
        "Last used 1 day ago",
        "Paused",
    ),
    "apps-one": ("1 app has access to your Chirp account.", "Calendar no longer has access."),
    "apps-waiting": ("2 requests are waiting for your answer.",),
    "apps-narrowed": (
        "Access removed from the selected apps.",
        "Not used for 60 days. Do you still need it?",
        "Sign-in only",
        "Firefox on Android",
        "Remove access for unused apps",
        "Show more",
        "Show all",
        "Download your data",
    ),
    "apps-no-match": ("No matching apps.",),
    "apps-look-on": ("No matches so far. Show more to keep looking.",),
    "unused": ("Selected apps lose access immediately.", "may keep data they already copied"),
    "unused-none": ("No app has gone unused for 60 days.",),
    "app-given": (
        "Allowed. Permissions the app had before work right away",
        "stefApp hasn't used its access for 60 days. Remove it?",
        "Last used on 21 November 2026",
        "Not used for 60 days. Remove it?",
        "2 more permissions you can allow",
        "Also allows: read your direct messages",
        "You were then sent to 127.0.0.1.",
        "Included with another permission",
        "You left this unchecked",
        "Not allowed: Delete your posts",
        "by an administrator Reason: Somebody reported this app.",
    ),
    "app-signs-in": ("Sign-in only",),
    "apps-none": ("No connected apps yet",),
    "app": (
        "Until you remove it",
        "Permissions removed by you Send direct messages 23 November 2026, 08:30 UTC",
        "Device disconnected because a copy of its key was used by Chirp Phone",
        "Unnamed device",
        "You declined this.",
    ),
    "app-saved": ("Saved. The change takes effect immediately.", "Until 24 December 2026"),
    "app-paused": ("Paused. The app has no access", "No device has access right now.", "Resume"),
    "app-suspended": (
        "Chirp has suspended Calendar. It can't use your account for now. Your settings are saved.",
        "Resume",
    ),
    "app-everything": ("Last used just now", "This access covers everything."),
    "stop": ("on all 2 devices.", "stefApp may keep data it already copied."),
    "stop-one": ("on 1 device.",),
    "error": ("24 November 2026, 08:30 UTC", "4f2a91c07be35d8806a1f2c9", "For developers"),
    "error-back": ("Back to Calendar",),
    "error-expired": ("This page has expired", "What now? Go back to the app and start again."),
    "connected": ("Connected", "You can close this window."),
}


@pytest.mark.parametrize("name,sentences", SENTENCES.items(), ids=SENTENCES)
def test_what_a_page_says(name: str, sentences: tuple[str, ...]) -> None:
    text = document(name).one("body").text
    for sentence in sentences:
        assert sentence in text


ABSENT = {
    "sign-in": ("Create", "Problem"),
    "sign-in-bare": ("to continue to", "never sees"),
    "consent-scheme": ("Use another account",),
    "consent-web": ("hasn't verified", "back to the app on this device"),
    "consent-nothing-new": ("Uncheck",),
    "consent-hostile": ("privacy policy", "The app's terms"),
    "signed-out-bare": ("Sign in again", "Back to"),
    "error": ("Back to",),
    "error-internal": ("For developers",),
}


@pytest.mark.parametrize("name,sentences", ABSENT.items(), ids=ABSENT)
def test_what_a_page_does_not_say(name: str, sentences: tuple[str, ...]) -> None:
    text = document(name).one("main").text
    for sentence in sentences:
        assert sentence not in text


def test_german() -> None:
    html = document("apps-one", tag="de")
    assert html.one("h1").text == "Verbundene Apps"
    assert html.one(role="status").text == "Calendar hat keinen Zugriff mehr."
    text = html.one("main").text
    assert "1 App hat Zugriff auf Ihr Chirp-Konto." in text
    assert "Seit 15. Oktober 2026 Zuletzt verwendet: vor 3 Stunden" in text


@pytest.mark.parametrize("name", ["sign-in-hostile", "consent-hostile", "apps-hostile", "app-many"])
def test_hostile_words_stay_words(name: str) -> None:
    html = page("en", name)
    ours = r'<script src="/static/(apps|password)\.js" defer></script>'
    assert "<script" not in re.sub(ours, "", html)
    assert "<img src=x" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "49" not in document(name).one("h1").text


PROBLEMS = {
    "sign-in-refused": ({"username", "password"}, ["#username"]),
    "sign-in-no-username": ({"username"}, ["#username"]),
    "sign-in-no-password": ({"password"}, ["#password"]),
    "sign-in-throttled": (set(), []),
    "sign-in-throttled-here": (set(), []),
}


@pytest.mark.parametrize("name,expected", PROBLEMS.items(), ids=PROBLEMS)
def test_a_problem_is_told_and_leads_to_its_field(
    name: str, expected: tuple[set[str], list[str]]
) -> None:
    html = document(name)
    fields, links = expected
    problem = html.one(role="alert")
    assert problem.attributes["id"] == "problem"
    assert html.one("title").text.startswith("Problem: ")
    assert {e.attributes["id"] for e in html.find(**{"aria-invalid": "true"})} == fields
    assert [e.attributes["href"] for e in html.find("a") if e.inside(id="problem")] == links
