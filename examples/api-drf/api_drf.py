"""An API in Django REST framework, in one file. `python api_drf.py runserver`"""

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import execute_from_command_line

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["rest_framework"],
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None},
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.urandom(32).hex(),
)

from django.urls import path
from rest_framework.exceptions import ParseError
from rest_framework.response import Response
from rest_framework.views import APIView

from valetkey.resource import ResourceServer
from valetkey.resource.drf import Needs, urls

CATALOG = Path(__file__).parent.parent / "catalog.toml"

server = ResourceServer(
    issuer=os.environ["ISSUER"],
    catalog=CATALOG,
    credentials=("chirp", os.environ["CHIRP_SECRET"]),
    live="follow",
    certificate_proxies=os.environ.get("PROXIES", "").split(),
)
needs = Needs(server)

chirps: list[str] = []


def field(request: Any, name: str) -> str:
    try:
        return str(request.data[name])
    except (LookupError, TypeError):
        raise ParseError(f"{name} is missing") from None


class Chirps(APIView):
    @needs("chirps.read")
    def get(self, request: Any) -> Response:
        return Response(chirps)

    @needs("chirps.write")
    def post(self, request: Any) -> Response:
        caller = request.principal
        chirps.append(field(request, "text"))
        return Response({"by": caller.sub, "with": caller.client_id}, status=201)


class Tips(APIView):
    @staticmethod
    def how_much(request: Any) -> str:
        return field(request, "amount")

    permission_classes = [needs.permission("tips.send", spend=how_much)]

    def post(self, request: Any) -> Response:
        return Response({"sent": self.how_much(request)})


class Account(APIView):
    permission_classes = [needs.permission("account.close", max_age=300)]

    def delete(self, request: Any) -> Response:
        return Response({"closed": request.principal.sub})


urlpatterns = [
    path("chirps", Chirps.as_view()),
    path("tips", Tips.as_view()),
    path("account", Account.as_view()),
    *urls(server),
]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
