"""The pages of sign-in at a provider, and of linked accounts, in the states people meet."""

from msgspec.structs import replace

from valetkey.server.pages.components import View, WayLink
from valetkey.server.pages.linked import LinkedItem, LinkedNotice, LinkedView, LinkView
from valetkey.server.pages.samples.parts import DAY, FORM, HOSTILE, MIKO, NOW, SITE
from valetkey.server.pages.sign_out import SignedOutView
from valetkey.server.pages.upstream import ElsewhereProblem, ElsewhereProblemView
from valetkey.server.pages.ways import OnwardView, PassOnView

ME = replace(MIKO, linked="/linked")
GOOGLE = WayLink(name="google", label="Google", href="/linked/with/google")
EVIL_WAY = WayLink(name="evil", label=HOSTILE, href="/linked/with/evil")
LINKED = LinkedView(
    site=SITE,
    account=ME,
    form=FORM,
    items=(
        LinkedItem(id="1", place="Google", name="miko@example.com", since=NOW - 40 * DAY),
        LinkedItem(id="2", place=HOSTILE, name=HOSTILE, since=NOW),
    ),
    ways=(GOOGLE, EVIL_WAY),
)
LINK = LinkView(
    site=SITE, account=ME, form=FORM, place="Google", name="miko@example.com", back="/linked"
)
PROBLEM = ElsewhereProblemView(
    site=SITE,
    place="Google",
    problem=ElsewhereProblem.DOWN,
    again="/continue/x/with/google",
    others="/continue/x",
)

PLACES: dict[str, View] = {
    **{
        f"sign-in-problem-{one.value.replace('_', '-')}": replace(PROBLEM, problem=one)
        for one in ElsewhereProblem
    },
    "sign-in-problem-hostile": replace(PROBLEM, place=HOSTILE, again=None, others=None),
    "pass-on": PassOnView(site=SITE, place="Google", href="/continue/x/with/google"),
    "onward": OnwardView(site=SITE, place="app.example", href="https://app.example/?code=x"),
    "linked": LINKED,
    "linked-none": replace(LINKED, items=(), ways=(GOOGLE,)),
    **{
        f"linked-{one.value}": replace(LINKED, notice=one)
        for one in LinkedNotice
        if one is not LinkedNotice.NONE
    },
    "link": LINK,
    "link-hostile": replace(LINK, place=HOSTILE, name=HOSTILE),
    "signed-out-elsewhere": SignedOutView(site=SITE, sign_in="/sign-in", other_place=GOOGLE),
}
"""Samples by name."""
