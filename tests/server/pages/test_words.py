"""What the pages say, in the states that people meet."""

import pytest
from tests.server.pages.preview import document, page

SENTENCES = {
    "consent": (
        "stefApp would like a key to your Chirp account",
        "Signed in as Miko Lind (miko)",
        "Not verified",
        "The key works until you stop it. You can change it",
        "You will be sent back to the app on this device.",
        "Go on only if you have just come from stefApp.",
        "Chirp has not checked who makes this app.",
        "Needed: stefApp does not work without it.",
    ),
    "consent-web": (
        "calendar.example",
        "You will be sent to calendar.example.",
        "The key works until 24 December 2026, or until you stop it.",
        "Verified",
    ),
    "consent-scheme": ("the app on this device that opens com.example.stef: links",),
    "consent-one": ("Made by us", "this key would open everything"),
    "consent-broad": (
        "stefApp asks for 3 permissions at once. Nothing risky is ticked",
        "Comes with: read your direct messages",
    ),
    "consent-paused": ("You have paused this app. If you allow it, its key works again.",),
    "consent-restored": ("This server was restored from a backup",),
    "consent-again": ("Other programs on this device could pose as this app",),
    "consent-more": ("You said no to this before.",),
    "consent-elsewhere": (
        "The key goes to stefApp on another device. Go on only if that device is yours.",
    ),
    "approvals": (
        "Waiting for you",
        "2 questions wait for your answer.",
        "25.00 EUR · Pay from your account",
        "Asked 1 minute ago",
    ),
    "approvals-one": ("1 question waits for your answer.",),
    "approvals-none": ("Nothing waits for you",),
    "approval": (
        "Calendar asks to be let in, as you",
        "own words: Lane 4: W4SCT",
        "It lapses on 24 November 2026, 08:38 UTC.",
        "Next you see what Calendar could do, and decide.",
        "Continue",
    ),
    "approval-spending": ("stefApp asks you", "25.00 EUR", "Approve", "Deny"),
    "enter-code": (
        "Connect a device",
        "Type the code that your device shows.",
        "Did somebody send it to you, or read it out on the phone?",
    ),
    "enter-code-refused": ("No device waits for this code.",),
    "enter-code-throttled": ("Too many tries. Please wait 5 minutes, then try again.",),
    "confirm-device": (
        "Is this your device?",
        "stefApp on another device asks to be let in, as you.",
        "It shows this code: WDJB-MJHT",
        "It asked 1 minute ago (24 November 2026, 08:28 UTC).",
        "It calls itself Firefox on Linux.",
        "It asked from the address 203.0.113.7. You are in the same network.",
        "Go on only if you began this yourself",
        "Not verified",
    ),
    "confirm-device-far": ("That is not the network in which you are now.", "calendar.example"),
    "sign-in": ("Sign in to Chirp", "to continue to stefApp", "stefApp never sees it"),
    "sign-in-again": ("Confirm that it is you", "to continue to stefApp"),
    "sign-in-throttled": (
        "Too many wrong passwords for this user name from new browsers. Wait 5 minutes,",
        "or use a browser where you've signed in before.",
    ),
    "sign-in-throttled-here": (
        "Too many wrong passwords for this user name in this browser.",
        "Wait 5 minutes, then try again.",
    ),
    "sign-in-bare": ("Forgot your password?", "Create an account"),
    "apps": (
        "3 apps hold a key to your Chirp account.",
        "Post in your name · Go on when you have closed it · See your name and picture and 1 more",
        "Read your direct messages · Send direct messages · Delete your posts and 2 more",
        "Since 15 October 2026 Used 3 hours ago",
        "Not used yet",
        "Used 1 day ago",
        "Paused",
    ),
    "apps-one": ("1 app holds a key to your Chirp account.", "Calendar has lost its key."),
    "apps-waiting": ("2 questions wait for your answer.",),
    "apps-narrowed": (
        "What you did not use has lost its keys.",
        "Not used for 60 days. Do you still want it?",
        "Signs you in, and nothing else",
        "Firefox on Android",
        "Stop all that you do not use",
        "Show more",
        "Show all",
        "Download all of this",
    ),
    "apps-no-match": ("No app fits.",),
    "apps-look-on": ("None of these. There are more to look through.",),
    "unused": ("What is ticked loses its key at once.", "may keep what it already copied"),
    "unused-none": ("There is no app that you have left alone for 60 days.",),
    "app-given": (
        "Given. What the app had before opens at once",
        "stefApp has not used its key for 60 days. Take it away?",
        "Last used on 21 November 2026",
        "Not used for 60 days. Take it away?",
        "2 permissions that you may give it",
        "Comes with: read your direct messages",
        "You were sent to 127.0.0.1 afterwards.",
        "Came with another",
        "You left it out",
        "It could not: Delete your posts",
        "by an administrator Reason: Somebody reported this app.",
    ),
    "app-signs-in": ("Signs you in, and nothing else",),
    "apps-none": ("No keys out there",),
    "app": (
        "Until you stop it",
        "Permissions taken away by you Send direct messages 23 November 2026, 08:30 UTC",
        "Device stopped, since a copy of its key was used by Chirp Phone",
        "A device without a name",
        "You said no to this.",
    ),
    "app-saved": ("Saved. The change counts from now on, everywhere.", "Until 24 December 2026"),
    "app-paused": ("Paused. The key opens nothing", "No device holds this key now.", "Go on"),
    "app-suspended": (
        "Chirp has suspended Calendar. It can't use your account for now. Your choices are kept.",
        "Go on",
    ),
    "app-everything": ("Used just now", "this key opens everything"),
    "stop": ("on all 2 devices.", "stefApp may keep what it already copied."),
    "stop-one": ("on 1 device.",),
    "error": ("24 November 2026, 08:30 UTC", "01J8-7Q4K-ZX", "For developers"),
    "error-back": ("Back to Calendar",),
    "error-too-many": ("Try again in 30 seconds.",),
    "connected": ("You can close this window.", "Go back to Calendar", "Back to Calendar"),
}


@pytest.mark.parametrize("name,sentences", SENTENCES.items(), ids=SENTENCES)
def test_what_a_page_says(name: str, sentences: tuple[str, ...]) -> None:
    text = document(name).one("body").text
    for sentence in sentences:
        assert sentence in text


ABSENT = {
    "sign-in": ("Forgot", "Create", "Problem"),
    "sign-in-bare": ("to continue to", "never sees"),
    "consent-scheme": ("Use another account",),
    "consent-web": ("has not checked", "back to the app on this device"),
    "consent-nothing-new": ("Untick",),
    "consent-hostile": ("privacy policy", "The app\u2019s terms"),
    "signed-out-bare": ("Sign in again", "Back to"),
    "error": ("Back to",),
    "error-internal": ("For developers",),
    "finished": ("Go back to",),
}


@pytest.mark.parametrize("name,sentences", ABSENT.items(), ids=ABSENT)
def test_what_a_page_does_not_say(name: str, sentences: tuple[str, ...]) -> None:
    text = document(name).one("main").text
    for sentence in sentences:
        assert sentence not in text


def test_german() -> None:
    html = document("apps-one", tag="de")
    assert html.one("h1").text == "Verbundene Apps"
    assert html.one(role="status").text == "Calendar hat keinen Schlüssel mehr."
    text = html.one("main").text
    assert "1 App hat einen Schlüssel zu Ihrem Chirp-Konto." in text
    assert "Seit 15. Oktober 2026 Benutzt: vor 3 Stunden" in text


@pytest.mark.parametrize("name", ["sign-in-hostile", "consent-hostile", "apps-hostile", "app-many"])
def test_hostile_words_stay_words(name: str) -> None:
    html = page("en", name)
    assert "<script" not in html.replace('<script src="/static/apps.js" defer></script>', "")
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
