"""The authorization endpoint: parse → address → understand → checks → interaction → permit.

`authorize` handles the first request of a browser, `resume` every later one. Both make the same
checks on current records, so that no step can be skipped, and no answer becomes stale.
"""

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import Rule
from valetkey.server.oauth.authorize import grant_management, user_code
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.consent import (
    Allow,
    Cancel,
    agree,
    cancel,
    consent_sheet,
)
from valetkey.server.oauth.authorize.consent_check import ConsentWithheld
from valetkey.server.oauth.authorize.current_step import step_for
from valetkey.server.oauth.authorize.interaction import (
    NeedChoice,
    NeedConsent,
    NeedLogin,
    Ready,
    Unable,
    is_sensitive,
    needs_new_sign_in,
    refusal,
    required_levels,
)
from valetkey.server.oauth.authorize.organizations import AppNotAllowed
from valetkey.server.oauth.authorize.outcome import (
    AuthorizeDecision,
    Choose,
    Confirm,
    Consent,
    Deny,
    Login,
    Permit,
    permit,
)
from valetkey.server.oauth.authorize.repeated_answer import remembered, repeated
from valetkey.server.oauth.authorize.reply_address import ReplyTo
from valetkey.server.oauth.authorize.request import AuthorizationRequest, stored_parameters
from valetkey.server.oauth.authorize.request_stages import (
    RequestOver,
    ValidRequest,
    find_waiting,
    finish,
    read_request,
    still_waiting,
    understand_and_check,
)
from valetkey.server.oauth.clients import documents
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import OAuthError
from valetkey.wire.form import Form


def authorize(form: Form, browser: Browser, context: Context) -> Rule[AuthorizeDecision]:
    """Decides an authorization request. Raises OAuthError, for a page, if there is no address
    yet."""
    its = yield from read_request(form, context, address=browser.address)
    if its.flaw is not None:
        return _denied(its.flaw, its.reply_to, its.client)
    try:
        request = understand_and_check(its.form, its.client, context, pushed=bool(its.pushed))
        yield from grant_management.find_grant(request.managed, its.client)
    except OAuthError as error:
        return _denied(error, its.reply_to, its.client)
    valid_request = ValidRequest(client_request=its, request=request)
    step = yield from step_for(valid_request, browser, context)
    if isinstance(step, Ready):
        return _ready(valid_request, step, browser=browser, context=context)
    if isinstance(step, Unable):
        return _explained(step, _denied(step.error, its.reply_to, its.client), request)
    silently = context.installation.sign_in.silently and browser.returns
    silent = isinstance(step, NeedLogin) and silently
    if "none" in request.prompts and not silent:
        return _denied(refusal(step), its.reply_to, its.client)
    pending = _waiting(valid_request, browser, context)
    page = _ask(valid_request, step, pending=pending, context=context)
    return msgspec.structs.replace(page, changes=(Create(pending),))


def resume(name: str, browser: Browser, context: Context) -> Rule[AuthorizeDecision]:
    """Decides a waiting request again. Raises OAuthError, for a page."""
    valid_request, pending = yield from find_waiting(name, browser, context)
    if valid_request.decoupled is not None and not valid_request.confirmed:
        return _confirm(valid_request, valid_request.decoupled, pending=pending, context=context)
    step = yield from step_for(valid_request, browser, context)
    if isinstance(step, Ready):
        return _ready(valid_request, step, browser=browser, context=context)
    if isinstance(step, Unable):
        # Elsewhere the user may have been known already, and has seen no page.
        unseen = bool(step.person.session.way)
        denied = _unable(valid_request, step.error, context, unseen=unseen)
        return _explained(step, denied, valid_request.request)
    if "none" in valid_request.request.prompts and not isinstance(step, NeedLogin):
        # A way to sign in has answered without a page; nor may there be one of ours.
        return _unable(valid_request, refusal(step), context, unseen=True)
    return _ask(valid_request, step, pending=pending, context=context)


def answer(
    name: str, user_answer: Allow | Cancel, browser: Browser, *, context: Context
) -> Rule[AuthorizeDecision]:
    """Decides a waiting request with the user's answer. If the page would now differ, the user sees
    it again. The same answer a moment later gets the same result. Raises OAuthError, for a page."""
    try:
        return (yield from _answered(name, user_answer, browser, context=context))
    except RequestOver:
        before = yield from repeated(name, user_answer, browser, context=context)
        if before is None:
            raise
        return before


def _answered(
    name: str, user_answer: Allow | Cancel, browser: Browser, *, context: Context
) -> Rule[AuthorizeDecision]:
    valid_request, pending = yield from find_waiting(name, browser, context)
    if valid_request.decoupled is not None and not valid_request.confirmed:
        return _confirm(valid_request, valid_request.decoupled, pending=pending, context=context)
    declines = isinstance(user_answer, Cancel)
    step = yield from step_for(valid_request, browser, context, declines=declines)
    if isinstance(step, NeedLogin | NeedChoice):
        return _ask(valid_request, step, pending=pending, context=context)
    if isinstance(step, Unable):
        denied = _unable(valid_request, step.error, context)
        return _explained(step, denied, valid_request.request)
    decided = yield from _decided(
        valid_request, step, user_answer, pending=pending, browser=browser, context=context
    )
    return remembered(decided, pending, user_answer, browser=browser, context=context)


def _decided(
    valid_request: ValidRequest,
    step: NeedConsent | Ready,
    user_answer: Allow | Cancel,
    *,
    pending: Pending,
    browser: Browser,
    context: Context,
) -> Rule[AuthorizeDecision]:
    if isinstance(user_answer, Cancel):
        # A no counts, even after a yes in another window.
        return cancel(valid_request, step, context)
    if isinstance(step, Ready):
        return _ready(valid_request, step, browser=browser, context=context)
    page = consent_sheet(valid_request, step, pending=pending, context=context)
    if user_answer.sheet_digest != page.sheet_digest:
        # If another answer was first, this raises, as there is no page to display.
        yield from still_waiting(pending)
        return page
    decision = agree(valid_request, step, user_answer, sheet=page, browser=browser, context=context)
    if isinstance(decision, Deny):
        return decision
    also = yield from documents.store_client(valid_request.client_request.client)
    return msgspec.structs.replace(decision, changes=(*also, *decision.changes))


def _ready(
    valid_request: ValidRequest, step: Ready, *, browser: Browser, context: Context
) -> Permit:
    """Permits without a question to the user."""
    changes = tuple[Change, ...]()
    grant = step.grant
    if step.dropped:
        grant = msgspec.structs.replace(grant, changed=context.env.now)
        changes = (Update(grant),)
    events = grant_management.dropped_events(grant, step.dropped, context)
    return permit(
        valid_request,
        step.person,
        grant,
        browser=browser,
        context=context,
        changes=changes,
        events=events,
    )


def _confirm(
    valid_request: ValidRequest, row: Pending, *, pending: Pending, context: Context
) -> Confirm:
    code = user_code.unseal_code(pending.contents, context.installation.keyring)
    displayed = user_code.format_code(code)
    return Confirm(
        pending=pending, client=valid_request.client_request.client, waiting=row, code=displayed
    )


def _denied(error: OAuthError, reply_to: ReplyTo, client: Client) -> Deny:
    # RFC 9700 4.11.2: no redirect without a click to an app that nobody has verified.
    return Deny(error=error, reply_to=reply_to, client=client, interstitial=not client.verified)


def _explained(step: Unable, denied: Deny, request: AuthorizationRequest) -> Deny:
    """The refusal, with what its page has to say if there may be one."""
    explained = isinstance(step.error, AppNotAllowed | ConsentWithheld)
    if not explained or "none" in request.prompts:
        return denied
    return msgspec.structs.replace(denied, person=step.person, permissions=request.permissions)


def _unable(
    valid_request: ValidRequest, error: OAuthError, context: Context, *, unseen: bool = False
) -> Deny:
    client = valid_request.client_request.client
    return Deny(
        error=error,
        reply_to=valid_request.client_request.reply_to,
        client=client,
        # RFC 9700 4.11.2, as in `_denied`.
        interstitial=unseen and not client.verified,
        changes=finish(valid_request, context),
    )


def _waiting(valid_request: ValidRequest, browser: Browser, context: Context) -> Pending:
    return Pending(
        id=ids.free_id(context.env),
        kind="interaction",
        client=valid_request.client_request.client.id,
        parameters=stored_parameters(valid_request.client_request.form, valid_request.request),
        resources=valid_request.client_request.form.all("resource"),
        browser=browser.id,
        pushed=valid_request.client_request.pushed,
        created=context.env.now,
        expires=context.env.now + context.installation.lifetimes.interaction,
    )


def _ask(
    valid_request: ValidRequest,
    step: NeedLogin | NeedChoice | NeedConsent,
    *,
    pending: Pending,
    context: Context,
) -> Login | Choose | Consent:
    match step:
        case NeedConsent():
            return consent_sheet(valid_request, step, pending=pending, context=context)
        case NeedChoice(person=who):
            client, reply_to = (
                valid_request.client_request.client,
                valid_request.client_request.reply_to,
            )
            return Choose(pending=pending, client=client, reply_to=reply_to, user=who.user)
        case NeedLogin():
            levels = required_levels(valid_request.request, context)
            return Login(
                level=levels.required,
                preferred=levels.preferred,
                fresh=is_sensitive(valid_request.request.permissions, context),
                pending=pending,
                client=valid_request.client_request.client,
                reply_to=valid_request.client_request.reply_to,
                login_hint=valid_request.request.login_hint,
                user=None if step.person is None else step.person.user,
                anew=needs_new_sign_in(valid_request.request),
                create=step.create,
            )
