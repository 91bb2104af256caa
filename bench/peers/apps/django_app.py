"""django-oauth-toolkit on SQLite in WAL mode. It runs in the bench's own environment
(`requirements/bench.txt`), under gunicorn."""

import os
from datetime import timedelta
from typing import Any

import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import include, path
from django.utils import timezone

SECRET = "a-secret-of-the-bench-and-of-nobody-else"
CHALLENGE = os.environ["BENCH_CHALLENGE"]

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BENCH_DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode=WAL",
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
            },
        }
    },
    DEBUG=False,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    LOGGING_CONFIG=None,
    OAUTH2_PROVIDER={
        "SCOPES": {"chirps": "chirps", "introspection": "introspection"},
        "ROTATE_REFRESH_TOKEN": True,
        "PKCE_REQUIRED": True,
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY=SECRET,
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from oauth2_provider.models import (  # noqa: E402
    AccessToken,
    Application,
    Grant,
    RefreshToken,
)


def fresh_values(request: Any, kind: str) -> HttpResponse:
    """Codes or tokens for the load."""
    count = int(request.GET["count"])
    user = get_user_model().objects.get(username="somebody")
    of_user = {"user": user, "application": Application.objects.get(client_id="web")}
    later = timezone.now() + timedelta(hours=1)
    values = [os.urandom(20).hex() for _ in range(count)]
    common = {**of_user, "scope": "chirps"}
    if kind == "code":
        Grant.objects.bulk_create(
            Grant(
                code=one,
                expires=later,
                redirect_uri="https://web.example/callback",
                code_challenge=CHALLENGE,
                code_challenge_method="S256",
                **common,
            )
            for one in values
        )
        return HttpResponse("\n".join(values))
    for one in values:
        access = AccessToken.objects.create(
            token=one if kind == "access" else os.urandom(20).hex(), expires=later, **common
        )
        if kind == "refresh":
            RefreshToken.objects.create(token=one, access_token=access, **of_user)
    return HttpResponse("\n".join(values))


def furnish() -> None:
    call_command("migrate", verbosity=0)
    if Application.objects.exists():
        return
    get_user_model().objects.create_user("somebody")
    for name, kind, grant in (
        ("machine", Application.CLIENT_CONFIDENTIAL, Application.GRANT_CLIENT_CREDENTIALS),
        ("chirp", Application.CLIENT_CONFIDENTIAL, Application.GRANT_CLIENT_CREDENTIALS),
        ("web", Application.CLIENT_PUBLIC, Application.GRANT_AUTHORIZATION_CODE),
    ):
        Application.objects.create(
            name=name,
            client_id=name,
            client_secret=SECRET,
            # Hashed as a password is, each request would take a fifth of a second.
            hash_client_secret=False,
            client_type=kind,
            authorization_grant_type=grant,
            redirect_uris="https://web.example/callback" if name == "web" else "",
        )


furnish()
urlpatterns = [
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("drawn/<kind>", fresh_values),
    path("jwks", lambda request: HttpResponse("{}")),
]
app = get_wsgi_application()
