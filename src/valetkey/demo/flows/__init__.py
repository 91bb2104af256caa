"""Short stories beside the long one: other ways to come by a key. `valetkey demo --flow NAME`."""

from collections.abc import Mapping
from typing import Final

from valetkey.demo.flows import (
    ciba,
    device,
    embedded,
    exchange,
    fapi,
    machine,
    own_login,
    passkey,
    stolen_phone,
    upstream,
)
from valetkey.demo.flows.flow import Flow

FLOWS: Final[Mapping[str, Flow]] = {
    "device": device.FLOW,
    "ciba": ciba.FLOW,
    "machine": machine.FLOW,
    "exchange": exchange.FLOW,
    "fapi": fapi.FLOW,
    "own-login": own_login.FLOW,
    "passkey": passkey.FLOW,
    "embedded": embedded.FLOW,
    "stolen-phone": stolen_phone.FLOW,
    "upstream": upstream.FLOW,
}
"""The stories by name: one line each."""
