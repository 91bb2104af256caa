"""A platform in Django, in one file, and valetkey in it. `python embedded_django.py runserver`"""

import os
import sys

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import include, path

IS_HTTPS = os.environ["ISSUER"].startswith("https:")

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "chirp.db"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
    ],
    LOGIN_REDIRECT_URL="/",
    LOGIN_URL="/login",
    LOGOUT_REDIRECT_URL="/",
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ["SESSION_SECRET"],
    SESSION_COOKIE_SECURE=IS_HTTPS,
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {
                            "registration/login.html": (
                                '<!doctype html><html lang="en"><title>Chirp</title>'
                                '<form method="post">{% csrf_token %}{{ form }}'
                                '<input type="hidden" name="next" value="{{ next }}">'
                                '<button id="login">Sign in</button></form></html>'
                            )
                        },
                    )
                ]
            },
        }
    ],
    USE_TZ=True,
    VALETKEY={
        "issuer": os.environ["ISSUER"],
        "name": "Chirp",
        "database": os.environ.get("DATABASE", "valetkey.db"),
    },
)
django.setup()

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView


@login_not_required
def home(request: HttpRequest) -> HttpResponse:
    name = request.user.get_username() or "nobody"
    return HttpResponse(
        f'<!doctype html><html lang="en"><title>Chirp</title><p id="user">{name}</p>'
        '<a href="/oauth/apps">Connected apps</a>'
        '<form method="post" action="/logout">'
        f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">'
        '<button id="logout">Sign out</button></form></html>'
    )


urlpatterns = [
    path("", include("valetkey.embedded.django")),
    path("login", LoginView.as_view()),
    path("logout", LogoutView.as_view()),
    path("", home),
]

wsgi = get_wsgi_application()
asgi = get_asgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
