"""An API in Django, in one file. `python api_django.py runserver`"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.management import execute_from_command_line
from django.http import HttpResponseNotAllowed, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from valetkey.resource import ResourceServer, uses
from valetkey.resource.django import Needs, urls

CATALOG = Path(__file__).parent.parent / "catalog.toml"

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
    SECRET_KEY=os.urandom(32).hex(),
)

server = ResourceServer(
    issuer=os.environ["ISSUER"],
    catalog=CATALOG,
    credentials=("chirp", os.environ["CHIRP_SECRET"]),
    live="follow",
    certificate_proxies=os.environ.get("PROXIES", "").split(),
)
needs = Needs(server)

chirps: list[str] = []


@needs("chirps.read")
def read(request: Any) -> JsonResponse:
    return JsonResponse(chirps, safe=False)


@needs("chirps.write")
def write(request: Any) -> JsonResponse:
    caller = request.principal
    chirps.append(field(request, "text"))
    return JsonResponse({"by": caller.sub, "with": caller.client_id}, status=201)


@uses("chirps.read", "chirps.write")
@csrf_exempt  # what it leads to asks for a key, which no browser adds by itself
def timeline(request: Any) -> JsonResponse:
    return write(request) if request.method == "POST" else read(request)


def how_much(request: Any) -> str:
    return field(request, "amount")


@needs("tips.send", spend=how_much)
def tip(request: Any) -> JsonResponse:
    return JsonResponse({"sent": how_much(request)})


@needs("account.close", max_age=300)
async def close(request: Any) -> JsonResponse:
    if request.method != "DELETE":
        return HttpResponseNotAllowed(["DELETE"])
    return JsonResponse({"closed": request.principal.sub})


def field(request: Any, name: str) -> str:
    try:
        return str(json.loads(request.body)[name])
    except (ValueError, LookupError, TypeError):
        raise BadRequest(f"{name} is missing") from None


urlpatterns = [
    path("chirps", timeline),
    path("tips", tip),
    path("account", close),
    *urls(server),
]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
