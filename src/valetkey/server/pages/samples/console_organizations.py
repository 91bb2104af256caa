"""The pages about organizations, in the states that staff meet."""

from msgspec.structs import replace

from valetkey.server.pages.components import View
from valetkey.server.pages.console.organization_views import (
    AppLink,
    FormFlaw,
    MemberAccess,
    MemberRow,
    MemberView,
    OrganizationDone,
    OrganizationForm,
    OrganizationFormView,
    OrganizationRow,
    OrganizationsView,
    OrganizationView,
    RequestRow,
    RuleFacts,
)
from valetkey.server.pages.console.parts import Act, Area, EffectView
from valetkey.server.pages.samples.console_people import ACT, AROUND, EVIL
from valetkey.server.pages.samples.parts import DAY, FORM, HOSTILE, HOUR, NOW

_ACME = OrganizationRow(
    id="acme",
    name="Acme",
    apps="verified",
    pending=False,
    created=NOW - DAY,
    href="/console/organizations/acme",
)
_LIST = OrganizationsView(
    **AROUND,
    area=Area.ORGANIZATIONS,
    rows=(
        replace(_ACME, id="bolt", name="Bolt", apps="listed", pending=True),
        replace(_ACME, id="core", name="Core", apps="all"),
        _ACME,
    ),
    here="/console/organizations",
    add="/console/add-organization",
    next="/console/organizations?cursor=x",
)
_KITE = AppLink(id="kite", name="Kite", href="/console/apps/kite")
_USER = "0l5tk2ue8dq0e0hg4bb1g3n9kc"
_MEMBER = MemberRow(
    user=_USER,
    name="Miko Lind",
    administrator=False,
    source="",
    created=NOW - DAY,
    href=f"/console/organizations/acme/members/{_USER}",
    remove=f"/console/organizations/acme/members/{_USER}/remove-member",
)
_READ = ("chirps.read", "Read your chirps")
_SEND = ("dms.send", "Send messages as you")
_REQUEST = RequestRow(
    user=_USER,
    name="Miko Lind",
    app=_KITE,
    permissions=(_READ, _SEND),
    created=NOW - HOUR,
    allow=f"/console/organizations/acme/requests/{_USER}/kite/allow-app",
    decline=f"/console/organizations/acme/requests/{_USER}/kite/decline-app",
)
_ONE = OrganizationView(
    **AROUND,
    area=Area.ORGANIZATIONS,
    id="acme",
    name="Acme",
    created=NOW - DAY,
    pending=False,
    groups=(("https://login.acme.example", "staff"),),
    rule=RuleFacts(
        apps="verified",
        listed=(_KITE, AppLink(id="calendar", name="Calendar")),
        blocked=(AppLink(id="gone"),),
        permissions=(_READ, _SEND),
        forbidden=(_SEND, ("old.permission", "")),
        ask=True,
    ),
    members=(
        replace(_MEMBER, name="Noor Haddad", administrator=True),
        replace(_MEMBER, source="https://login.acme.example"),
        replace(_MEMBER, name=""),
    ),
    requests=(_REQUEST,),
    edit="/console/organizations/acme/edit",
    rule_form="/console/organizations/acme/rule",
    add_member="/console/organizations/acme/add-member",
    remove="/console/organizations/acme/remove",
    next="/console/organizations/acme?cursor=x",
    more_requests="/console/organizations/acme?requests=x",
)
_EFFECT = EffectView(members=201, affected=12, narrowed=9, widened=2, stopped=1, more=True)
_RULE = OrganizationFormView(
    **AROUND,
    area=Area.ORGANIZATIONS,
    kind=OrganizationForm.RULE,
    name="Acme",
    form=FORM,
    values={
        "apps": "verified",
        "listed": "kite\ncalendar",
        "blocked": "gone",
        "limited": "yes",
        "permissions": "chirps.read",
        "forbidden": "dms.send",
        "ask": "yes",
    },
    back="/console/organizations/acme",
)

_OF_A_MEMBER = MemberView(
    **AROUND,
    area=Area.ORGANIZATIONS,
    organization="Acme",
    back="/console/organizations/acme",
    member=_MEMBER,
    access=(
        MemberAccess(
            app=_KITE,
            paused=False,
            permissions=(_READ,),
            withheld=(_SEND,),
            everywhere=True,
            created=NOW - DAY,
            stop=f"{_MEMBER.href}/grants/x/stop-access",
        ),
        MemberAccess(
            app=AppLink(id="calendar", name="Calendar"),
            paused=True,
            permissions=(_READ, ("old.permission", "")),
            withheld=(),
            everywhere=False,
            created=NOW - HOUR,
            stop=f"{_MEMBER.href}/grants/y/stop-access",
        ),
    ),
    support=f"/console/users/{_USER}",
    last_act=Act.STOP_ACCESS,
)

ORGANIZATIONS: dict[str, View] = {
    "console-organizations": _LIST,
    "console-organizations-none": replace(
        _LIST, rows=(), search=HOSTILE, next=None, last_act=Act.REMOVE_ORGANIZATION
    ),
    "console-organization": _ONE,
    "console-organization-new": replace(
        _ONE,
        groups=(),
        rule=RuleFacts(
            apps="all", listed=(), blocked=(), permissions=None, forbidden=(), ask=False
        ),
        members=(),
        requests=(),
        next=None,
        success=OrganizationDone.ADDED,
        pending=True,
    ),
    "console-organization-answered": replace(_ONE, requests=(), last_act=Act.ALLOW_APP),
    "console-organization-hostile": replace(
        _ONE,
        name=EVIL,
        groups=((EVIL, EVIL),),
        members=(replace(_MEMBER, name=EVIL, source=EVIL),),
        requests=(replace(_REQUEST, name=EVIL, app=replace(_KITE, name=EVIL)),),
    ),
    "console-organization-own": replace(
        _ONE, areas=(Area.ORGANIZATIONS,), edit=None, add_member=None, remove=None
    ),
    "console-organizations-own": replace(
        _LIST, areas=(Area.ORGANIZATIONS,), here=None, add=None, next=None
    ),
    "console-member": _OF_A_MEMBER,
    "console-member-none": replace(
        _OF_A_MEMBER,
        areas=(Area.ORGANIZATIONS,),
        member=replace(_MEMBER, administrator=True, source="platform"),
        access=(),
        support=None,
        last_act=None,
    ),
    "console-member-hostile": replace(
        _OF_A_MEMBER,
        organization=EVIL,
        member=replace(_MEMBER, name=EVIL, source=EVIL),
        access=(replace(_OF_A_MEMBER.access[0], app=replace(_KITE, name=EVIL)),),
    ),
    "console-organization-rule": _RULE,
    "console-organization-rule-effect": replace(_RULE, effect=_EFFECT),
    "console-organization-rule-flaw": replace(
        _RULE, flaw=FormFlaw.PERMISSIONS, field="forbidden", detail=EVIL
    ),
    "console-organization-add": replace(
        _RULE,
        kind=OrganizationForm.ADD,
        name="",
        values={"id": "", "name": HOSTILE, "groups": "platform staff"},
        flaw=FormFlaw.ID,
        field="id",
    ),
    "console-organization-edit": replace(
        _RULE,
        kind=OrganizationForm.EDIT,
        values={"name": "Acme", "groups": "staff"},
        flaw=FormFlaw.CONFLICT,
        detail="it has changed meanwhile",
    ),
    "console-organization-member": replace(
        _RULE, kind=OrganizationForm.MEMBER, values={"user": "miko", "administrator": "yes"}
    ),
    "console-organization-member-effect": replace(
        _RULE,
        kind=OrganizationForm.MEMBER,
        values={"user": "miko", "administrator": ""},
        effect=EffectView(members=1, affected=0, narrowed=0, widened=0, stopped=0),
    ),
    "console-act-effect": replace(
        ACT,
        area=Area.ORGANIZATIONS,
        act=Act.REMOVE_ORGANIZATION,
        subject="Acme",
        wants_reason=False,
        effect=replace(_EFFECT, narrowed=0, more=False),
    ),
}
"""Each page in its usual state, and in others."""
