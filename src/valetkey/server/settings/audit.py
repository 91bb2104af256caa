"""The settings of the audit log."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from valetkey.server.accounts.notices import signing_key
from valetkey.server.audit.terms import AuditTerms
from valetkey.server.model.keys import Secret
from valetkey.wire import address


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


def _days(what: str) -> msgspec.Meta:
    return msgspec.Meta(
        ge=1,
        le=36_500,
        description=f"the number of days for which the audit log keeps records of {what}",
    )


_File = Path | None
_DAY = 86_400


class AuditSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the audit log goes, and for how long it is kept."""

    heads_folder: Annotated[
        _File,
        _is("a folder, best on another machine, to which signed heads of the audit log go"),
    ] = None
    stream_file: Annotated[
        _File, _is("a file to which every record is appended as a line of OCSF JSON")
    ] = None
    webhook_url: Annotated[
        str, _is("the https address to which every record is posted as OCSF JSON, or empty")
    ] = ""
    webhook_secret: Annotated[
        Secret | None,
        _is("the secret that signs these posts, such as whsec_…; several, with spaces between"),
    ] = None
    webhook_secret_file: Annotated[
        _File, _is("a file of mode 0600 with such secrets, one on each line")
    ] = None
    sign_in_days: Annotated[int, _days("sign-ins, also refused ones")] = 180
    access_days: Annotated[int, _days("access that users give to apps")] = 400
    account_days: Annotated[int, _days("changes of accounts")] = 400
    administration_days: Annotated[int, _days("what administrators do")] = 1100
    system_days: Annotated[int, _days("the audit log itself")] = 1100

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """The settings that don't fit, and why."""
        if self.stream_file is not None and not self.stream_file.parent.is_dir():
            yield "stream_file", "is in no folder that exists"
        if not self.webhook_url:
            return
        if why := address.why_not(self.webhook_url):
            yield "webhook_url", why
        try:
            secrets = self.secrets
        except (OSError, ValueError) as error:
            name = "webhook_secret_file" if self.webhook_secret is None else "webhook_secret"
            yield name, str(error)
            return
        if not secrets:
            yield "webhook_secret_file", "is missing: VALETKEY_AUDIT__WEBHOOK_SECRET, or a file"

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets. Raises ValueError for one that is none, and OSError."""
        text = "" if self.webhook_secret is None else self.webhook_secret.reveal()
        if self.webhook_secret is None and self.webhook_secret_file is not None:
            text = self.webhook_secret_file.read_text("utf-8")
        secrets = tuple(Secret(one) for one in text.split())
        for one in secrets:
            signing_key(one)
        return secrets


def audit_terms(audit: AuditSettings, issuer: str) -> AuditTerms:
    """The settings, as the audit log reads them."""
    days = {
        "sign-in": audit.sign_in_days,
        "access": audit.access_days,
        "account": audit.account_days,
        "administration": audit.administration_days,
        "system": audit.system_days,
    }
    where = {
        "heads_folder": str(audit.heads_folder or ""),
        "stream_file": str(audit.stream_file or ""),
        "webhook_url": audit.webhook_url,
    }
    return AuditTerms(
        issuer=issuer,
        retention={name: number * _DAY for name, number in days.items()},  # type: ignore[misc]
        heads=audit.heads_folder,
        document=where | {f"{name}_days": str(number) for name, number in days.items()},
    )
