"""One app's page: what it is filled with. What a part of it shows is a file of `templates/app/`."""

from collections.abc import Iterable

from valetkey.model.event import Event
from valetkey.oauth.authorize.visit import Person
from valetkey.oauth.context import Context
from valetkey.oauth.manage.connections import Connection
from valetkey.pages import views, words
from valetkey.pages.frame import APPS, Frame
from valetkey.pages.pieces import Done, Form


def page(
    frame: Frame,
    person: Person,
    one: Connection,
    *,
    form: Form,
    history: Iterable[Event],
    done: Done,
    context: Context,
) -> views.ConnectedApp:
    """The page of one app's key. `history` has the newest first."""
    entries = (words.entry(event, context.offer) for event in history)
    return views.ConnectedApp(
        site=frame.site,
        account=frame.account(person.user),
        app=words.app(one.client, one.grant.client),
        form=form,
        permissions=words.granted(one.grant, one.client, context.offer),
        cannot=tuple(map(words.cannot, context.offer.cannot(one.grant.permissions))),
        status=words.status(one.grant),
        since=one.grant.created,
        last_used=one.used or None,
        devices=tuple(map(words.device, one.devices)),
        history=tuple(entry for entry in entries if entry is not None),
        back=APPS,
        now=context.now,
        done=done,
    )
