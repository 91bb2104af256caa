"""The authorization endpoint: parse → address → understand → checks → interaction → permit.

`authorize` is the first visit, `resume` every later one: both ask the same questions of the same
facts, so that no step can be skipped and no answer goes stale.
"""

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, live_grant_alias
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import OneByAlias, Rule
from valetkey.server.oauth.authorize import grant_management, user_code
from valetkey.server.oauth.authorize.browser_session import Visit, person
from valetkey.server.oauth.authorize.consent import OVER, Allow, Cancel, agree, cancel, sheet
from valetkey.server.oauth.authorize.interaction import (
    NeedChoice,
    NeedConsent,
    NeedLogin,
    Ready,
    Step,
    Unable,
    next_step,
    refusal,
)
from valetkey.server.oauth.authorize.outcome import (
    AuthorizeDecision,
    Choose,
    Confirm,
    Consent,
    Deny,
    Login,
    Permit,
)
from valetkey.server.oauth.authorize.permit import permit
from valetkey.server.oauth.authorize.repeated_answer import remembered, repeated
from valetkey.server.oauth.authorize.reply_address import ReplyTo
from valetkey.server.oauth.authorize.request import kept
from valetkey.server.oauth.authorize.request_stages import (
    Asked,
    Over,
    over,
    sent,
    still_waiting,
    understood,
    waiting,
)
from valetkey.server.oauth.clients import documents
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import AccessDenied, InvalidGrantId, InvalidRequest, OAuthError
from valetkey.wire.form import Form


def authorize(form: Form, visit: Visit, context: Context) -> Rule[AuthorizeDecision]:
    """What a first visit comes to. Raises OAuthError, for a page, before the address is known."""
    its = yield from sent(form, context, address=visit.address)
    if its.flaw is not None:
        return _denied(its.flaw, its.reply_to, its.client)
    try:
        request = understood(its.form, its.client, context, pushed=bool(its.pushed))
        yield from grant_management.named(request.managed, its.client)
    except OAuthError as error:
        return _denied(error, its.reply_to, its.client)
    asked = Asked(sent=its, request=request)
    step = yield from step_for(asked, visit, context)
    if isinstance(step, Ready):
        return _ready(asked, step, visit=visit, context=context)
    if isinstance(step, Unable):
        return _denied(step.error, its.reply_to, its.client)
    if "none" in request.prompts:
        return _denied(refusal(step), its.reply_to, its.client)
    pending = _waiting(asked, visit, context)
    shown = _ask(asked, step, pending=pending, context=context)
    return msgspec.structs.replace(shown, changes=(Create(pending),))


def resume(name: str, visit: Visit, context: Context) -> Rule[AuthorizeDecision]:
    """What a waiting request comes to now. Raises OAuthError, for a page."""
    asked, pending = yield from waiting(name, visit, context)
    if asked.elsewhere is not None and not asked.confirmed:
        return _confirm(asked, asked.elsewhere, pending=pending, context=context)
    step = yield from step_for(asked, visit, context)
    if isinstance(step, Ready):
        return _ready(asked, step, visit=visit, context=context)
    if isinstance(step, Unable):
        return _unable(asked, step.error, context)
    return _ask(asked, step, pending=pending, context=context)


def answer(
    name: str, said: Allow | Cancel, visit: Visit, *, context: Context
) -> Rule[AuthorizeDecision]:
    """What a waiting request comes to with the user's answer. Where the facts have changed since
    the page was shown, it is shown again; the same answer a moment later comes to the same. Raises
    OAuthError, for a page."""
    try:
        return (yield from _answered(name, said, visit, context=context))
    except Over:
        before = yield from repeated(name, said, visit, context=context)
        if before is None:
            raise
        return before


def _answered(
    name: str, said: Allow | Cancel, visit: Visit, *, context: Context
) -> Rule[AuthorizeDecision]:
    asked, pending = yield from waiting(name, visit, context)
    if asked.elsewhere is not None and not asked.confirmed:
        return _confirm(asked, asked.elsewhere, pending=pending, context=context)
    step = yield from step_for(asked, visit, context)
    if isinstance(step, NeedLogin | NeedChoice):
        return _ask(asked, step, pending=pending, context=context)
    if isinstance(step, Unable):
        return _unable(asked, step.error, context)
    decided = yield from _decided(asked, step, said, pending=pending, visit=visit, context=context)
    return remembered(decided, pending, said, visit=visit, context=context)


def _decided(
    asked: Asked,
    step: NeedConsent | Ready,
    said: Allow | Cancel,
    *,
    pending: Pending,
    visit: Visit,
    context: Context,
) -> Rule[AuthorizeDecision]:
    if isinstance(said, Cancel):
        # A no is a no, even where a yes was said meanwhile in another window.
        return cancel(asked, step, context)
    if isinstance(step, Ready):
        return _ready(asked, step, visit=visit, context=context)
    shown = sheet(asked, step, pending=pending, context=context)
    if said.seen != shown.seen:
        # What has changed may be that another answer was first: then there is nothing to show.
        yield from still_waiting(pending)
        return shown
    decision = agree(asked, step, said, shown=shown, visit=visit, context=context)
    if isinstance(decision, Deny):
        return decision
    also = yield from documents.store_client(asked.sent.client)
    return msgspec.structs.replace(decision, changes=(*also, *decision.changes))


def step_for(asked: Asked, visit: Visit, context: Context) -> Rule[Step]:
    """The one thing that is still missing, from the facts of this moment."""
    who = yield from person(visit, context)
    if who is not None and asked.of not in ("", who.user.id):
        who = None  # The answer has to be another user's.
    grant: Grant | None = None
    if who is not None:
        wanted = OneByAlias(Grant, live_grant_alias(who.user.id, asked.sent.client.id))
        grant = (yield (wanted,)).one(wanted)
    request, gone = asked.request, tuple[str, ...]()
    if grant is not None:
        gone = grant_management.dropped(request.managed, grant, request.permissions)
        grant = grant_management.without(grant, gone)
    step = next_step(
        request,
        reply_to=asked.sent.reply_to,
        person=who,
        fresh=who is not None and who.session.id == asked.fresh,
        chosen=asked.chosen,
        grant=grant,
        context=context,
    )
    if not isinstance(step, NeedConsent | Ready) or request.managed == grant_management.NOTHING:
        return step
    return (yield from _managed(asked, msgspec.structs.replace(step, dropped=gone)))


def _managed(asked: Asked, step: NeedConsent | Ready) -> Rule[Step]:
    """The same step, where the request speaks of the grant of this very user; for `create`, where
    they have none."""
    what = asked.request.managed
    try:
        grant = yield from grant_management.named(what, asked.sent.client)
    except InvalidGrantId as error:
        return Unable(step.person, error)
    if grant is not None and grant.user != step.person.user.id:
        return Unable(step.person, AccessDenied("the grant is another user's"))
    over_ = isinstance(step, NeedConsent) and (step.grant is None or step.why in OVER)
    if what.action == "create" and not over_:
        return Unable(step.person, InvalidRequest("the user has a grant already: merge or replace"))
    return step


def _ready(asked: Asked, step: Ready, *, visit: Visit, context: Context) -> Permit:
    """Yes, without a question."""
    changes = tuple[Change, ...]()
    grant = step.grant
    if step.dropped:
        grant = msgspec.structs.replace(grant, changed=context.env.now)
        changes = (Update(grant),)
    events = grant_management.told(grant, step.dropped, context)
    return permit(
        asked, step.person, grant, visit=visit, context=context, changes=changes, events=events
    )


def _confirm(asked: Asked, row: Pending, *, pending: Pending, context: Context) -> Confirm:
    code = user_code.unsealed(pending.contents, context.installation.keyring)
    shown = user_code.shown(code)
    return Confirm(pending=pending, client=asked.sent.client, asked=row, code=shown)


def _denied(error: OAuthError, reply_to: ReplyTo, client: Client) -> Deny:
    # RFC 9700 4.11.2: nobody is sent on unasked to an app that nobody vouches for.
    return Deny(error=error, reply_to=reply_to, client=client, interstitial=not client.verified)


def _unable(asked: Asked, error: OAuthError, context: Context) -> Deny:
    return Deny(
        error=error,
        reply_to=asked.sent.reply_to,
        client=asked.sent.client,
        changes=over(asked, context),
    )


def _waiting(asked: Asked, visit: Visit, context: Context) -> Pending:
    return Pending(
        id=ids.free_id(context.env),
        kind="interaction",
        client=asked.sent.client.id,
        parameters=kept(asked.sent.form, asked.request),
        resources=asked.sent.form.all("resource"),
        browser=visit.browser,
        pushed=asked.sent.pushed,
        created=context.env.now,
        expires=context.env.now + context.installation.lifetimes.interaction,
    )


def _ask(
    asked: Asked, step: NeedLogin | NeedChoice | NeedConsent, *, pending: Pending, context: Context
) -> Login | Choose | Consent:
    match step:
        case NeedConsent():
            return sheet(asked, step, pending=pending, context=context)
        case NeedChoice(person=who):
            client, reply_to = asked.sent.client, asked.sent.reply_to
            return Choose(pending=pending, client=client, reply_to=reply_to, user=who.user)
        case NeedLogin():
            return Login(
                pending=pending,
                client=asked.sent.client,
                reply_to=asked.sent.reply_to,
                login_hint=asked.request.login_hint,
                user=None if step.person is None else step.person.user,
                create=step.create,
            )
