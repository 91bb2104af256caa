"""The table of all operations."""

from typing import Final

from valetkey.server.admin.operation import AnyOperation
from valetkey.server.admin.operations import (
    app_secrets,
    app_status,
    apps,
    bulk_stops,
    catalogs,
    deliveries,
    events,
    grant_stops,
    grants,
    keys,
    me,
    organization_effects,
    organization_members,
    organizations,
    policies,
    resources,
    roles,
    statistics,
    user_cases,
    user_edits,
    user_passwords,
    user_records,
    user_support,
    users,
)

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    *me.OPERATIONS,
    *users.OPERATIONS,
    *user_edits.OPERATIONS,
    *user_support.OPERATIONS,
    *user_passwords.OPERATIONS,
    *user_cases.OPERATIONS,
    *user_records.OPERATIONS,
    *apps.OPERATIONS,
    *app_status.OPERATIONS,
    *app_secrets.OPERATIONS,
    *roles.OPERATIONS,
    *organizations.OPERATIONS,
    *organization_members.OPERATIONS,
    *organization_effects.OPERATIONS,
    *grants.OPERATIONS,
    *grant_stops.OPERATIONS,
    *bulk_stops.OPERATIONS,
    *resources.OPERATIONS,
    *catalogs.OPERATIONS,
    *policies.OPERATIONS,
    *keys.OPERATIONS,
    *deliveries.OPERATIONS,
    *events.OPERATIONS,
    *statistics.OPERATIONS,
)
"""All operations, in the order of the document."""

BY_NAME: Final[dict[str, AnyOperation]] = {one.name: one for one in OPERATIONS}
