"""A site with django-oauth-toolkit, in one file: `python site.py COMMAND`."""

import os
import sys
from pathlib import Path

from django.conf import settings

FORM = "<form method='post'>{% csrf_token %}{{ form }}</form>"

settings.configure(
    BASE_DIR=Path(__file__).parent,
    SECRET_KEY="a key for a test",
    DEBUG=True,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(__file__).parent / "site.sqlite3"),
        }
    },
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {
                            "registration/login.html": FORM,
                            "oauth2_provider/authorize.html": FORM,
                        },
                    )
                ]
            },
        }
    ],
    LOGIN_URL="/login/",
    USE_TZ=True,
    OAUTH2_PROVIDER={
        "SCOPES": {"chirps.read": "read", "write": "post", "gone": "no more"},
        "REFRESH_TOKEN_EXPIRE_SECONDS": 10**7,
    },
)

import django  # noqa: E402

django.setup()

from django.contrib.auth.views import LoginView  # noqa: E402
from django.urls import include, path  # noqa: E402

urlpatterns = [
    path("login/", LoginView.as_view()),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
]


def fill(secret: str, redirect_uri: str, count: int) -> None:
    """Two people, an app of each kind, and `count` more people with a token each."""
    from datetime import timedelta

    from django.contrib.auth.models import User
    from django.utils import timezone
    from oauth2_provider.models import (  # type: ignore[import-not-found]
        AccessToken,
        Application,
        RefreshToken,
    )

    miko = User.objects.create_user("miko", "miko@chirp.example", "correct horse battery")
    User.objects.create_user("noor", "noor@chirp.example", "staple of the evening")
    web = Application.objects.create(
        client_id="web",
        name="Web",
        client_type="confidential",
        authorization_grant_type="authorization-code",
        client_secret=secret,
        redirect_uris=redirect_uri,
        user=miko,
    )
    Application.objects.create(
        client_id="machine",
        name="Machine",
        client_type="confidential",
        authorization_grant_type="client-credentials",
        client_secret=secret,
        hash_client_secret=False,
    )
    Application.objects.create(
        client_id="old",
        name="Old",
        client_type="public",
        authorization_grant_type="implicit",
        redirect_uris="https://old.example/",
    )
    people = User.objects.bulk_create(
        [User(username=f"user{n}", password="!") for n in range(count)], batch_size=500
    )
    ago = timezone.now() - timedelta(days=1)
    tokens = AccessToken.objects.bulk_create(
        [
            AccessToken(
                user=one, application=web, token=f"a{n}", expires=ago, scope="chirps.read gone"
            )
            for n, one in enumerate(people)
        ],
        batch_size=500,
    )
    RefreshToken.objects.bulk_create(
        [
            RefreshToken(user=one.user, application=web, token=f"r{n}", access_token=one)
            for n, one in enumerate(tokens)
        ],
        batch_size=500,
    )


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(os.environ["CLIENT_SECRET"], sys.argv[2], int(sys.argv[3]))
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
