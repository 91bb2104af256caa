"""Passwords that administrators choose for users: judged by the server's rules, then hashed."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from valetkey.server.accounts import password
from valetkey.server.accounts.password_policy import explain
from valetkey.server.admin.problems import Problem
from valetkey.server.http.new_passwords import NewPasswords
from valetkey.server.model.keys import Secret

HashPassword: TypeAlias = Callable[[Secret], Awaitable[str]]


async def hash_in_thread(secret: Secret) -> str:
    """The PHC string to store."""
    return await asyncio.to_thread(password.hash_password, secret, salt=os.urandom(password.SALT))


class ChosenPasswords:
    """`rules` makes the rules of the moment, `hash_password` the form to store."""

    def __init__(
        self,
        rules: Callable[[], NewPasswords] = NewPasswords,
        hash_password: HashPassword = hash_in_thread,
    ) -> None:
        self._rules = rules
        self._hash = hash_password

    async def accept(self, secret: Secret, *, about: Iterable[str]) -> str:
        """The PHC string of a new password. `about` are the names of its user. Raises Problem for
        a password that the rules refuse."""
        rules = self._rules()
        problem = await rules.problem(secret, about=about)
        if problem is not None:
            raise Problem("not-valid", mistakes=(f"password: {explain(problem, rules.policy)}",))
        return await self._hash(secret)
