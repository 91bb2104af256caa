"""The security page and the pages below it, as a table."""

from valetkey.server.oauth.grants.recovery import FORGOT
from valetkey.server.pages.account.security import (
    LinkedPresenter,
    SectionPresenter,
    SecurityPage,
    SecurityView,
)
from valetkey.server.pages.account.sessions import (
    SESSIONS,
    SessionsPage,
    SessionsPresenter,
    SessionsView,
)
from valetkey.server.pages.credentials.contact import (
    ADDRESS,
    NUMBER,
    Contact,
    ContactPage,
    ContactPresenter,
)
from valetkey.server.pages.credentials.contact_views import ContactView, ProveContactView
from valetkey.server.pages.credentials.forgot import RESULT, ForgotPage, ForgotView, ResetView
from valetkey.server.pages.credentials.password import (
    PATH as PASSWORD,
)
from valetkey.server.pages.credentials.password import (
    ChangePasswordView,
    PasswordPage,
    PasswordPresenter,
)
from valetkey.server.pages.factors.authenticator import (
    AUTHENTICATOR,
    RECOVERY_CODES,
    REMOVE,
    AuthenticatorPage,
    RecoveryCodesView,
    SetUpView,
)
from valetkey.server.pages.factors.passkey_views import (
    ADD,
    NEW,
    PASSKEYS,
    AddPasskeyView,
    PasskeysView,
    PasskeyView,
)
from valetkey.server.pages.factors.passkeys import PasskeysPage
from valetkey.server.pages.frame import (
    SECURITY,
    Frame,
    TableRow,
)
from valetkey.server.pages.ways import SignInChoice


def security(frame: Frame, choice: SignInChoice) -> tuple[TableRow, ...]:
    """How users protect their account."""
    page, sections = SessionsPage(frame), list[SectionPresenter]()
    rows = [TableRow(SESSIONS, (SessionsView,), get=page.show, post=page.end)]
    if choice.form is not None:
        sections += (PasswordPresenter(), *map(ContactPresenter, (ADDRESS, NUMBER)))
        rows += _credentials(frame)
    if choice.form is not None and frame.passkeys is not None:
        passkeys = PasskeysPage(frame)
        sections.append(passkeys)
        rows += _passkeys(passkeys)
    if choice.form is not None:
        authenticator = AuthenticatorPage(frame)
        sections.append(authenticator)
        rows += _authenticators(authenticator)
    sections.append(SessionsPresenter(frame))
    if frame.linked is not None:
        sections.append(LinkedPresenter())
    return (TableRow(SECURITY, (SecurityView,), get=SecurityPage(frame, sections).show), *rows)


def _authenticators(page: AuthenticatorPage) -> tuple[TableRow, ...]:
    """The authenticator apps and recovery codes of the signed-in user."""
    new = (SetUpView, RecoveryCodesView)
    return (
        TableRow(AUTHENTICATOR, new, get=page.show, post=page.add),
        TableRow(RECOVERY_CODES, (RecoveryCodesView,), post=page.replace_codes),
        TableRow(REMOVE, post=page.remove),
    )


def _credentials(frame: Frame) -> tuple[TableRow, ...]:
    """Passwords, e-mail addresses and phone numbers, where people sign in with a password of this
    server."""
    password, forgot = PasswordPage(frame), ForgotPage(frame)
    return (
        TableRow(PASSWORD, (ChangePasswordView,), get=password.show, post=password.change),
        TableRow(FORGOT, (ForgotView,), get=forgot.ask, post=forgot.send),
        TableRow(RESULT, (ResetView,), get=forgot.show_result),
        TableRow(f"{FORGOT}/{{request}}", (ResetView,), get=forgot.show, post=forgot.submit),
        *(row for contact in (ADDRESS, NUMBER) for row in _contact(frame, contact)),
    )


def _contact(frame: Frame, contact: Contact) -> tuple[TableRow, ...]:
    page, one = ContactPage(frame, contact), f"{contact.path}/{{request}}"
    return (
        TableRow(contact.path, (ContactView,), get=page.show, post=page.send),
        TableRow(one, (ProveContactView,), get=page.ask, post=page.prove),
    )


def _passkeys(page: PasskeysPage) -> tuple[TableRow, ...]:
    """The passkeys of the signed-in user."""
    one = f"{PASSKEYS}/{{passkey}}"
    return (
        TableRow(PASSKEYS, (PasskeysView,), get=page.show),
        TableRow(ADD, (AddPasskeyView,), get=page.ask),
        TableRow(NEW, (AddPasskeyView,), get=page.options, post=page.create),
        TableRow(one, (PasskeyView,), get=page.look, post=page.change),
    )
