"""The OpenAPI document is true: schemathesis calls every operation from it, and a client that is
generated from it works unchanged."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import integers
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks
from tests.live import Live, caught_up, live
from tests.rows import row
from tests.server.admin.play import ALL, Administrator, list_app, machine

from valetkey.server.admin.operation import AnyOperation
from valetkey.server.admin.table import OPERATIONS
from valetkey.server.settings.administration import AdministrationSettings

CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
)


@contextmanager
def administered(folder: Path) -> Iterator[Live]:
    """A server whose app `machine` may do everything."""
    rules = AdministrationSettings(calls_per_minute=100_000)
    with live(folder, administration=rules) as running:
        list_app(running, "machine", *ALL)
        caught_up()
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with administered(tmp_path_factory.mktemp("document")) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Administrator:
    return machine(server)


@pytest.fixture(scope="module")
def schema(server: Live) -> Any:
    document = server.http.get("/admin/v1/openapi.json").json()
    loaded = schemathesis.openapi.from_dict(document)
    loaded.config.update(base_url=f"{server.url}/admin/v1")
    return loaded


def call_each(
    schema: Any, admin: Administrator, operation: AnyOperation, *, users: list[str], examples: int
) -> None:
    """Makes calls from the document, half of them about somebody who is there."""
    known = {"user": users, "app": ["spa", "till"]}

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[operation.path][operation.method].as_strategy(), choice=integers(0, 3))
    def run(case: Any, choice: int) -> None:
        for name, names in known.items():
            if name in (case.path_parameters or {}) and choice < len(names):
                case.path_parameters[name] = names[choice]
        response = case.call(headers={"Authorization": f"Bearer {admin.token}"})
        case.validate_response(response, checks=CHECKS)

    run()


@pytest.mark.parametrize("operation", [row(one.name, "many calls", one) for one in OPERATIONS])
def test_each_operation_answers_as_the_document_says(
    request: pytest.FixtureRequest,
    server: Live,
    schema: Any,
    admin: Administrator,
    operation: AnyOperation,
) -> None:
    """200 calls each with `--budget long`."""
    users = [one.id for one in server.users.values()]
    examples = 5 if request.config.getoption("budget") == "short" else 200
    call_each(schema, admin, operation, users=users, examples=examples)


@pytest.fixture(scope="module")
def generated(server: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a package that openapi-python-client made from the served document."""
    folder, name = tmp_path_factory.mktemp("generated"), "valetkey_administration"
    file = folder / "openapi.json"
    file.write_bytes(server.http.get("/admin/v1/openapi.json").content)
    (folder / "config.yml").write_text("post_hooks: []\n")
    words = ("--path", str(file), "--meta", "none", "--output-path", str(folder / name))
    tool = Path(sys.executable).with_name("openapi-python-client")
    config = ("--config", str(folder / "config.yml"), "--fail-on-warning")
    command = [str(tool), "generate", *words, *config]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield name
    sys.path.remove(str(folder))


def test_a_generated_client_works_unchanged(generated: str, tmp_path: Path) -> None:
    """At a server of its own: the calls above rename people."""

    def module(name: str) -> Any:
        return import_module(f"{generated}.{name}")

    with administered(tmp_path) as server:
        token = machine(server).token
        made = module("client").AuthenticatedClient(base_url=f"{server.url}/admin/v1", token=token)
        with made as client:
            use(client, module)


def use(client: Any, module: Callable[[str], Any]) -> None:
    """Finds a user, edits them, is refused as a stale caller, and registers an app."""
    page = module("api.users.users_list").sync(client=client, username="miko")
    assert [one.email for one in page.items] == ["miko@example.org"]
    user = module("api.users.users_show").sync(page.items[0].id, client=client)
    edit = module("models.user_edit").UserEdit(language="de")
    changed = module("api.users.users_edit").sync(
        user.id, client=client, body=edit, if_match=f'"{user.version}"'
    )
    assert (changed.language, changed.version) == ("de", user.version + 1)
    stale = module("api.users.users_edit").sync(
        user.id, client=client, body=edit, if_match=f'"{user.version}"'
    )
    assert isinstance(stale, module("models.problem_document").ProblemDocument)
    assert (stale.status, stale.type_.partition("#")[2]) == (412, "stale")
    method = module("models.app_order_auth_method").AppOrderAuthMethod("client_secret_basic")
    order = module("models.app_order").AppOrder(
        name="Generated",
        auth_method=method,
        grant_types=["client_credentials"],
        scope=["chirps.read"],
    )
    problem = module("models.problem_document").ProblemDocument
    created = module("api.apps.apps_create").sync(client=client, body=order)
    for _ in range(5):
        if not isinstance(created, problem) or created.status != 503:
            break
        time.sleep(1)  # A machine that is busy says to come back.
        created = module("api.apps.apps_create").sync(client=client, body=order)
    assert not isinstance(created, problem), created
    assert created.client_secret
    assert created.app.name == "Generated"
