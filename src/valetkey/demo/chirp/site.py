"""`python -m valetkey.demo.chirp.site`: Chirp's website in Django, with users and sign-in page.

All that it has for valetkey are four lines: the imports, the `Platform`, one URL, and the end of
the sessions at sign-out.
"""

import argparse
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final

from valetkey.demo.chirp import USER

try:
    import django
    from django.conf import settings
except ModuleNotFoundError:
    raise SystemExit("this story needs Django: pip install 'valetkey[demo]'") from None

PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Chirp</title>
<style>
body { font: 1.125rem/1.5 system-ui, sans-serif; color: #14313a; background: #e8f6f4; margin: 0 }
main { max-inline-size: 22rem; margin: 12vh auto; padding: 2rem; background: #fff;
       border-radius: 1.25rem; box-shadow: 0 .5rem 2rem #0b4a4422 }
h1 { font-size: 1.5rem; margin: 0 0 1rem } label { display: block; margin-block: 1rem .25rem }
input { font: inherit; inline-size: 100%; box-sizing: border-box; padding: .6rem;
        border: 1px solid #6f8f8b; border-radius: .6rem }
button { font: inherit; font-weight: 600; margin-block-start: 1.5rem; padding: .7rem 1.5rem;
         color: #fff; background: #0b6b60; border: 0; border-radius: .6rem; inline-size: 100% }
.problem { color: #a3210d } a { color: #0b6b60 }
</style>
<main>{% block main %}{% endblock %}</main>
</html>"""

LOGIN: Final = """{% extends "page.html" %}{% block main %}
<h1>Sign in to Chirp</h1>
{% if form.errors %}
<p class="problem" role="alert">The username or password is incorrect.</p>
{% endif %}
<form method="post">{% csrf_token %}
<label for="username">Username</label>
<input id="username" name="username" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<input type="hidden" name="next" value="{{ next }}">
<button id="sign-in">Sign in</button>
</form>{% endblock %}"""

HOME: Final = """{% extends "page.html" %}{% block main %}
{% if user.is_authenticated %}<h1>Hello, {{ user.get_full_name }}</h1>
<p><a href="{{ apps }}">Apps with access to your account</a></p>
<form method="post" action="/logout">{% csrf_token %}<button id="sign-out">Sign out</button></form>
{% else %}
<h1>Chirp</h1>
<p id="signed-out">You're signed out.</p>
<p><a href="/login">Sign in</a></p>
{% endif %}
{% endblock %}"""


def configure(folder: Path) -> None:
    """Sets Django up, with its users in an SQLite file."""
    loader = "django.template.loaders.locmem.Loader"
    pages = {"page.html": PAGE, "registration/login.html": LOGIN, "home.html": HOME}
    context = ["django.contrib.auth.context_processors.auth"]
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "site.sqlite3"}
        },
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
        ],
        LOGIN_URL="/login",
        LOGIN_REDIRECT_URL="/",
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        SECRET_KEY=token_urlsafe(),
        # Cookies do not tell ports apart, and Miko has several programs at 127.0.0.1.
        SESSION_COOKIE_NAME="chirp_session",
        CSRF_COOKIE_NAME="chirp_csrf",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": [(loader, pages)], "context_processors": context},
            }
        ],
        USE_TZ=True,
    )
    django.setup()


def furnish(password: str) -> None:
    """Makes the tables, and Miko's account."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - Django is set up first
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    User.objects.create_user(
        "miko",
        "miko@chirp.example",
        password,
        id=int(USER),
        first_name="Miko",
    )


def urls(issuer: str, secret: str) -> Any:
    """The site's pages."""
    from django.contrib.auth import logout, views  # noqa: PLC0415
    from django.http import HttpRequest, HttpResponse  # noqa: PLC0415
    from django.shortcuts import redirect, render  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415
    from django.views.decorators.http import require_POST  # noqa: PLC0415

    from valetkey.platform import Platform  # noqa: PLC0415
    from valetkey.platform.django import sid_of, view  # noqa: PLC0415

    platform = Platform(issuer=issuer, client_id="chirp-website", secret=secret)

    def home(request: HttpRequest) -> HttpResponse:
        return render(request, "home.html", {"apps": f"{issuer}/apps"})

    def sign_out(request: HttpRequest) -> HttpResponse:
        sid = sid_of(request)
        logout(request)
        if sid:
            platform.end_sessions(sid=sid)
        return redirect("/")

    return (
        path("", home),
        path("login", views.LoginView.as_view()),
        path("logout", require_POST(sign_out)),
        path("valetkey-login", view(platform, sign_in="/login")),
    )


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--issuer", required=True, help="The authorization server.")
    parser.add_argument("--secret", type=Path, required=True, help="A file with the site's secret.")
    parser.add_argument("--password", type=Path, required=True, help="A file with Miko's password.")
    options = parser.parse_args()
    configure(Path())
    furnish(options.password.read_text("utf-8").strip())
    _serve(urls(options.issuer, options.secret.read_text("utf-8").strip()), options.port)


def _serve(patterns: Any, port: int) -> None:
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler  # noqa: PLC0415
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    settings.ROOT_URLCONF = patterns
    server = ThreadedWSGIServer(("127.0.0.1", port), WSGIRequestHandler)
    server.set_app(get_wsgi_application())
    server.serve_forever()


if __name__ == "__main__":
    main()
