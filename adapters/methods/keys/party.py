"""Relying party: who asks the authenticator, from where, and what for (WebAuthn Level 3 §5.4 and §5.5)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from limen.adapters.configuration.origins import origin_of
from limen.adapters.configuration.values import parse_duration
from limen.adapters.methods.keys.key import encode

CHALLENGE_BYTES: Final = 32
"""§13.4.3 asks for 16 at least."""
HANDLE_BYTES: Final = 64
"""§14.6.1: as many random bytes, and nothing of the person in them."""
ALGORITHMS: Final = (-7, -36, -257, -258, -259, -8)
"""COSE algorithms in the order they are preferred (§5.8.5): ES256, ES512, RS256 to RS512, EdDSA.

Kratos' list, without what py_webauthn cannot verify: ES384, and RSA-PSS with the salt of RFC 8230 §2.
"""
_DISCOURAGED: Final = "discouraged"


@dataclass(frozen=True, slots=True)
class Party:
    """The relying party of one method, as the configuration has it.

    `selection` is what it asks of an authenticator; `timeouts` are milliseconds, by `registration` and `login`;
    `attestation` the preference, `none` unless said otherwise.
    """

    id: str
    name: str
    origins: tuple[str, ...]
    selection: Mapping[str, Any]
    timeouts: Mapping[str, int]
    attestation: str = "none"

    @property
    def verifies_user(self) -> bool:
        """Whether an answer counts only where the authenticator has verified its user (a PIN, a finger)."""
        return bool(self.selection["userVerification"] == "required")

    def request(self, challenge: str, allowed: Sequence[str] = ()) -> str:
        """`PublicKeyCredentialRequestOptions` as JSON (§5.5), with ids and the challenge in base64url."""
        options: dict[str, Any] = {"challenge": challenge, "timeout": self.timeouts["login"], "rpId": self.id}
        if allowed:
            options["allowCredentials"] = _descriptors(allowed)
        options["userVerification"] = self.selection["userVerification"]
        return _json({"publicKey": options})

    def creation(self, challenge: str, handle: str, name: str, excluded: Sequence[str] = ()) -> dict[str, Any]:
        """`PublicKeyCredentialCreationOptions` (§5.4). `excluded` are the keys of the person: none is made twice."""
        options: dict[str, Any] = {
            "rp": {"name": self.name, "id": self.id},
            "user": {"name": name, "displayName": name, "id": handle},
            "challenge": challenge,
            "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in ALGORITHMS],
            "timeout": self.timeouts["registration"],
        }
        if excluded:
            options["excludeCredentials"] = _descriptors(excluded)
        options["authenticatorSelection"] = dict(self.selection)
        if self.attestation != "none":
            options["attestation"] = self.attestation
        return {"publicKey": options}


def webauthn_party(config: Mapping[str, Any], base_url: str) -> Party:
    """The relying party of `webauthn`: any authenticator will do, and no verification of its user is asked for."""
    rp = _rp(config)
    return Party(
        id=rp["id"],
        name=rp["display_name"],
        origins=_origins(rp, base_url),
        selection={"userVerification": _DISCOURAGED},
        timeouts={"registration": 120_000, "login": 120_000},
    )


def passkey_party(config: Mapping[str, Any], base_url: str) -> Party:
    """The relying party of `passkey`. What the configuration does not say is as in Kratos: the platform's own keys."""
    rp, asked = _rp(config), config.get("authenticator_selection") or {}
    resident, verification = asked.get("resident_key", "required"), asked.get("user_verification", "preferred")
    selection = {
        "authenticatorAttachment": asked.get("attachment", "platform"),
        "requireResidentKey": resident == "required",
        "residentKey": resident,
        "userVerification": verification,
    }
    usual = "2m" if verification == _DISCOURAGED else "5m"  # §15.1's ranges
    timeouts = config.get("timeouts") or {}
    return Party(
        id=rp["id"],
        name=rp["display_name"],
        origins=_origins(rp, base_url),
        selection=selection,
        timeouts={when: _milliseconds(timeouts.get(when, usual)) for when in ("registration", "login")},
        attestation=(config.get("attestation") or {}).get("preference", "none"),
    )


def _rp(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Present wherever the method is on: the configuration is refused without it."""
    rp: Mapping[str, Any] = config["rp"]
    return rp


def _origins(rp: Mapping[str, Any], base_url: str) -> tuple[str, ...]:
    """Those of the configuration, as browsers write them; without any, the site itself."""
    given = rp.get("origins") or ([rp["origin"]] if rp.get("origin") else [])
    return tuple(origin_of(one) or one for one in given) or (f"{urlsplit(base_url).scheme}://{rp['id']}",)


def _milliseconds(text: str) -> int:
    duration = parse_duration(text)
    return int(duration.total_seconds() * 1000) if duration else 0


def _descriptors(ids: Sequence[str]) -> list[dict[str, str]]:
    """§5.8.3, without transports: those would tell what somebody signs in with."""
    return [{"type": "public-key", "id": id_} for id_ in ids]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def challenge(drawn: bytes) -> str:
    """A challenge as it stands in the options."""
    return encode(drawn)
