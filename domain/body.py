"""What clients and templates see of identities, sessions and flows: Kratos' JSON, key by key.

Timestamps are RFC 3339 in UTC. A key that Kratos leaves out when it is empty is left out here too.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from limen.domain.configuration import FlowKind
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.profile import Address, Profile
from limen.domain.session import Session

CODE_METHODS = frozenset({"code", "link"})
"""Methods whose success Kratos shows as the state `passed_challenge`."""


def instant(at: datetime) -> str:
    """RFC 3339 with microseconds and `Z`."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{utc.isoformat(timespec='microseconds')[:-6]}Z"


def kratos_state(kind: FlowKind, state: str, method: str | None) -> str:
    """Kratos' name for where a flow stands.

    | limen | settings | the others |
    |---|---|---|
    | `sent_email` | – | `sent_email` |
    | `finishing`, `completed` after a code or link | – | `passed_challenge` |
    | `completed` | `success` | `choose_method` after a password |
    | every other | `show_form` | `choose_method` |
    """
    if kind is FlowKind.SETTINGS:
        return "success" if state == "completed" else "show_form"
    if state == "sent_email":
        return "sent_email"
    if state in ("finishing", "completed") and method in CODE_METHODS:
        return "passed_challenge"
    return "choose_method"


def address_body(address: Address, *, recovery: bool = False) -> dict[str, Any]:
    """A verifiable or recovery address."""
    body: dict[str, Any] = {"id": str(address.id), "value": address.value, "via": address.via}
    if not recovery:
        body |= {"verified": address.verified, "status": address.status}
        if address.verified_at:
            body["verified_at"] = instant(address.verified_at)
    return body | {"created_at": instant(address.created_at), "updated_at": instant(address.updated_at)}


def identity_body(identity: Identity, profile: Profile, base_url: str, *, admin: bool = False) -> dict[str, Any]:
    """An identity without credentials; `admin` adds what only actions may see (`metadata_admin`)."""
    encoded = urlsafe_b64encode(profile.schema_id.encode()).decode().rstrip("=")
    body: dict[str, Any] = {
        "id": str(identity.id),
        "schema_id": profile.schema_id,
        "schema_url": f"{base_url}schemas/{encoded}",
        "state": profile.state,
        "state_changed_at": instant(profile.state_changed_at) if profile.state_changed_at else None,
        "traits": profile.traits,
        "metadata_public": profile.metadata_public,
        "created_at": instant(identity.created_at),
        "updated_at": instant(identity.updated_at),
        "organization_id": profile.organization_id,
    }
    if profile.verifiable:
        body["verifiable_addresses"] = [address_body(address) for address in profile.verifiable]
    if profile.recovery:
        body["recovery_addresses"] = [address_body(address, recovery=True) for address in profile.recovery]
    if profile.external_id:
        body["external_id"] = profile.external_id
    if admin and profile.metadata_admin is not None:
        body["metadata_admin"] = profile.metadata_admin
    return body


def session_body(
    session: Session, identity: Mapping[str, Any] | None, devices: Sequence[Mapping[str, Any]], now: datetime
) -> dict[str, Any]:
    """A session with its identity (None where it is not told) and devices; never its token."""
    return {
        "id": str(session.id),
        "active": session.active(now),
        "expires_at": instant(session.expires_at),
        "authenticated_at": instant(session.authenticated_at),
        "authenticator_assurance_level": session.aal,
        "authentication_methods": [
            {"method": one.method, "aal": one.aal, "completed_at": instant(one.completed_at)}
            | ({"provider": one.provider} if one.provider else {})
            for one in session.authentications
        ],
        "issued_at": instant(session.issued_at),
        "identity": identity,
        "devices": [
            {
                "id": device["id"],
                "ip_address": device["ip_address"],
                "user_agent": device["user_agent"],
                "location": "",
            }
            for device in devices
        ],
    }


def active_of(flow: Flow, use: str) -> str | None:
    """Kratos' `active`: the method that is under way, where Kratos shows one.

    Recovery and verification have theirs from the start; login once a method was accepted or sent a code;
    registration only for a code, or a provider that was heard; settings once their user is back from one.
    """
    if flow.kind in (FlowKind.RECOVERY, FlowKind.VERIFICATION):
        return flow.active or use
    if flow.kind is FlowKind.LOGIN:
        return flow.active or ("oidc" if flow.linking else None)
    if flow.kind is FlowKind.REGISTRATION and (flow.active in CODE_METHODS or flow.active == "oidc"):
        return flow.active
    return flow.trip if flow.kind is FlowKind.SETTINGS else None


def selected(flow: Flow) -> dict[str, Any]:
    """What the start of a login or a registration chose: its organization, and its schema where it named one."""
    if flow.kind not in (FlowKind.LOGIN, FlowKind.REGISTRATION):
        return {}
    body: dict[str, Any] = {"organization_id": str(flow.organization_id) if flow.organization_id else None}
    return body | ({"identity_schema": flow.identity_schema} if flow.identity_schema else {})


def flow_body(
    flow: Flow,
    *,
    ui: Mapping[str, Any],
    request: Mapping[str, Any],
    use: str,
    identity: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A flow as a client fetches it. `request` is the opened request of its start; `identity` stands in settings."""
    body: dict[str, Any] = {
        "id": str(flow.id),
        "type": flow.type,
        "expires_at": instant(flow.expires_at),
        "issued_at": instant(flow.issued_at),
        "request_url": request["url"],
        "ui": ui,
        "state": kratos_state(flow.kind, flow.state, flow.method),
    }
    if request.get("return_to"):
        body["return_to"] = request["return_to"]
    active = active_of(flow, use)
    if active:
        body["active"] = active
    body |= selected(flow)
    if flow.kind is FlowKind.LOGIN:
        body |= {
            "refresh": flow.refresh,
            "requested_aal": flow.requested_aal,
            "created_at": instant(flow.issued_at),
            "updated_at": instant(flow.updated_at),
        }
    if flow.kind is FlowKind.SETTINGS and identity is not None:
        body["identity"] = identity
    return body
