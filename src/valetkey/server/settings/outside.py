"""Outbound requests, as the settings allow them."""

import functools
import ssl
from typing import Final

from valetkey.server.http import consent_check, log, still_allowed
from valetkey.server.http.fetch import Fetcher
from valetkey.server.http.installation import Installations
from valetkey.server.http.outbound import exchange
from valetkey.server.http.platform_question import AnswerOne, PlatformQuestions, answering
from valetkey.server.http.platform_sign_in import PlatformSignIn, ends_at
from valetkey.server.http.still_allowed import (
    AskPlatform,
    PlatformEndpoint,
    PlatformTerms,
    StillAllowed,
)
from valetkey.server.http.tracing import NOT_TRACED, NoTracer
from valetkey.server.model.keys import Keyring
from valetkey.server.model.query import DocumentKind
from valetkey.server.model.user import PLATFORM
from valetkey.server.settings.load import secret_in
from valetkey.server.settings.tree import Settings
from valetkey.server.store.port import Store
from valetkey.server.store.settle import Fetch
from valetkey.wire.address import target

HOST_SECONDS: Final = 1
"""Seconds for which the answer of a host about its user counts."""


def fetcher(settings: Settings, tracer: NoTracer = NOT_TRACED) -> Fetcher:
    """Makes outbound requests."""
    if settings.fetch_local:
        log.warning(
            "outbound requests to local hosts are allowed", hosts=list(settings.fetch_local)
        )
    file = settings.fetch_ca_file
    # The system has many authorities: they are read for the first outbound request.
    trust = functools.cache(lambda: ssl.create_default_context(cafile=file))
    if file is not None:
        trust()
    return Fetcher(
        trust,
        local=settings.fetch_local,
        providers=[place for one in settings.sign_in.upstream for place in one.places()],
        send=tracer.outbound(exchange),
    )


def documents_of(
    settings: Settings,
    store: Store,
    installations: Installations,
    *,
    fetch: Fetcher,
    ask_host: AskPlatform | None,
) -> Fetch:
    """Answers what rules ask of other hosts. `ask_host` asks the host of an embedded server whether
    a user is still allowed, None if it isn't asked."""

    async def keys() -> Keyring:
        return (await installations.current()).keyring

    def questions(url: str, *, typ: str, wants: str) -> PlatformQuestions:
        # The platform is the operator's own, and may be in a network of theirs.
        post = fetch.with_local(target(url).authority).post
        issuer = settings.issuer
        return PlatformQuestions(url, issuer=issuer, typ=typ, wants=wants, post=post, keys=keys)

    own: dict[DocumentKind, AnswerOne] = {}
    platform = settings.sign_in.still_allowed
    if platform.url:
        endpoint = PlatformEndpoint(
            questions(platform.url, typ=still_allowed.TYPE, wants=still_allowed.WANTS),
            source=platform.source,
        )
        terms = PlatformTerms(
            source=platform.source, seconds=platform.seconds, grace=platform.grace_seconds
        )
        own["still_allowed"] = StillAllowed(terms, store, ask=endpoint.ask).get
    elif ask_host is not None:
        terms = PlatformTerms(source=PLATFORM, seconds=HOST_SECONDS)
        own["still_allowed"] = StillAllowed(terms, store, ask=ask_host).get
    if url := settings.consent_check_url:
        platform_says = questions(url, typ=consent_check.TYPE, wants=consent_check.WANTS)
        own["consent_check"] = consent_check.ConsentChecks(platform_says, store).get
    return answering(fetch.documents, own)


def platform_sign_in(settings: Settings, fetch: Fetcher) -> PlatformSignIn | None:
    """Asks the platform about unknown names; None if that is not configured, or over."""
    lazy = settings.sign_in.lazy
    secret = secret_in(lazy.secret, lazy.secret_file)
    if not lazy.url or lazy.until is None or secret is None or not settings.sign_in.password:
        return None
    return PlatformSignIn(
        fetch.with_local(target(lazy.url).authority).post,
        url=lazy.url,
        client_id=lazy.client_id,
        secret=secret,
        ends=ends_at(lazy.until),
    )
