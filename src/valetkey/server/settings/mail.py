"""The settings of notices, as other parts of the server read them."""

import functools
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from valetkey.server.accounts.notices import TEXT, WEBHOOK, Letter, NoticeTargets
from valetkey.server.http.fetch import Fetcher
from valetkey.server.http.outbox import Outbox, SendMail, no_mail
from valetkey.server.http.shell import Shell
from valetkey.server.http.smtp import Mailer, MailServer
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import Unreachable
from valetkey.server.oauth.signals.notice_delivery import sample_event
from valetkey.server.settings.brand import read_brand
from valetkey.server.settings.load import secret_in
from valetkey.server.settings.notices import MailSettings, read_sender
from valetkey.server.settings.tree import Settings
from valetkey.wire import address
from valetkey.wire.address import target

if TYPE_CHECKING:
    from valetkey.server.pages.mail import MailStyle


def notice_targets(settings: Settings) -> NoticeTargets:
    """Where notices go, for rules."""
    return NoticeTargets(
        mail=bool(settings.mail.host),
        unverified=settings.mail.to_unverified,
        webhook=settings.webhook.url,
        secrets=settings.webhook.secrets if settings.webhook.url else (),
        off=settings.notices.off,
        phone_codes=settings.webhook.phone_codes,
        phone_prefixes=settings.webhook.phone_prefixes,
    )


def mail_server(settings: Settings) -> MailServer:
    """The mail server."""
    mail = settings.mail
    return MailServer(
        host=mail.host.strip("[]"),
        port=mail.port,
        security=mail.security,
        username=mail.username,
        password=secret_in(mail.password, mail.password_file) or Secret(""),
        own_name=address.host(settings.issuer),
    )


def make_outbox(current: Callable[[], Settings], shell: Shell, fetch: Fetcher) -> Outbox:
    """The outbox, with the ways that messages take. The shell tells it of new messages."""
    url = current().webhook.url
    # The webhook is the operator's own, and may be in a network of theirs.
    posts = (
        dict.fromkeys((WEBHOOK, TEXT), fetch.with_local(target(url).authority).post) if url else {}
    )
    outbox = Outbox(shell, fetch.post, send_mail=mailer(current, shell), posts=posts)
    shell.on_outgoing = outbox.nudge
    return outbox


def mailer(current: Callable[[], Settings], shell: Shell) -> SendMail:
    """Sends mails; sends none if no mail server is set."""
    settings = current()
    if not settings.mail.host:
        return no_mail
    return Mailer(mail_server(settings), Composer(current, shell), trust=trust(settings.mail))


def trust(mail: MailSettings) -> Callable[[], ssl.SSLContext]:
    """The authorities that vouch for the mail server, read for the first mail."""
    return functools.cache(lambda: ssl.create_default_context(cafile=mail.ca_file))


class Composer:
    """Writes mails in the brand of now."""

    def __init__(self, current: Callable[[], Settings], shell: Shell) -> None:
        self._current = current
        self._shell = shell
        self._settings: Settings | None = None

    async def __call__(self, letter: Letter) -> EmailMessage:
        # Imported here: a start need not wait for pages, and a server without mails needs none.
        from valetkey.server.pages.brand import CurrentBrand  # noqa: PLC0415
        from valetkey.server.pages.mail import compose  # noqa: PLC0415

        settings = self._current()
        if settings is not self._settings:
            self._brand = CurrentBrand(self._shell, **_brand(settings))
            self._settings = settings
        await self._brand.refresh()
        return compose(letter, self._brand.look, _style(settings))


def plain_mailer(settings: Settings) -> Mailer:
    """Sends mails in the brand of the settings, for commands."""
    from valetkey.server.pages.mail import compose  # noqa: PLC0415
    from valetkey.server.pages.theme import Look  # noqa: PLC0415

    parts = _brand(settings)
    look = Look(**parts)

    async def composed(letter: Letter) -> EmailMessage:
        return compose(letter, look, _style(settings))

    return Mailer(mail_server(settings), composed, trust=trust(settings.mail))


def _style(settings: Settings) -> "MailStyle":
    from valetkey.server.pages.mail import MailStyle  # noqa: PLC0415

    mail = settings.mail
    return MailStyle(
        issuer=settings.issuer,
        sender=read_sender(mail.sender) or ("", ""),
        reply_to=read_sender(mail.reply_to) if mail.reply_to else None,
        language=mail.language,
        zone=mail.time_zone,
    )


def _brand(settings: Settings) -> dict[str, Any]:
    from valetkey.server.pages.frame import site_links  # noqa: PLC0415
    from valetkey.server.pages.locales import with_folder  # noqa: PLC0415

    source = read_brand(settings.brand)
    return {
        "links": site_links(settings.name, settings.privacy_url, settings.terms_url),
        "brand": source.brand,
        "files": {file.digest: file.body for file in source.files},
        "locales": with_folder(settings.locale_folder)[0],
    }


async def post_test(settings: Settings) -> str:
    """Post a test event to the webhook: why it was not accepted, or ""."""
    now, url = int(time.time()), settings.webhook.url
    trust = functools.cache(lambda: ssl.create_default_context(cafile=settings.fetch_ca_file))
    fetch = Fetcher(trust, local=(*settings.fetch_local, target(url).authority))
    body, headers = sample_event(now, secrets=settings.webhook.secrets)
    answer = await fetch.post(url, body, content_type="application/json", headers=headers)
    if isinstance(answer, Unreachable):
        return answer.why
    return "" if 200 <= answer.status < 300 else f"it answers with status {answer.status}"
