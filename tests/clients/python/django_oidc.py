"""A Django site that signs people in with mozilla-django-oidc, as its own quickstart has it."""

import json
import os
import sys
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command, execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

ISSUER, PORT = os.environ["ISSUER"], os.environ["PORT"]

settings.configure(
    SECRET_KEY="a key of this test alone",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "mozilla_django_oidc",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    AUTHENTICATION_BACKENDS=["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
    OIDC_RP_CLIENT_ID=os.environ["CLIENT_ID"],
    OIDC_RP_CLIENT_SECRET=os.environ["CLIENT_SECRET"],
    OIDC_OP_AUTHORIZATION_ENDPOINT=f"{ISSUER}/authorize",
    OIDC_OP_TOKEN_ENDPOINT=f"{ISSUER}/token",
    OIDC_OP_USER_ENDPOINT=f"{ISSUER}/userinfo",
    OIDC_OP_JWKS_ENDPOINT=f"{ISSUER}/jwks",
    OIDC_RP_SIGN_ALGO="RS256",
    OIDC_STORE_ID_TOKEN=False,
    LOGIN_REDIRECT_URL="/",
)
django.setup()


def home(request: HttpRequest) -> HttpResponse:
    """Says who is signed in; mozilla-django-oidc knows people by their e-mail address."""
    user: Any = request.user
    return HttpResponse(json.dumps({"email": getattr(user, "email", "")}))


urlpatterns = [path("oidc/", include("mozilla_django_oidc.urls")), path("", home)]

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    execute_from_command_line(
        [sys.argv[0], "runserver", "--noreload", "--skip-checks", f"127.0.0.1:{PORT}"]
    )
