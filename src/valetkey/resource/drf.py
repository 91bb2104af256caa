"""The kit for Django REST framework: the decorator of `valetkey.resource.django` for the methods of
views, and a permission class for whole views.

    needs = Needs(server)

    class Chirps(APIView):
        permission_classes = [needs.permission("chirps.read")]

        @needs("chirps.write")
        def post(self, request): ...
"""

from typing import Any, Unpack

from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission

from valetkey.resource.calls import INTERACTION_HEADER
from valetkey.resource.django import Needs as OfDjango
from valetkey.resource.django import call_of, interaction_of, urls
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked
from valetkey.resource.need import Conditions
from valetkey.resource.server import ResourceServer
from valetkey.wire.catalog import Permission

__all__ = ["Needs", "urls"]


class Refusal(APIException):
    """A refusal as an exception of the framework."""

    def __init__(self, refusal: Refused | Unreachable) -> None:
        super().__init__()
        self.status_code = refusal.status
        # Unchanged: the framework would turn the numbers into texts.
        self.detail = refusal.body
        self.auth_header = refusal.headers.get("WWW-Authenticate")
        again = refusal.headers.get("Retry-After")
        self.wait = int(again) if again else None


class Needs(OfDjango):
    """Makes the decorator, and the permission classes, for one API."""

    def permission(
        self,
        *permissions: str | Permission,
        **conditions: Unpack[Conditions],
    ) -> type[BasePermission]:
        """A permission class with the needs of the decorator. The caller is `request.principal`,
        and `request.auth`. It refuses by itself: use it alone or as the first one, and not in
        `|`."""
        server: ResourceServer = self._server
        need = server.need(*permissions, **conditions)

        class HasKey(BasePermission):
            def has_permission(self, request: Any, view: Any) -> bool:
                view.headers[INTERACTION_HEADER] = interaction_of(request)
                try:
                    principal = server.blocking.verify_call(call_of(request), need, request)
                except (Refused, Unreachable) as refusal:
                    view.headers["Cache-Control"] = "no-store"
                    raise Refusal(refusal) from refusal
                request.principal = request.auth = principal
                return True

        return marked(HasKey, Mark(need.permissions, server))
