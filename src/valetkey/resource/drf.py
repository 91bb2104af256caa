"""The kit for Django REST framework: the decorator of `valetkey.resource.django` for the methods of
views, and a permission class for whole views.

    needs = Needs(server)

    class Chirps(APIView):
        permission_classes = [needs.permission("chirps.read")]

        @needs("chirps.write")
        def post(self, request): ...
"""

from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission

from valetkey.resource.django import Needs as OfDjango
from valetkey.resource.django import called, interaction_of, urls
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.interaction import HEADER
from valetkey.resource.marks import Mark, marked
from valetkey.resource.need import Spend, need
from valetkey.resource.server import ResourceServer
from valetkey.wire.catalog import Permission

__all__ = ["Needs", "urls"]


class Refusal(APIException):
    """A refusal, as the framework answers with it."""

    def __init__(self, refusal: Refused | Unreachable) -> None:
        super().__init__()
        self.status_code = refusal.status
        # As it is: the framework would make texts of the numbers.
        self.detail = refusal.body
        self.auth_header = refusal.headers.get("WWW-Authenticate")
        again = refusal.headers.get("Retry-After")
        self.wait = int(again) if again else None


class Needs(OfDjango):
    """Makes the decorator, and the permission classes, for one API."""

    def permission(
        self,
        *permissions: str | Permission,
        acr: str | Iterable[str] = (),
        max_age: int | None = None,
        spend: Spend | None = None,
    ) -> type[BasePermission]:
        """A permission class that asks for what the decorator does. The caller is
        `request.principal`, and `request.auth`. It answers by itself, so it stands alone or first,
        and in no `|`."""
        server: ResourceServer = self._server
        wanted = need(server, permissions, acr=acr, max_age=max_age, spend=spend)

        class Opened(BasePermission):
            def has_permission(self, request: Any, view: Any) -> bool:
                view.headers[HEADER] = interaction_of(request)
                try:
                    principal = server.blocking.admit(called(request), wanted, request)
                except (Refused, Unreachable) as refusal:
                    view.headers["Cache-Control"] = "no-store"
                    raise Refusal(refusal) from refusal
                request.principal = request.auth = principal
                return True

        return marked(Opened, Mark(wanted.permissions, server))
