"""The settings of accounts that are kept here, and what they make."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from valetkey.server.accounts.password_policy import MIN_ALONE, MIN_EVER
from valetkey.server.settings.passkeys import PasskeySettings

_File: TypeAlias = Path | None

RANGE: Final = "https://api.pwnedpasswords.com/range"
"""The range query of Have I Been Pwned."""


MIN_UNUSED: Final = 60
"""Days for which nobody uses an account before it is disabled, at least: more than a notice counts
(`oauth.admin.unused_accounts.MARKED`)."""


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class AccountSettings(PasskeySettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Accounts that are kept here."""

    password_min_length: Annotated[
        int,
        msgspec.Meta(
            ge=MIN_EVER,
            le=64,
            description="the minimum of characters of a new password, from 8 to 64; below 15 only "
            "where every sign-in needs a second factor",
        ),
    ] = MIN_ALONE
    password_blocklist_file: Annotated[
        _File,
        _is(
            "a UTF-8 file with more passwords and words to refuse, one in each line, besides the "
            "common ones that this server knows"
        ),
    ] = None
    breached_passwords_url: Annotated[
        str,
        _is(
            "the https address of a range query for passwords of data breaches, such as "
            f"{RANGE}, or empty to ask nobody"
        ),
    ] = ""

    second_factor: Annotated[
        Literal["optional", "required"],
        _is(
            "optional or required: whether users may sign in without a second factor; if it is "
            "required, users without one set it up at their next sign-in"
        ),
    ] = "optional"
    trusted_device_days: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=365,
            description="the number of days for which users can trust a device, so that it asks "
            "for no second factor, or 0 for never",
        ),
    ] = 30

    countries_file: Annotated[
        _File,
        _is(
            "a database of network addresses and their countries in MaxMind's format, such as "
            "GeoLite2-Country.mmdb, or empty for none; SIGHUP reads it again"
        ),
    ] = None
    new_country: Annotated[
        Literal["notice", "second_factor"],
        _is(
            "what a sign-in from a country that is new to the account does: second_factor lets a "
            "trusted device ask for the second factor too, notice only notifies the user"
        ),
    ] = "second_factor"

    mail_codes: Annotated[
        bool,
        _is(
            "true or false: whether users can sign in with a code that is mailed to their verified "
            "address, instead of their password; it is never a factor, so it opens no account that "
            "has a second one, and nothing that needs a fresh proof"
        ),
    ] = False

    unused_days: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=3650,
            description="the number of days after which an account that nobody used is disabled, "
            "from 60 to 3650, or 0 for never; its user is notified 14 days before",
        ),
    ] = 0

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Each mistake: the name of the setting, and why."""
        alone = self.second_factor == "optional"
        if alone and self.password_min_length < MIN_ALONE:
            yield (
                "password_min_length",
                f"is below {MIN_ALONE}, and a password can be the only factor here",
            )
        if 0 < self.unused_days < MIN_UNUSED:
            yield "unused_days", f"must be 0, or {MIN_UNUSED} or more"
        if self.mail_codes and not alone:
            yield "mail_codes", "is of no use where every sign-in needs two factors"


def why_not_words(file: Path | None) -> str:
    """Why this is no list of words, or ""."""
    if file is None:
        return ""
    try:
        file.read_text("utf-8")
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return "is not UTF-8"
    return ""


def account_mistakes(accounts: AccountSettings, origins: Mapping[str, str]) -> Iterator[str]:
    """Each mistake, with the setting and where it comes from."""
    for name, why in accounts.mistakes():
        origin = origins[f"accounts.{name}"]
        yield f"accounts.{name} = {getattr(accounts, name)!r} (from {origin}): {why}"


def unused_mistakes(
    accounts: AccountSettings, origins: Mapping[str, str], *, event: int, tells: bool
) -> Iterator[str]:
    """Why unused accounts can't be disabled. `event` is for how many seconds events are stored,
    `tells` whether users can be warned."""
    days = accounts.unused_days
    place = f"accounts.unused_days = {days} (from {origins['accounts.unused_days']})"
    # Older events are gone, and with them the last sign-in.
    if days * 86400 > event:
        yield f"{place}: is longer than lifetimes.event, {event} seconds"
    if days and not tells:
        yield f"{place}: needs mail.host or webhook.url, and notices.account_unused, to warn users"
