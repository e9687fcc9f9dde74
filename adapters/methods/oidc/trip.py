"""Trip: how somebody is sent to a provider and recognized when they come back (RFC 6749 §4.1, RFC 7636, OIDC Core §3).

The state begins with the flow's id, so that whoever serves the callback needs no table to find it: `flow_of_state`.
State, nonce and verifier stand in the vault, sealed, and count once: a code is exchanged once, and its answer counts
until it is refused or the flow is completed. An action that refuses spends none of it.
"""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit
from uuid import UUID

from limen.adapters.methods.oidc.discovery import Endpoints
from limen.adapters.methods.oidc.issuer import issued_by
from limen.adapters.methods.oidc.provider import Provider
from limen.domain.errors import RequestRefused
from limen.domain.flow import Flow
from limen.domain.ports import Secrets

UPSTREAM: Final = ("login_hint", "hd", "prompt", "auth_type", "acr_values")
"""The parameters a client may pass on (Kratos' list)."""
CALLBACK: Final = "self-service/methods/oidc/callback"
_HEX: Final = 32


def flow_of_state(state: str) -> UUID | None:
    """The flow that a `state` says it is of; None where it is none of limen's. Whether it is true, `resume` finds."""
    flow_id, dot, _ = state.partition(".")
    if not dot or len(flow_id) != _HEX:
        return None
    try:
        return UUID(hex=flow_id)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Trip:
    """What a flow keeps of somebody who is away. `issuer` is who must have answered, where answers say that.

    `landing` is the address they were sent away with. `traits` are those typed before they left.
    """

    provider: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str | None = field(default=None, repr=False)
    issuer: str | None = None
    names_itself: bool = False
    landing: str = ""
    traits: Mapping[str, Any] = field(default_factory=dict, repr=False)


def depart(
    provider: Provider,
    endpoints: Endpoints,
    flow: Flow,
    secrets: Secrets,
    *,
    base: str,
    upstream: Mapping[str, Any],
    traits: Mapping[str, Any],
) -> tuple[Trip, str]:
    """What to keep, and where to send the browser."""
    pkce = provider.pkce == "force" or (provider.pkce == "auto" and endpoints.pkce)
    trip = Trip(
        provider=provider.id,
        state=f"{flow.id.hex}.{_random(secrets)}",
        nonce=_random(secrets),
        verifier=_random(secrets) if pkce else None,
        issuer=endpoints.answers_as,
        names_itself=endpoints.names_itself,
        landing=redirect_uri(base, provider),
        traits=traits,
    )
    query = {
        **provider.parameters,
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": trip.landing,
        "scope": " ".join(provider.scope),
        "state": trip.state,
    }
    if provider.speaks_oidc:
        query["nonce"] = trip.nonce
    if provider.requested_claims and provider.speaks_oidc:
        query["claims"] = json.dumps(provider.requested_claims, separators=(",", ":"))
    if trip.verifier is not None:
        query |= {"code_challenge": _challenge(trip.verifier), "code_challenge_method": "S256"}
    query |= {name: str(upstream[name]) for name in UPSTREAM if isinstance(upstream.get(name), str)}
    if flow.refresh:
        query["prompt"] = "login"  # whoever confirms that it is them is asked there too, whatever was passed on
    mark = "&" if urlsplit(endpoints.authorize).query else "?"
    return trip, f"{endpoints.authorize}{mark}{urlencode(query)}"


def redirect_uri(base: str, provider: Provider) -> str:
    """Where the provider sends the browser back to; each has its own (against mix-up, RFC 9700 §4.4.2.2).

    Those with `pkce: force` share one, as in Kratos: it is what stands in the clients that were registered for it.
    """
    shared = f"{base.rstrip('/')}/{CALLBACK}"
    return shared if provider.pkce == "force" else f"{shared}/{quote(provider.id, safe='')}"


def arrived(trip: Trip | None, values: Mapping[str, Any], url: str) -> Trip:
    """The trip somebody comes back from. Raises `RequestRefused` where they come back from none, or from another one.

    Nothing is used up then: the one who really is away can still come back.
    """
    state = values.get("state")
    given = state if isinstance(state, str) else ""
    if trip is None or not hmac.compare_digest(given.encode(), trip.state.encode()):
        raise RequestRefused("oidc_state_mismatch", "nobody was sent away with this 'state', or they are back already")
    if _last(url) != _last(trip.landing):
        raise RequestRefused("oidc_provider_mismatch", "this is not the provider that the browser was sent to")
    said = values.get("iss")
    if said is None and not trip.names_itself:
        return trip
    # where nobody knows what to compare it with it is one of the unknown members that RFC 6749 §4.1.2 has us ignore
    if trip.issuer is not None and not issued_by(trip.issuer, said):
        raise RequestRefused("oidc_provider_mismatch", "another provider has answered (RFC 9207)")
    return trip


def _last(url: str) -> str:
    return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])


def _random(secrets: Secrets) -> str:
    """256 bits in URL-safe base64: 43 characters, as RFC 7636 §4.1 recommends."""
    return urlsafe_b64encode(secrets.bytes(32)).decode().rstrip("=")


def _challenge(verifier: str) -> str:
    """RFC 7636 §4.2."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
