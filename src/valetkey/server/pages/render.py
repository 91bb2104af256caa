"""From a view to HTML."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from zlib import crc32

from jinja2 import Environment, PackageLoader, StrictUndefined

from valetkey.server.pages import components, grant_views, limit_fields, views
from valetkey.server.pages.i18n import LOCALES, Locale

TEMPLATES: Mapping[type[views.View], str] = {
    views.SignIn: "sign_in.html",
    views.Choice: "choice.html",
    views.SignUp: "sign_up.html",
    views.AnswerForm: "answer_form.html",
    views.Consent: "consent.html",
    grant_views.ConnectedApps: "connected_apps.html",
    grant_views.ConnectedApp: "connected_app.html",
    grant_views.AppLimits: "app_limits.html",
    grant_views.StopApp: "stop_app.html",
    grant_views.KeyParts: "key_parts.html",
    grant_views.Approvals: "approvals.html",
    grant_views.ApprovalPage: "approval.html",
    views.EnterCode: "enter_code.html",
    views.ConfirmDevice: "confirm_device.html",
    grant_views.StopUnused: "stop_unused.html",
    views.SignOut: "sign_out.html",
    views.SignedOut: "signed_out.html",
    views.Notice: "notice.html",
    views.ErrorPage: "error.html",
}
_ENUMS = (
    components.Actor,
    components.Answer,
    views.Cause,
    components.Deed,
    components.Done,
    components.Holder,
    components.Kind,
    components.Need,
    views.CodeProblem,
    limit_fields.Flaw,
    views.Outcome,
    components.Reach,
    components.Risk,
    components.Shelf,
    views.SignInProblem,
    views.SignInPurpose,
    views.SignUpProblem,
    components.Status,
    views.Trouble,
    components.Trust,
)


def render(view: views.View, *, language: str) -> str:
    """The page in one of the languages of ``LOCALES``."""
    return render_in(view, locale=LOCALES[language])


def render_in(view: views.View, *, locale: Locale) -> str:
    """The page in any locale, one that is not shipped too."""
    return environment(locale).get_template(TEMPLATES[type(view)]).render(view=view)


@cache
def environment(locale: Locale) -> Environment:
    """The templates, each compiled when it is first shown in this locale."""
    env = Environment(
        loader=PackageLoader("valetkey.server.pages"),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=True,
        auto_reload=False,
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_translations(locale.translations, newstyle=True)  # type: ignore[attr-defined]
    env.filters |= {
        "initial": _initial,
        "riskiest_first": _riskiest_first,
        "tint": _tint,
        "utc": _utc,
    }
    env.globals |= {"locale": locale} | {enum.__name__: enum for enum in _ENUMS}
    return env


def _utc(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def _riskiest_first(permissions: Iterable[components.Permission]) -> list[components.Permission]:
    return sorted(permissions, key=lambda permission: list(components.Risk).index(permission.risk))


def _initial(name: str) -> str:
    """What stands for a missing logo: the first letter or digit of the name."""
    return next((char.upper() for char in name if char.isalnum()), "•")


def _tint(client_id: str) -> int:
    """One of six colours, always the same for an app."""
    return crc32(client_id.encode()) % 6
