"""What the target of the demo's web hooks answers: the company behind the sign-up form."""

import ipaddress
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from limen.adapters.sink import Received, Reply, Sink

TRUSTED = ipaddress.ip_network("10.0.0.0/8")
THROWAWAY = "throwaway.example"
CUSTOMER = {"customer": "C-1001"}


def furnish(sink: Sink) -> None:
    """Gives the sink its answers; what is not named here is answered 200."""
    sink.script("/invitations", _invited)
    sink.script("/addresses/check", _lasting)
    sink.script("/customers", Reply(200, _json({"identity": {"metadata_public": CUSTOMER}})))
    sink.script("/addresses/trusted", _trusted)
    sink.script("/password-policy", Reply(204))
    sink.script("/profile/changed", Reply(204))


def _invited(request: Received) -> Reply:
    asked_at = urlsplit(json.loads(request.body)["asked_at"])
    if parse_qs(asked_at.query).get("invite"):
        return Reply(204)
    return _refusal("#/", 4_000_101, "Registration is by invitation.")


def _lasting(request: Received) -> Reply:
    if json.loads(request.body)["email"].endswith(f"@{THROWAWAY}"):
        return _refusal("#/traits/email", 4_000_102, "Please use a lasting address.")
    return Reply(204)


def _trusted(request: Received) -> Reply:
    address = json.loads(request.body)["client_ip"]
    if address is not None and ipaddress.ip_address(address) in TRUSTED:
        return Reply(204)
    return _refusal("#/", 4_000_103, "Sign in from the office network.")


def _refusal(pointer: str, id_: int, text: str) -> Reply:
    message = {"id": id_, "text": text, "type": "error"}
    return Reply(403, _json({"messages": [{"instance_ptr": pointer, "messages": [message]}]}))


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
