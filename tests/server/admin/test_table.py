"""The table of operations, as a whole."""

from valetkey.cli.remote.commands import NOUNS
from valetkey.server.admin import openapi
from valetkey.server.admin.table import OPERATIONS
from valetkey.server.model.role import PERMISSIONS
from valetkey.server.oauth.endpoints.administration import OWN

USED = {one.permission for one in OPERATIONS}
SERVED = {one.noun for one in OPERATIONS}


def test_every_permission_opens_something() -> None:
    """Nobody is asked for a permission, or given one by a role, that no operation needs."""
    assert {*PERMISSIONS} == USED - {""}


def test_an_office_is_checked_before_an_answer_is_repeated() -> None:
    """The permission does not say of which organization."""
    assert {one.name for one in OPERATIONS if one.permission == OWN and one.reach is None} == set()


def test_every_noun_has_its_command_and_its_words() -> None:
    """`me` is what `valetkey whoami` asks for."""
    assert {*NOUNS} == {*openapi.NOUNS} == SERVED - {"me"}
