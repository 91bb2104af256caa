"""What outlives a key and is of no more use: counts of a limit without a period, which never end by
themselves."""

from collections.abc import Sequence

from valetkey.server.model.change import Remove
from valetkey.server.model.grant import Grant
from valetkey.server.model.limit_state import Allowance
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.decision import Outcome


def counts(some: Sequence[Allowance]) -> Rule[Outcome]:
    """Forgets those whose key was stopped, or is not there any more. A stopped key stays stopped,
    so nobody will count by them again."""
    rows = [One(Allowance, one.key) for one in some]
    grants = [One(Grant, one.grant) for one in some]
    results = yield (*rows, *grants)
    return Outcome(
        changes=tuple(
            Remove(row)
            for row, grant in zip(map(results.one, rows), map(results.one, grants), strict=True)
            if row is not None and (grant is None or grant.status == "stopped")
        )
    )
