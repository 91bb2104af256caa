"""What a token is bound to, and what is remembered of the proofs (RFC 9449 4.3, 11.1)."""

import pytest
from tests.proofs import MINE, OTHER, Wish, proof
from tests.rows import row

from valetkey.resource.binding import Binding, SenderProof
from valetkey.spec.errors import InvalidDpopProof, InvalidToken, OAuthError
from valetkey.wire import dpop
from valetkey.wire.access_token import Confirmation

RESOURCE = "https://api.chirp.example"
TOKEN = "a token"
CNF = Confirmation(jkt=MINE.public().thumbprint())
WITH_CERTIFICATE = Confirmation(jkt=CNF.jkt, x5t_s256="x" * 43)


@pytest.fixture
def binding() -> Binding:
    return Binding(RESOURCE)


def call_proof(**options: object) -> SenderProof:
    text = proof(Wish(method="GET", address=f"{RESOURCE}/chirps", token=TOKEN), **options)
    return SenderProof(method="GET", path="/chirps", proofs=(text,))


def check(binding: Binding, call: SenderProof, cnf: Confirmation = CNF) -> None:
    binding.check("DPoP", dpop.token_hash(TOKEN), cnf=cnf, sender_proof=call)


REFUSED = [
    row("RFC 9449 4.3", "by a key made up on the spot", {"by": OTHER}, CNF, InvalidToken),
    row("RFC 9449 4.3", "for another token", {"token": "other"}, CNF, InvalidDpopProof),
    row("RFC 8705 3", "without the certificate", {}, WITH_CERTIFICATE, InvalidToken),
]


@pytest.mark.parametrize("options,cnf,error", REFUSED)
def test_the_proof_of_a_refused_call_is_not_remembered(
    binding: Binding, options: dict[str, object], cnf: Confirmation, error: type[OAuthError]
) -> None:
    for _ in range(2):
        with pytest.raises(error):
            check(binding, call_proof(**options), cnf)
    assert len(binding) == 0


def test_a_proof_that_a_stranger_burns_is_still_the_holders(binding: Binding) -> None:
    mine = call_proof()
    with pytest.raises(InvalidToken):
        check(binding, mine, WITH_CERTIFICATE)
    check(binding, mine)
    with pytest.raises(InvalidDpopProof) as refused:
        check(binding, mine)
    assert refused.value.detail == "used before"
    assert len(binding) == 1
