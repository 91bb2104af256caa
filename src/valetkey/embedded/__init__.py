"""The server inside a web application that has users and a sign-in of its own.

    vk = Valetkey(
        issuer="https://chirp.example/oauth", name="Chirp", database="valetkey.db",
        signed_in=who_is_signed_in, sign_in_page="/login",
    )
    vk.install(app, "/oauth")                  # Starlette, FastAPI or Flask

Django has `valetkey.embedded.django`. Needs the extra `server`.
"""

try:
    from valetkey.embedded.application import Valetkey
    from valetkey.embedded.host import SignedInUser, StartError
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] == "valetkey":
        raise
    raise ModuleNotFoundError(
        f"{error.name} is missing: install valetkey[server]", name=error.name
    ) from error

__all__ = ["SignedInUser", "StartError", "Valetkey"]
