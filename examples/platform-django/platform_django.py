"""A platform in Django, with Django's own users, that signs them in for valetkey.

`python platform_django.py runserver`
"""

import os
import sys

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    LOGIN_URL="/login",
    LOGIN_REDIRECT_URL="/",
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ["DJANGO_SECRET"],
    SESSION_COOKIE_NAME="chirp",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {
                            "registration/login.html": """<!doctype html><title>Chirp</title>
<form method="post">{% csrf_token %}{{ form }}<input type="hidden" name="next" value="{{ next }}">
<button id="sign-in">Sign in</button></form>"""
                        },
                    )
                ]
            },
        }
    ],
)
django.setup()

from django.contrib.auth import logout, views
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import path

from valetkey.platform import Platform
from valetkey.platform.django import sid_of, view

# All that valetkey needs: a client that may answer, and one line among the URLs.

platform = Platform(
    issuer=os.environ["ISSUER"], client_id="chirp-website", secret=os.environ["SECRET"]
)


def sign_out(request: HttpRequest) -> HttpResponse:
    """Signs out here, and at valetkey and its apps."""
    sid = sid_of(request)
    if request.method == "POST" and sid:
        logout(request)
        platform.end_sessions(sid=sid)
    return redirect("/")


def home(request: HttpRequest) -> HttpResponse:
    """Says who is signed in."""
    name = request.user.get_username() or "nobody"
    token = f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">'
    button = f'<form method="post" action="/logout">{token}<button id="sign-out">Sign out</button>'
    return HttpResponse(f"<p id=who>{name}</p>{button}</form>")


urlpatterns = [
    path("", home),
    path("login", views.LoginView.as_view()),
    path("logout", sign_out),
    path("valetkey-login", view(platform, sign_in="/login")),
]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
