"""A key in two or three shards under lost replies, retries, absent holders, and a thief.

The thief holds what one holder has, from any moment, with that holder's own credentials. They have
the shards of all the others besides, without theirs; all that is known to be lost; every handle
that was used; and the whole database. They never get a token. The rightful owner always does,
unless the alarm has rung; and it rings for nobody but the thief.
"""

import itertools
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.keys import key
from tests.server.oauth.forms import call
from tests.server.oauth.senders import proving
from tests.server.oauth.shards.app import CODE, SECOND, THIEF, TWO, Harbour
from tests.server.oauth.world import KEYRING, START, World

from valetkey.jose.jwk import PrivateKey
from valetkey.server.model.keys import Keyring, RawKey
from valetkey.server.oauth.core.decision import Answer, Issued, RefreshToken
from valetkey.server.oauth.grant_types.token import token
from valetkey.server.oauth.shards import derived_secrets
from valetkey.server.oauth.shards.derived_secrets import ShardReference
from valetkey.server.oauth.shards.reissue import serve_reissue
from valetkey.server.oauth.tokens import refresh_token
from valetkey.spec.errors import KeySuspended, OAuthError
from valetkey.wire.key_shards import write_code, write_others

# What a thief of the database makes up: the names of the server's keys are there, the keys are not.
MADE_UP = Keyring(
    signing={},
    published=(),
    sealing=(RawKey(KEYRING.sealing[0].kid, bytes(32)),),
    macs=(RawKey(KEYRING.macs[0].kid, bytes(32)),),
)


def _asked(world: World, rule: Any) -> object:
    try:
        return world.ask(rule)
    except OAuthError as refused:
        return refused


class Owner(RuleBasedStateMachine):
    """Miko, with a phone, the app's server, and a printed code, or a tablet, or neither."""

    @initialize(tier=st.sampled_from([TWO, CODE, SECOND]))
    def begin(self, tier: Any) -> None:
        self.app = Harbour(tier, refresh_idle=10**8, refresh_token=10**8)
        self.bought = self.tablets = 0
        self._moved_in()
        self.backend = self.app.backend()
        self.code = self.app.code() if tier is CODE else ""
        self.tablet = self._claimed("second_device", self.tablet_key) if tier is SECOND else ""
        # What the thief has. `stolen` is the holder whose place they are in now.
        self.stolen = ""
        self.copies: dict[str, list[str]] = {"device": [], "backend": [], "third": []}
        self.handles: list[tuple[str, int]] = []
        self.keys: list[PrivateKey | None] = [THIEF, None]
        self.disturbed = False

    @property
    def phone_key(self) -> PrivateKey:
        return key("ES256", f"phone {self.bought}")

    @property
    def tablet_key(self) -> PrivateKey:
        return key("ES256", f"tablet {self.tablets}")

    def _moved_in(self) -> None:
        self.app.phone = self._claimed("device", self.phone_key)

    def _claimed(self, holder: str, by: PrivateKey) -> str:
        return self.app.claim(self.app.replace(holder).ticket, client="harbour", by=by).key_shard

    # What the owner does. Each reply may get lost, and what was kept is then shown again.

    def _mine(self, does: Any) -> Any:
        """What the owner's own request comes to, None where the alarm has rung before."""
        before = self.app.status
        try:
            return does()
        except KeySuspended:
            assert before == "suspended"
        except OAuthError:
            # Two are in one place, and this is how it shows.
            assert self.disturbed, "the rightful owner is locked out"
        return None

    def _delivered(self, lost: bool) -> str:
        sent = self._mine(lambda: self.app.deliver(self.backend))
        if sent is None or lost:
            return ""
        self.backend = sent.key_shard
        return str(sent.handle)

    def _asked(self, does: Any, lost: bool, *, tablet: bool = False) -> None:
        answer = self._mine(does)
        if answer is None:
            return
        assert answer["access_token"]
        if lost:
            return
        if tablet:
            self.tablet = answer["refresh_token"]
        else:
            self.app.phone = answer["refresh_token"]
        told = {one["holder"]: one for one in answer["key_shards"]["shards"]}
        if told.get("recovery_code", {}).get("status") == "spent":
            self.code = ""

    @rule(handle_lost=st.booleans(), lost=st.booleans())
    def with_the_backend(self, handle_lost: bool, lost: bool) -> None:
        handle = self._delivered(handle_lost)
        if not handle:
            return
        self._asked(lambda: self.app.refresh(handle, by=self.phone_key), lost)
        if lost:
            # Asked again at once, with the same.
            self._asked(lambda: self.app.refresh(handle, by=self.phone_key), lost)
        self.handles = [*self.handles, (handle, self.app.world.now)][-3:]

    @precondition(lambda self: self.code)
    @rule(lost=st.booleans())
    def with_the_code(self, lost: bool) -> None:
        self._asked(lambda: self.app.refresh(self.code, by=self.phone_key), lost)

    @precondition(lambda self: self.tablet)
    @rule(lost=st.booleans())
    def on_the_tablet(self, lost: bool) -> None:
        handle = self._delivered(False)
        if handle:
            self._asked(
                lambda: self.app.refresh(handle, shard=self.tablet, by=self.tablet_key),
                lost,
                tablet=True,
            )

    @precondition(lambda self: self.tablet)
    @rule(handle_lost=st.booleans(), lost=st.booleans())
    def with_the_tablet(self, handle_lost: bool, lost: bool) -> None:
        sent = self._mine(
            lambda: self.app.deliver(self.tablet, client="harbour", by=self.tablet_key),
        )
        if sent is None or handle_lost:
            return
        self.tablet = sent.key_shard
        self._asked(lambda: self.app.refresh(sent.handle, by=self.phone_key), lost)

    @precondition(lambda self: self.app.tier is CODE)
    @rule()
    def print_another_code(self) -> None:
        self.code = self.app.code()
        if self.stolen == "third":
            self.stolen = ""

    @precondition(lambda self: self.code and self.stolen != "third")
    @rule(lost=st.booleans())
    def buy_a_phone(self, lost: bool) -> None:
        """The old one is lost; the new one has the backend and the code."""
        handle = self._delivered(False)
        if not handle:
            return
        made = self._mine(lambda: self.app.reissue("device", handle, self.code, by=None))
        if made is not None and lost:
            self.app.world.later(7200)
            handle = self._delivered(False)
            made = handle and self._mine(
                lambda: self.app.reissue("device", handle, self.code, by=None)
            )
        if not made:
            return
        self.code = ""
        self.bought += 1
        self.app.phone = self.app.claim(
            made.claim_ticket, client="harbour", by=self.phone_key
        ).key_shard
        if self.stolen == "device":
            self.stolen = ""

    @rule(seconds=st.sampled_from([1, 30, 59, 61, 3600, 86400 * 30]))
    def wait(self, seconds: int) -> None:
        self.app.world.later(seconds)

    # What the thief does.

    @precondition(lambda self: not self.stolen)
    @rule(holder=st.sampled_from(["device", "backend", "third"]))
    def is_robbed(self, holder: str) -> None:
        self.stolen = holder
        self._in_place()

    @precondition(lambda self: self.stolen)
    @rule()
    def is_robbed_again(self) -> None:
        self._in_place()

    @rule(holder=st.sampled_from(["device", "backend", "third"]))
    def is_copied(self, holder: str) -> None:
        """A shard alone, by which nobody is its holder: no key, no secret. A code is its own."""
        if holder != "third" or self.tablet:
            self._copied(holder)

    def _copied(self, holder: str) -> None:
        have = {
            "device": self.app.phone,
            "backend": self.backend,
            "third": self.code or self.tablet,
        }
        if have[holder]:
            self.copies[holder].append(have[holder])

    def _in_place(self) -> None:
        self._copied(self.stolen)
        if self.stolen == "device":
            self.keys.append(self.phone_key)
        if self.stolen == "third" and self.tablet:
            self.keys.append(self.tablet_key)

    @rule(data=st.data())
    def the_thief_tries(self, data: st.DataObject) -> None:
        """Whatever they have, in any place, by any key that they have, made up or not."""
        every = [*self._stolen(), *self._used(), *self._made_up()]
        others = data.draw(st.lists(st.sampled_from(every), max_size=3), label="others")
        shard = data.draw(st.sampled_from(every), label="shard")
        by = data.draw(st.sampled_from(self.keys), label="by")
        client = "harbour"
        if self.stolen == "backend":
            if data.draw(st.booleans(), label="delivers"):
                copy = data.draw(st.sampled_from(self.copies["backend"]), label="delivered")
                others = [*others, *self._delivered_by_the_thief(copy)]
            client = data.draw(st.sampled_from(["harbour", "harbour-server"]), label="client")
        if data.draw(st.booleans(), label="as a reissue"):
            self._fails(lambda: self.app.reissue("device", *others[:4], shard=shard, by=by))
        else:
            self._fails(lambda: self.app.refresh(*others[:4], shard=shard, by=by, client=client))

    @precondition(lambda self: self.stolen and self.app.status == "open")
    @rule()
    def the_thief_looks_for_a_way(self) -> None:
        """Every set of at most three of what they have last, by every key. Nothing is written, so
        that each is tried on the key as it stands."""
        have = [copies[-1] for copies in self.copies.values() if copies]
        if self.stolen == "backend":
            have += self._delivered_by_the_thief(self.copies["backend"][-1])
        have += self._used()[-1:]
        keys = {id(one): one for one in self.keys}.values()
        for by, shard in itertools.product(keys, have):
            for size in range(3):
                for others in itertools.combinations(have, size):
                    assert not self._would_open(shard, others, by)

    def _would_open(self, shard: str, others: tuple[str, ...], by: PrivateKey | None) -> bool:
        world = self.app.world
        form = {"refresh_token": shard, "other_key_shards": write_others(others) or None}
        sent = call("harbour", grant_type="refresh_token", **form)
        again = call("harbour", holder="device", **form)
        if by is not None:
            sent = proving(world, sent, by=by)
            again = proving(world, again, "/key_shards/reissue", by=by)
        return any(
            isinstance(_asked(world, rule), Issued | Answer)
            for rule in (token(sent, world.context), serve_reissue(again, world.context))
        )

    def _delivered_by_the_thief(self, shard: str) -> list[str]:
        """In the backend's place, the thief may deliver what is there; not what is known lost."""
        try:
            sent = self.app.deliver(shard)
        except OAuthError:
            return []
        self.copies["backend"].append(sent.key_shard)
        self.disturbed = True
        return [sent.handle]

    def _used(self) -> list[str]:
        """Handles that were used. Who is in the phone's place when one is used there has seen what
        it brought: for a minute, that is a retry of the phone's, and nothing more."""
        now, there = self.app.world.now, self.stolen == "device"
        return [one for one, at in self.handles if not there or now > at + 120]

    def _stolen(self) -> list[str]:
        return [text for copies in self.copies.values() for text in copies[-3:]]

    def _made_up(self) -> list[str]:
        family, shards = self.app.name, self.app.family.shards
        assert shards is not None
        now = self.app.world.now
        made: list[str] = []
        for at, shard in enumerate(shards.of):
            token = RefreshToken(family, at, shard.generation)
            made.append(refresh_token.write(token, MADE_UP))
            slip = ShardReference(family, at, shard.generation, now)
            made.append(derived_secrets.write("kh", slip, MADE_UP))
            made.append(write_code(derived_secrets.code(token, MADE_UP)))
        return made

    def _fails(self, does: Any) -> None:
        try:
            does()
        except OAuthError:
            if self.app.status == "suspended":
                assert "suspended" in self.app.world.kinds()
            return
        raise AssertionError("the thief got something")

    # What the alarm is for.

    @precondition(lambda self: self.app.status == "suspended")
    @rule()
    def recover(self) -> None:
        """The user is told, resumes the key, and whoever was robbed has a new shard."""
        self.app.resume()
        self._replaced_where_stolen()
        self._works()

    def _replaced_where_stolen(self) -> None:
        if self.stolen == "device":
            self.bought += 1
            self._moved_in()
        if self.stolen == "third" and self.app.tier is CODE:
            self.code = self.app.code()
        if self.stolen == "third" and self.app.tier is SECOND:
            self.tablets += 1
            self.tablet = self._claimed("second_device", self.tablet_key)
        if self.stolen == "backend" or self.disturbed:
            self.backend = self.app.claim(self.app.replace("backend").ticket).key_shard
        self.stolen, self.disturbed = "", False

    def _works(self) -> None:
        delivered = self.app.deliver(self.backend)
        self.backend = delivered.key_shard
        answer = self.app.refresh(delivered.handle, by=self.phone_key)
        self.app.phone = answer["refresh_token"]
        assert self.app.world.introspect(answer["access_token"]).active

    def teardown(self) -> None:
        if not hasattr(self, "app"):
            return
        if self.app.status == "suspended" or self.disturbed:
            self.app.resume()
            self._replaced_where_stolen()
        self._works()
        assert self.app.world.now >= START


TestOwner = Owner.TestCase
TestOwner.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
