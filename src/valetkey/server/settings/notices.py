"""The settings of notices to users: the mail server, the webhook, and what they are notified of."""

import re
from collections.abc import Iterator
from email.headerregistry import HeaderRegistry
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from valetkey.server.accounts.notices import is_address, signing_key
from valetkey.server.model import hours
from valetkey.server.model.keys import Secret
from valetkey.wire import address
from valetkey.wire.metadata import is_local


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


_File = Path | None


class MailSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mail server, and how mails look."""

    host: Annotated[
        str, _is("the host of your mail server (SMTP), such as smtp.chirp.example; empty: no mail")
    ] = ""
    port: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=65535,
            description="its TCP port, from 1 to 65535: usually 587 for starttls and 465 for tls",
        ),
    ] = 587
    security: Annotated[
        Literal["starttls", "tls", "none"],
        _is(
            "starttls, tls or none: how the connection is encrypted; none only for a mail server "
            "on this machine, or with plaintext_elsewhere"
        ),
    ] = "starttls"
    plaintext_elsewhere: Annotated[
        bool,
        _is("true or false: whether security = none is allowed for another machine, unencrypted"),
    ] = False
    ca_file: Annotated[
        _File,
        _is("a PEM file of the authorities to trust; by default, those of the operating system"),
    ] = None
    username: Annotated[str, _is("the name to sign in with, or empty for no sign-in")] = ""
    password: Annotated[Secret | None, _is("the password of that name")] = None
    password_file: Annotated[_File, _is("a file of mode 0600 that holds that password")] = None
    sender: Annotated[
        str, _is("the address that mails come from, such as Chirp <no-reply@chirp.example>")
    ] = ""
    reply_to: Annotated[str, _is("the address for answers, or empty for that of the sender")] = ""
    language: Annotated[
        str, _is("the language of mails to users whose language is unknown, such as en or de")
    ] = "en"
    time_zone: Annotated[
        str, _is("the time zone for users whose zone is unknown, such as Europe/Berlin")
    ] = "UTC"
    to_unverified: Annotated[
        bool,
        _is(
            "true or false: whether notices go to addresses that nobody verified, which may be "
            "those of strangers"
        ),
    ] = False

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """The settings that don't fit, and why."""
        if not self.host:
            return
        has_password = bool(self.password or self.password_file)
        is_open = self.security == "none" and not is_local(self.host)
        rules = (
            (
                self.host.isprintable() and not set("/@: ") & set(self.host.strip("[]")),
                "host",
                "is no host name",
            ),
            (bool(self.sender), "sender", "is missing: the address that mails come from"),
            (not self.sender or read_sender(self.sender), "sender", _NO_ADDRESS),
            (not self.reply_to or read_sender(self.reply_to), "reply_to", _NO_ADDRESS),
            (
                not is_open or self.plaintext_elsewhere,
                "security",
                "sends mails in the clear: use starttls or tls, or set plaintext_elsewhere",
            ),
            (
                not (is_open and has_password),
                "security",
                "would send the password in the clear: use starttls or tls",
            ),
            (
                bool(self.username) == has_password,
                "username",
                "and the password need each other (VALETKEY_MAIL__PASSWORD or password_file)",
            ),
            (hours.known_zone(self.time_zone), "time_zone", "is no time zone"),
        )
        yield from ((name, why) for holds, name, why in rules if not holds)


_NO_ADDRESS: Final = "must be an address, such as Chirp <no-reply@chirp.example>"

_HEADERS: Final[HeaderRegistry] = HeaderRegistry()


def read_sender(text: str) -> tuple[str, str] | None:
    """The name, which may be "", and the address; None if it is no single address."""
    if not text.isprintable():
        return None
    header: Any = _HEADERS("from", text)
    if header.defects or len(header.addresses) != 1:
        return None
    one = header.addresses[0]
    return (one.display_name, one.addr_spec) if is_address(one.addr_spec) else None


_PREFIX: Final = re.compile(r"\+[1-9][0-9]{0,14}", re.ASCII)


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook that gets all notices, and can send codes to phones."""

    url: Annotated[
        str, _is("the https address to which notices are posted (Standard Webhooks), or empty")
    ] = ""
    secret: Annotated[
        Secret | None,
        _is("the secret that signs them, such as whsec_…; several, with spaces between, to rotate"),
    ] = None
    secret_file: Annotated[
        _File, _is("a file of mode 0600 with such secrets, one on each line")
    ] = None
    phone_codes: Annotated[
        bool,
        _is(
            "true or false: whether users confirm phone numbers, by a code that your webhook gets "
            "as account.phone_code and sends to the phone"
        ),
    ] = False
    phone_prefixes: Annotated[
        tuple[str, ...],
        _is("the beginnings of the numbers that may get a code, such as +49; empty: all numbers"),
    ] = ()

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """The settings that don't fit, and why."""
        if any(not _PREFIX.fullmatch(one) for one in self.phone_prefixes):
            yield "phone_prefixes", "must each be + and digits, such as +49"
        if not self.url:
            if self.phone_codes:
                yield "phone_codes", "needs url: the webhook that sends the codes"
            return
        if why := address.why_not(self.url):
            yield "url", why
        try:
            secrets = self.secrets
        except (OSError, ValueError) as error:
            yield "secret_file" if self.secret is None else "secret", str(error)
            return
        if not secrets:
            yield "secret_file", "is missing: VALETKEY_WEBHOOK__SECRET, or a file with whsec_…"

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets. Raises ValueError for one that is none, and OSError."""
        text = "" if self.secret is None else self.secret.reveal()
        if self.secret is None and self.secret_file is not None:
            text = self.secret_file.read_text("utf-8")
        secrets = tuple(Secret(one) for one in text.split())
        for one in secrets:
            signing_key(one)
        return secrets


class NoticeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What users are notified of, by mail and through the webhook."""

    app_connected: Annotated[
        bool, _is("true or false: an app got access to the account for the first time")
    ] = True
    sensitive_permission: Annotated[
        bool, _is("true or false: an app got another permission of high risk")
    ] = True
    new_device: Annotated[
        bool, _is("true or false: someone signed in from a browser that is new to the account")
    ] = True
    new_country: Annotated[
        bool,
        _is(
            "true or false: someone signed in from a country that is new to the account, in a "
            "known browser; needs accounts.countries_file"
        ),
    ] = True
    password_changed: Annotated[bool, _is("true or false: the password was changed")] = True
    password_link_made: Annotated[
        bool, _is("true or false: an administrator made a link to choose a new password")
    ] = True
    factor_added: Annotated[
        bool, _is("true or false: a passkey or another way to sign in was added")
    ] = True
    factor_removed: Annotated[
        bool, _is("true or false: a passkey or another way to sign in was removed")
    ] = True
    factors_reset: Annotated[
        bool, _is("true or false: an administrator reset the ways to sign in")
    ] = True
    recovery_code_used: Annotated[bool, _is("true or false: a recovery code was used")] = True
    passkey_copied: Annotated[
        bool, _is("true or false: a passkey's counter went back, so there may be a copy of it")
    ] = True
    email_changed: Annotated[
        bool, _is("true or false: the email address was changed; goes to the old address")
    ] = True
    access_suspended: Annotated[
        bool, _is("true or false: an app's access was suspended, as a part of its key was misused")
    ] = True
    access_stopped: Annotated[
        bool, _is("true or false: an administrator ended an app's access")
    ] = True
    access_ends_soon: Annotated[
        bool, _is("true or false: an app's access ends within three days")
    ] = True
    approval_waiting: Annotated[
        bool, _is("true or false: an app waits for the user's approval")
    ] = True
    deletion_requested: Annotated[
        bool, _is("true or false: the deletion of the account was requested")
    ] = True
    deletion_soon: Annotated[bool, _is("true or false: the account will be erased soon")] = True
    account_attacked: Annotated[
        bool,
        _is(
            "true or false: someone tried so many passwords for the account that its password "
            "works only in browsers that it knows"
        ),
    ] = True
    password_opened: Annotated[
        bool, _is("true or false: such a password works in new browsers again")
    ] = True
    account_unused: Annotated[
        bool, _is("true or false: nobody uses the account, so it will be disabled in two weeks")
    ] = True

    @property
    def off(self) -> frozenset[str]:
        """The kinds that are switched off."""
        return frozenset(one for one in self.__struct_fields__ if not getattr(self, one))
