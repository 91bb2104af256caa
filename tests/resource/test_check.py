"""`check`: nothing is forgotten in Flask and Django either."""

import subprocess
import sys

import pytest
from flask import Flask
from flask.views import MethodView
from tests.docs.markdown import ROOT
from tests.installation import CHIRP_CATALOG
from tests.resource.serving import EXAMPLES

from valetkey.resource import ResourceServer, open_to_all
from valetkey.resource.check import check
from valetkey.resource.flask import Needs, publish

APPS = {
    "starlette": "app",
    "fastapi": "app",
    "flask": "app",
    "django": "urlpatterns",
    "drf": "urlpatterns",
}


@pytest.mark.parametrize("name", APPS)
def test_in_no_example_anything_is_forgotten(name: str) -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "valetkey", "resource", "check", f"api_{name}:{APPS[name]}"],
        env={
            "PYTHONPATH": f"{EXAMPLES / f'api-{name}'}:{ROOT / 'src'}",
            "ISSUER": "https://id.example",
            "CHIRP_SECRET": "s",
        },
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "chirps.write" in outcome.stdout


def test_what_is_forgotten_in_flask_is_named() -> None:
    server = ResourceServer(
        issuer="https://id.example", catalog=CHIRP_CATALOG, credentials=("c", "s")
    )
    app, needs = Flask("forgetful"), Needs(server)
    publish(app, server)

    @app.get("/bare")
    def bare() -> str:
        return ""

    @app.get("/about")
    @open_to_all
    def about() -> str:
        return ""

    class Chirps(MethodView):
        @needs("chirps.read")
        def get(self) -> str:
            return ""

        def post(self) -> str:
            return ""

    app.add_url_rule("/chirps", view_func=Chirps.as_view("chirps"))
    wrong = check(app).mistakes
    assert "GET /bare needs no permission; say @needs(…) or @open_to_all" in wrong
    assert "POST /chirps needs no permission; say @needs(…) or @open_to_all" in wrong
    assert "no route asks for 'chirps.write'" in wrong
    assert not any("/about" in one or "GET /chirps" in one for one in wrong)


@pytest.mark.parametrize("app", [object(), [], [1], None])
def test_another_thing_is_refused(app: object) -> None:
    with pytest.raises(TypeError, match="no application"):
        check(app)
