"""Is the key still good? Asked by every path that issues a token or honours one."""

from valetkey.model.client import Client
from valetkey.oauth.decision import Standing


def why_dead(client: Client, standing: Standing | None) -> str:
    """Why nothing may be had for these any more, or "" while everybody is alive.

    The one place that knows: user, client, grant and family must all be as they were.
    """
    if client.status != "active":
        return "the client is suspended"
    if standing is None:
        return ""
    user, grant, family = standing.user, standing.grant, standing.family
    checks = (
        (user.status == "active", "the user is disabled"),
        (grant.status == "active", f"the grant is {grant.status}"),
        (family.status == "open", f"the family is closed: {family.because}"),
        (grant.user == user.id == family.user, "the grant is another user's"),
        (grant.client == client.id == family.client, "the grant is another client's"),
        (family.grant == grant.id, "the family is another grant's"),
    )
    return next((why for holds, why in checks if not holds), "")
