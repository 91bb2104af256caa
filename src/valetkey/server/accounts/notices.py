"""Notices to users about their accounts, by mail and through the operator's webhook; and codes, by
mail, and as text messages that the operator's platform sends.

A rule returns what `tell` makes among its changes, so the notice is committed with the act, and is
delivered exactly as often as the act happened (see `http.outbox`). Where neither mail nor a webhook
is configured, `tell` makes nothing.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from valetkey.jose import seal
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring, Secret
from valetkey.server.model.stream import Job
from valetkey.wire.catalog import Permission

NoticeKind: TypeAlias = Literal[
    "app_connected",
    "sensitive_permission",
    "new_device",
    "new_country",
    "password_changed",
    "password_link_made",
    "factor_added",
    "factor_removed",
    "factors_reset",
    "recovery_code_used",
    "passkey_copied",
    "email_changed",
    "access_suspended",
    "access_stopped",
    "access_ends_soon",
    "approval_waiting",
    "deletion_requested",
    "deletion_soon",
    "account_attacked",
    "password_opened",
    "account_unused",
]
"""The kinds of notices. Each has a setting of its name in `[notices]`."""

NOTICE_KINDS: Final[tuple[NoticeKind, ...]] = get_args(NoticeKind)

FACTS: Final[dict[NoticeKind, tuple[str, ...]]] = {
    "app_connected": ("permissions",),
    "sensitive_permission": ("permissions",),
    "new_device": ("address", "device", "country"),
    "new_country": ("address", "device", "country"),
    "password_changed": ("device",),
    "password_link_made": ("reason",),
    "factor_added": ("factor", "name", "device"),
    "factor_removed": ("factor", "name", "device"),
    "factors_reset": ("reason",),
    "recovery_code_used": ("left", "device"),
    "passkey_copied": ("name",),
    "email_changed": ("new_email", "device"),
    "access_suspended": ("device", "reason"),
    "access_stopped": ("reason",),
    "access_ends_soon": ("ends",),
    "approval_waiting": ("approval", "ends"),
    "deletion_requested": ("at",),
    "deletion_soon": ("at",),
    "account_attacked": ("failures",),
    "password_opened": ("device",),
    "account_unused": ("at",),
}
"""The facts that a notice of each kind may have. All are texts, and all may be left out.

`permissions` are names, separated by spaces, and `approval` is the id of one. `device` is what a
browser or an app says about itself in words that people know; `address` is a network address, and
`country` a code of ISO 3166-1, such as DE.
`factor` is a kind of factor, such as passkey, and `name` what the user calls it. `left` and
`failures` are numbers. `at` and `ends` are in seconds since 1970. `reason` is a sentence."""

CodeKind: TypeAlias = Literal["password_reset", "address_verification", "sign_in_code"]
"""The kinds of mails that carry a link or a code."""

PHONE_CODE: Final = "phone_code"
"""The notice that asks the operator's platform to send a code to a phone."""

MAIL: Final = "mail"
WEBHOOK: Final = "webhook"
CODE: Final = "code mail"
TEXT: Final = "code webhook"
"""The kinds of jobs (see `model.stream.Job`)."""

PURPOSE: Final = b"code mail"


class NoticeTargets(msgspec.Struct, frozen=True, kw_only=True):
    """Where notices go. `mail`: users get mail; `unverified`: also at addresses that nobody
    verified. `webhook` is the address to which the operator wants them posted, "" for none, and
    `secrets` are the keys that sign them. `off` are the kinds that are switched off.
    `phone_codes`: the webhook also gets codes, for numbers that begin with one of `phone_prefixes`,
    and sends them as text messages; () for all numbers."""

    mail: bool = False
    unverified: bool = False
    webhook: str = ""
    secrets: tuple[Secret, ...] = ()
    off: frozenset[str] = frozenset()
    phone_codes: bool = False
    phone_prefixes: tuple[str, ...] = ()

    @property
    def texts(self) -> bool:
        """Whether codes can be sent to phones."""
        return self.phone_codes and bool(self.webhook)

    def reaches(self, number: str) -> bool:
        """Whether this number, in E.164 form, may get a code."""
        return not self.phone_prefixes or number.startswith(self.phone_prefixes)

    def tells(self, kind: NoticeKind) -> bool:
        """Whether anybody gets notices of this kind. Pages promise nothing that this denies."""
        return (self.mail or bool(self.webhook)) and kind not in self.off


NOBODY: Final = NoticeTargets()


class CodeMail(msgspec.Struct, array_like=True):
    """The secrets of a mail: a code to type, or a link to follow, either of them "" for none."""

    code: str = ""
    link: str = ""

    def __repr__(self) -> str:
        return "CodeMail(…)"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail before it is written in the user's language.

    `id` is the same for each attempt to send it. `to` is an address. `language` is a BCP 47 tag and
    `zone` the name of a time zone, both "" if unknown. `name` is how to address the user, `app` the
    app that it is about and `vetted` whether somebody vouches for that name. `facts` are those of
    `FACTS`. `secrets` has the code or the link, which is good until `expires`. `last`: there will
    be no more of this kind for an hour.
    """

    id: str
    kind: NoticeKind | CodeKind | Literal["test"]
    to: str
    at: int
    language: str = ""
    zone: str = ""
    name: str = ""
    app: str = ""
    vetted: bool = False
    grant: str = ""
    permissions: tuple[Permission, ...] = ()
    facts: dict[str, str] = {}
    secrets: CodeMail = msgspec.field(default_factory=CodeMail)
    expires: int = 0
    last: bool = False

    def __repr__(self) -> str:
        return f"Letter({self.kind})"


def tell(
    kind: NoticeKind,
    *,
    user: str,
    env: Env,
    to: NoticeTargets,
    client: str = "",
    grant: str = "",
    app: str = "",
    email: str = "",
    facts: Mapping[str, str] = {},
) -> tuple[Create, ...]:
    """The changes that notify a user, () if nobody gets this notice. `user` is an id; `client` and
    `grant` are those that it is about. `app` is the name of a client that is removed with this
    change. The mail goes to the user's address when it is sent, unless `email` names another one,
    such as the address before a change."""
    if not to.tells(kind):
        return ()
    unknown = facts.keys() - set(FACTS[kind])
    if unknown:
        raise ValueError(f"a notice of {kind} has no {min(unknown)}")
    notice = ids.to_text(env.random_bytes(ids.LENGTH))
    own = {name: _cut(value, whole=name == "permissions") for name, value in facts.items() if value}
    more = {"notice": kind, "id": notice, "grant": grant, "app": app[:_LONGEST], "email": email}
    shared = own | {name: value for name, value in more.items() if value}
    jobs = [(MAIL, "")] if to.mail else []
    jobs += [(WEBHOOK, to.webhook)] if to.webhook else []
    return tuple(
        Create(_job(one, url, env, user=user, client=client, facts=shared)) for one, url in jobs
    )


def mail_code(
    kind: CodeKind,
    *,
    user: str,
    email: str,
    code: str = "",
    link: str = "",
    expires: int,
    env: Env,
    to: NoticeTargets,
    keyring: Keyring,
    language: str = "",
    zone: str = "",
) -> tuple[Create, ...]:
    """The changes that mail a code or a link; () if mail is not configured.

    Pass `user=""` and `email=""` for an unknown account or address: then the same work is done, and
    nothing is sent. After `expires`, in seconds since 1970, it is not sent either. `language` and
    `zone` are those of the person who waits for the mail; by default those of the user. How many
    mails an address gets is limited when they are sent, so callers need not count."""
    if not to.mail:
        return ()
    sealed = _sealed(CodeMail(code, link), keyring, env)
    facts = {"notice": kind, "email": email, "expires": str(expires)}
    facts |= {name: one for name, one in (("language", language), ("zone", zone)) if one}
    return (Create(_job(CODE, "", env, user=user, facts=facts, sealed=sealed)),)


def text_code(
    *,
    user: str,
    number: str,
    code: str,
    expires: int,
    env: Env,
    to: NoticeTargets,
    keyring: Keyring,
    language: str = "",
) -> tuple[Create, ...]:
    """The changes that ask the operator's platform to send a code to a phone; () where it sends
    none. `number` is in E.164 form; `expires` and `language` are as in `mail_code`, and so is how
    many codes a number gets."""
    if not to.texts:
        return ()
    sealed = _sealed(CodeMail(code), keyring, env)
    notice = ids.to_text(env.random_bytes(ids.LENGTH))
    facts = {"notice": PHONE_CODE, "id": notice, "number": number, "expires": str(expires)}
    facts |= {"language": language} if language else {}
    return (Create(_job(TEXT, to.webhook, env, user=user, facts=facts, sealed=sealed)),)


def _sealed(secrets: CodeMail, keyring: Keyring, env: Env) -> bytes:
    raw = msgspec.msgpack.encode(secrets)
    return keyring.seal(raw, nonce=env.random_bytes(seal.NONCE), purpose=PURPOSE)


_LONGEST: Final = 500
"""Characters of a fact. Who can cause a notice may not fill the database with it."""


def _cut(text: str, *, whole: bool) -> str:
    return text if whole else text[:_LONGEST]


def _job(
    kind: str,
    url: str,
    env: Env,
    *,
    user: str,
    facts: Mapping[str, str],
    client: str = "",
    sealed: bytes = b"",
) -> Job:
    return Job(
        id=ids.to_text(env.random_bytes(ids.LENGTH)),
        kind=kind,
        url=url,
        due=env.now,
        created=env.now,
        user=user,
        client=client,
        facts=dict(facts),
        sealed=sealed,
    )


LONGEST_ADDRESS: Final = 254

# RFC 5321 4.1.2: a dot-string, and a domain. No quoted strings: nobody has such an address, and
# what is between quotes is where parsers differ. RFC 6531: letters of any language.
_ATOM: Final = r"[^\x00-\x20\x7f-\xa0\"(),:;<>@\[\\\].\s]+"
_ADDRESS: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[^\W_][\w-]*(?:\.[^\W_][\w-]*)*")


def is_address(text: str) -> bool:
    """Whether this is one address of a mailbox, and nothing else."""
    return (
        len(text.encode("utf-8", "replace")) <= LONGEST_ADDRESS
        and text.isprintable()
        and not text.startswith("-")
        and _ADDRESS.fullmatch(text) is not None
    )


def signing_key(secret: Secret) -> bytes:
    """The key of a secret such as `whsec_…`. Raises ValueError for anything else, in words that do
    not repeat it."""
    prefix, _, text = secret.reveal().partition("_")
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if prefix != "whsec" or not 24 <= len(key) <= 64:
        raise ValueError("must be whsec_ and 24 to 64 bytes in base64")
    return key
