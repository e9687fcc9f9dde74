"""OCSF: what an event of the log is in the Open Cybersecurity Schema Framework, class Authentication."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, Final
from uuid import UUID

from limen.adapters.bus.about import About, Abouts
from limen.adapters.export import authentication as ocsf
from limen.adapters.export.persons import Persons, clear
from limen.adapters.log import EventReader, LogEntry

PRODUCT: Final = "limen"

UNKNOWN_USER: Final[Mapping[str, Any]] = {"name": "Unknown", "type_id": 0}
"""The class demands a user; where nobody known was meant there is none to name."""

_SESSION: Final = "session"
_MEANT: Final = ("MethodRefused", "ChallengeSent")
"""Events whose identity is the one that was meant, not the one that acted."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Authentications:
    """Tells the events of one log; they are to be asked for in their order. `personal`: the reader has the keys."""

    def __init__(self, reader: EventReader, *, personal: bool) -> None:
        self._reader = reader
        self._abouts = Abouts(self._history)
        self._persons = Persons(reader) if personal else None
        self._product = {"name": PRODUCT, "vendor_name": PRODUCT, "version": version(PRODUCT)}

    def of(self, entry: LogEntry) -> dict[str, Any] | None:
        """The OCSF event that an event of the log is; None where it is none."""
        about = self._abouts.of(str(entry.stream), entry.kind, entry.version, entry.type, entry.data)
        if self._persons is not None:
            self._persons.see(entry)
        row = ocsf.ROW_OF.get(entry.type)
        if row is None or (row.flows and about.kind not in row.flows):
            return None
        identity = _identity(row, about, entry)
        return {
            "metadata": self._metadata(entry, about),
            "time": _milliseconds(entry.time),
            **_classified(row, entry),
            **_authenticated(_methods(entry, about)),
            **self._person(entry, identity),
            **_session(entry),
            "is_remote": True,
            "service": {"name": PRODUCT},
            "unmapped": _unmapped(entry, about),
        }

    def _metadata(self, entry: LogEntry, about: About) -> dict[str, Any]:
        metadata = {
            "version": ocsf.VERSION,
            "product": self._product,
            "uid": f"{entry.stream}:{entry.version}",
            "sequence": entry.position,
            "event_code": entry.type,
            "original_time": entry.time.isoformat().replace("+00:00", "Z"),
        }
        return metadata if about.flow is None else {**metadata, "correlation_uid": about.flow}

    def _person(self, entry: LogEntry, identity: str | None) -> dict[str, Any]:
        """`user`; with the keys at hand also `actor`, `src_endpoint` and `http_request`."""
        user: dict[str, Any] = dict(UNKNOWN_USER) if identity is None else {"uid": identity, "type_id": 1}
        if self._persons is None:
            return {"user": user}
        if identity is not None:
            user |= _named(self._persons.profile(identity, entry))
        elif typed := _typed(entry):
            user["name"] = typed
        told: dict[str, Any] = {"user": user}
        if identity is not None and entry.type not in _MEANT and entry.data.get("reason") != "erased":
            told["actor"] = {"user": dict(user)}
        request = clear(entry.data.get("device"))
        if entry.kind == "flow":
            request = self._persons.request(str(entry.stream))
        if address := request.get("ip_address") or request.get("client_ip"):
            told["src_endpoint"] = {"ip": address}
        if agent := request.get("user_agent"):
            told["http_request"] = {"user_agent": agent}
        return told

    def _history(self, stream: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
        return ((one.version, one.type, one.data) for one in self._reader.stream(UUID(stream)))


def _identity(row: ocsf.Row, about: About, entry: LogEntry) -> str | None:
    """Whose it is. A flow remembers whom a method accepted before; a later refusal need not be of the same person.

    Of a refused attempt, or a code that was asked for, it is whose identifier was given: the account that was meant,
    not who tried.
    """
    meant = entry.data.get("identity_id") if entry.type in _MEANT else None
    return meant or (about.identity if row.known or about.refresh else None)


def _classified(row: ocsf.Row, entry: LogEntry) -> dict[str, Any]:
    detail = entry.data[row.detail[1:]] if row.detail.startswith(":") else row.detail
    told: dict[str, Any] = {
        "category_uid": ocsf.CATEGORY_UID,
        "category_name": ocsf.CATEGORY_NAME,
        "class_uid": ocsf.CLASS_UID,
        "class_name": ocsf.CLASS_NAME,
        "activity_id": int(row.activity),
        "activity_name": ocsf.caption(row.activity),
        "type_uid": row.activity.type_uid,
        "type_name": f"{ocsf.CLASS_NAME}: {ocsf.caption(row.activity)}",
        "severity_id": int(row.severity),
        "severity": ocsf.caption(row.severity),
        "status_id": int(row.status),
        "status": ocsf.caption(row.status),
        "message": f"{row.message}: {detail}" if row.detail.startswith(":") else row.message,
    }
    return {**told, "status_detail": detail} if detail else told


def _methods(entry: LogEntry, about: About) -> Sequence[str]:
    """The methods by which it was tried; none where nothing was."""
    data = entry.data
    if "authentications" in data:
        return tuple(dict.fromkeys(one["method"] for one in data["authentications"]))
    if "authentication" in data:
        return (data["authentication"]["method"],)
    named = data.get("method") or (about.method if entry.type not in ("FlowRejected", "SessionRevoked") else None)
    return (named,) if named else ()


def _authenticated(methods: Sequence[str]) -> dict[str, Any]:
    if not methods:
        return {"auth_protocol_id": 0, "auth_protocol": ocsf.PROTOCOLS[0]}
    told = [ocsf.method_of(name) for name in methods]
    return {
        "auth_protocol_id": told[-1].protocol,
        "auth_protocol": ocsf.PROTOCOLS.get(told[-1].protocol, methods[-1]),
        "auth_factors": [{"factor_type_id": one.factor, "factor_type": one.factor_name} for one in told],
    }


def _session(entry: LogEntry) -> dict[str, Any]:
    if entry.kind != _SESSION:
        return {}
    session: dict[str, Any] = {"uid": str(entry.stream), "is_remote": True, "issuer": PRODUCT}
    if entry.type == "SessionRevoked":
        return {"session": {**session, "expiration_reason": entry.data["reason"]}}
    mfa = entry.data["aal"] != "aal1"
    session |= {"is_mfa": mfa, "expiration_time": _milliseconds(datetime.fromisoformat(entry.data["expires_at"]))}
    if entry.type == "SessionIssued":
        session["created_time"] = _milliseconds(entry.time)
    return {"is_mfa": mfa, "session": session}


def _unmapped(entry: LogEntry, about: About) -> dict[str, Any]:
    """What the class has no attribute for: the kind of flow, the level, the action that decided."""
    level = entry.data.get("aal") or (about.requested_aal if entry.kind == "flow" else None)
    found = {"flow": about.kind, "flow_type": about.flow_type, "aal": level, "action": entry.data.get("action")}
    return {name: value for name, value in found.items() if value is not None}


def _named(profile: Mapping[str, Any]) -> dict[str, Any]:
    """Name and address of a person, as far as their profile has what looks like it."""
    addresses = [*profile.get("verifiable", ()), *profile.get("recovery", ())]
    email = next((one["value"] for one in addresses if one["via"] == "email"), None)
    traits = profile.get("traits")
    traits = traits if isinstance(traits, Mapping) else {}
    email = email or _text(traits.get("email"))
    name = traits.get("name")
    parts = [_text(part) for part in name.values()] if isinstance(name, Mapping) else [_text(name)]
    full = " ".join(part for part in parts if part)
    found = {"name": _text(traits.get("username")) or email, "email_addr": email, "full_name": full or None}
    return {key: value for key, value in found.items() if value}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _typed(entry: LogEntry) -> str | None:
    """What was typed where an identifier was asked for."""
    values = clear(entry.data.get("form")).get("values") or clear(entry.data.get("challenge")).get("values") or {}
    found = (_text(values.get(name)) for name in ("identifier", "password_identifier", "email"))
    return next(filter(None, found), None)


def _milliseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)
