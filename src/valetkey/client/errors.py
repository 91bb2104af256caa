"""What can go wrong for an app, one class for each thing that it would do differently."""

from typing import Final

from valetkey.wire import token_response
from valetkey.wire.authorization_details import Detail


class ClientError(Exception):
    """Something that the app has to handle. The message holds no secret."""


class Denied(ClientError):
    """The server refused. `code` is the registered code, such as `access_denied` where the user
    said no; `description` is the server's own sentence; `reason` says why access is interrupted,
    where it may come back (see `KeyInterrupted`)."""

    def __init__(self, code: str, description: str = "", *, reason: str = "") -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code
        self.description = description
        self.reason = reason


class Aborted(ClientError):
    """The sign-in was broken off, because an answer did not fit: it may be an attack."""


class NoKey(ClientError):
    """The app has no key yet: connect first."""


class KeyStopped(ClientError):
    """The key is worth nothing any more: stopped, paused, revoked or expired. Connect again."""


class KeyInterrupted(KeyStopped):
    """The key opens nothing for now, and may open again: keep it. `Key.wait` waits for that.
    `reason` is the server's own word (`wire.token_response`)."""

    reason = ""


class KeyPaused(KeyInterrupted):
    """The user has paused the key. It opens again when they resume it: keep it, and wait."""

    reason = token_response.PAUSED


class AppSuspended(KeyInterrupted):
    """The server's operator has suspended the app. Its keys open again once it is let go on: keep
    them, and ask the operator."""

    reason = token_response.APP_SUSPENDED


class AccountDisabled(KeyInterrupted):
    """The server's operator has disabled the user's account. The key may open again: keep it."""

    reason = token_response.ACCOUNT_DISABLED


class PermissionMissing(ClientError):
    """The key does not open this. `permissions` is all that the call needs: ask the user for it
    with `Key.upgrade`. `allowed` is what the key still opens there, `details` how to ask for the
    rest by authorization details, where the API says so."""

    def __init__(
        self,
        permissions: frozenset[str],
        *,
        allowed: frozenset[str] = frozenset(),
        details: tuple[Detail, ...] = (),
    ) -> None:
        super().__init__(f"the key does not open {' '.join(sorted(permissions))}")
        self.permissions = permissions
        self.allowed = allowed
        self.details = details


class PermissionTaken(PermissionMissing):
    """The key opened this, until the user took it away. Do not ask for it again by surprise."""


class SignInAgain(ClientError):
    """The API wants the user to prove again who they are, or in a stronger way (RFC 9470): ask with
    `Key.sign_in_again`. `max_age` in seconds, None where any will do."""

    def __init__(self, acr_values: tuple[str, ...], max_age: int | None) -> None:
        super().__init__("the user has to sign in again")
        self.acr_values = acr_values
        self.max_age = max_age


class ServerUnavailable(ClientError):
    """The server does not answer, or not sensibly. Try again later; the key is as it was."""


class StoreError(ClientError):
    """The place where the key is kept does not do what it should. What was kept is as it was."""


class StoreFull(StoreError):
    """There is no room left. Make room, and try again."""


class StoreReadOnly(StoreError):
    """Nothing may be written there."""


class StoreLocked(StoreError):
    """It is closed: the key store wants to be unlocked, the passphrase is another one, or somebody
    else has been writing for too long."""


class StoreCorrupted(StoreError):
    """What lies there is no key any more. Connecting anew replaces it."""


class StoreExposed(StoreError):
    """Others could read it: the key is neither read from there nor kept there."""


class KeySuspended(KeyInterrupted):
    """Somebody showed a shard of the key who should not have it: nothing opens until the user has
    looked at the app's page at the server and resumed it. Keep the key, and tell the user."""

    reason = token_response.KEY_SUSPENDED


_INTERRUPTED: Final[dict[str, tuple[type[KeyInterrupted], str]]] = {
    token_response.PAUSED: (KeyPaused, "the user has paused the key"),
    token_response.APP_SUSPENDED: (AppSuspended, "the server's operator has suspended the app"),
    token_response.KEY_SUSPENDED: (
        KeySuspended,
        "the key is suspended: its user has to look at it",
    ),
    token_response.ACCOUNT_DISABLED: (
        AccountDisabled,
        "the server's operator has disabled the user's account",
    ),
}


def interrupted(reason: str) -> KeyInterrupted | None:
    """What a server means by the reason of a refusal, None where it is none that passes."""
    found = _INTERRUPTED.get(reason)
    return None if found is None else found[0](found[1])


class ShardsMissing(ClientError):
    """Not enough of the key's shards could be shown: a holder does not answer, has no shard, or was
    not asked. The user looks at the app's page at the server, or shows a recovery code."""


class TicketSpent(ClientError):
    """The ticket, or the picture of it, opens nothing any more: it was claimed already by another
    device, it is over, or it is for another kind of holder. Have a new one made."""


class CodeMistyped(ClientError):
    """What was typed is no recovery code: it has seven groups of four letters and digits."""
