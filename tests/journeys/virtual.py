"""Chromium's virtual authenticator: a device that makes passkeys and signs, without a finger."""

from typing import Any

from playwright.sync_api import CDPSession, Page


class VirtualDevice:
    """An authenticator in the page's browser (CDP WebAuthn). `verifies`: it checks who uses it."""

    def __init__(self, page: Page, *, verifies: bool = True) -> None:
        self._cdp: CDPSession = page.context.new_cdp_session(page)
        self._cdp.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": True,
        }
        made = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = made["authenticatorId"]

    @property
    def credentials(self) -> list[dict[str, Any]]:
        """The passkeys on it."""
        found = self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        credentials: list[dict[str, Any]] = found["credentials"]
        return credentials

    def set(self, *, verifies: bool) -> None:
        """Lets it check who uses it, or not."""
        at = {"authenticatorId": self._id, "isUserVerified": verifies}
        self._cdp.send("WebAuthn.setUserVerified", at)

    def touch(self, *, at_once: bool) -> None:
        """Answers every question at once, as if somebody touched it, or waits."""
        wanted = {"authenticatorId": self._id, "enabled": at_once}
        self._cdp.send("WebAuthn.setAutomaticPresenceSimulation", wanted)

    def lose(self) -> None:
        """The device is gone, with what is on it."""
        self._cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self._id})
