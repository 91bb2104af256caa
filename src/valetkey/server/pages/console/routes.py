"""The pages of the console, as a table."""

from collections.abc import Mapping, Sequence

from valetkey.server.http.front import Handler
from valetkey.server.pages.components import View
from valetkey.server.pages.consent import ConsentView
from valetkey.server.pages.console import apps, organizations, server_pages, support
from valetkey.server.pages.console.acts import ActPage, answering
from valetkey.server.pages.console.apps import APP, APPS, AppsPage
from valetkey.server.pages.console.audit import AUDIT, EXPORT, RECORD, AuditPage
from valetkey.server.pages.console.declared import (
    CATALOG,
    CATALOGS,
    POLICIES,
    POLICY,
    PREVIEW,
    CatalogsPage,
    PoliciesPage,
)
from valetkey.server.pages.console.listings import (
    AppDetailView,
    AppsListView,
    AuditRecordView,
    AuditView,
    CatalogsView,
    CatalogView,
    JobsView,
    KeysView,
    PoliciesView,
    PolicyView,
    SettingsView,
)
from valetkey.server.pages.console.organization_forms import FormPage
from valetkey.server.pages.console.organization_members import MemberPage
from valetkey.server.pages.console.organization_parts import MEMBER, ORGANIZATION, ORGANIZATIONS
from valetkey.server.pages.console.organization_views import (
    MemberView,
    OrganizationForm,
    OrganizationFormView,
    OrganizationsView,
    OrganizationView,
)
from valetkey.server.pages.console.organizations import ADD, OrganizationsPage
from valetkey.server.pages.console.overview import OverviewPage
from valetkey.server.pages.console.parts import CONSOLE, ActView, NoFactorView, OnceView
from valetkey.server.pages.console.server_pages import (
    HEALTH,
    JOBS,
    KEYS,
    HealthPage,
    JobsPage,
    KeysPage,
)
from valetkey.server.pages.console.settings import SETTINGS, SettingsPage, SettingValue
from valetkey.server.pages.console.staff import Console
from valetkey.server.pages.console.support import USER, SupportPage
from valetkey.server.pages.console.users import USERS, UsersPage
from valetkey.server.pages.console.views import HealthView, OverviewView, SupportView, UsersView
from valetkey.server.pages.frame import TableRow


def console_pages(console: Console, settings: Sequence[SettingValue]) -> tuple[TableRow, ...]:
    """Every page of the console."""
    one_user, one_app = SupportPage(console), AppsPage(console)
    catalogs, policies = CatalogsPage(console), PoliciesPage(console)
    audit, keys, jobs = AuditPage(console), KeysPage(console), JobsPage(console)
    companies, member = OrganizationsPage(console), MemberPage(console)
    preview = answering(catalogs.preview)
    return (
        _row(CONSOLE, OverviewView, OverviewPage(console).show),
        _row(USERS, UsersView, UsersPage(console).list),
        _row(USER, SupportView, one_user.show),
        *_acts(support.acts(console, one_user)),
        _row(APPS, AppsListView, one_app.list),
        _row(APP, AppDetailView, one_app.show),
        *_acts(apps.acts(console, one_app)),
        _row(ORGANIZATIONS, OrganizationsView, companies.list),
        _row(ORGANIZATION, OrganizationView, companies.show),
        _row(MEMBER, MemberView, member.show),
        *_acts(organizations.acts(console, companies, member)),
        *(_form(console, kind) for kind in OrganizationForm),
        _row(CATALOGS, CatalogsView, catalogs.list),
        _row(CATALOG, CatalogView, catalogs.show),
        TableRow(PREVIEW, (ConsentView,), get=preview, post=answering(catalogs.leave)),
        _row(POLICIES, PoliciesView, policies.list),
        _row(POLICY, PolicyView, policies.show),
        _row(KEYS, KeysView, keys.show),
        _row(AUDIT, AuditView, audit.list),
        TableRow(EXPORT, get=answering(audit.export)),
        _row(RECORD, AuditRecordView, audit.show),
        _row(JOBS, JobsView, jobs.show),
        *_acts(server_pages.acts(console, keys, jobs)),
        _row(SETTINGS, SettingsView, SettingsPage(console, settings).show),
        _row(HEALTH, HealthView, HealthPage(console).show),
    )


def _row(path: str, view: type[View], handler: Handler) -> TableRow:
    return TableRow(path, (view, NoFactorView), get=answering(handler))


def _acts(pages: Mapping[str, ActPage]) -> tuple[TableRow, ...]:
    return tuple(
        TableRow(path, (ActView, OnceView), get=answering(page.ask), post=answering(page.do))
        for path, page in pages.items()
    )


def _form(console: Console, kind: OrganizationForm) -> TableRow:
    page = FormPage(console, kind)
    path = ADD if kind is OrganizationForm.ADD else f"{ORGANIZATION}/{kind}"
    return TableRow(path, (OrganizationFormView,), get=answering(page.ask), post=answering(page.do))
