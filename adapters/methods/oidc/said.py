"""Said: what a provider says of somebody, mapped to what an identity is made of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from limen.adapters.methods.oidc.fault import ProviderFault
from limen.adapters.methods.oidc.provider import Provider
from limen.domain.identifier import normalize
from limen.domain.templating import TemplateCanceled, TemplateFailed, Templates

MAX_SUBJECT: Final = 2048
"""OIDC Core §2 has 255 ASCII characters; some providers give more."""
_OF_THE_TOKEN: Final = ("nonce", "at_hash", "c_hash", "s_hash", "sid")
"""Claims about one token, not about the person: a mapper is not given them."""


@dataclass(frozen=True, slots=True)
class Said:
    """One account at a provider, and what its mapper makes of it. `verified` are (via, value) pairs vouched for."""

    provider: str
    subject: str = field(repr=False)
    traits: Mapping[str, Any] = field(repr=False)
    metadata_public: Any = field(default=None, repr=False)
    metadata_admin: Any = field(default=None, repr=False)
    verified: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Said":
        """The same again."""
        return cls(**{**record, "verified": tuple((via, value) for via, value in record["verified"])})

    @property
    def entry(self) -> Mapping[str, str]:
        """What the credential's list says of this account."""
        return {"provider": self.provider, "subject": self.subject}


async def mapped(templates: Templates, provider: Provider, claims: Mapping[str, Any]) -> Said:
    """Lets the provider's mapper speak. Raises `ProviderFault`, which quotes no claim."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or len(subject) > MAX_SUBJECT:
        raise ProviderFault("claims", "the provider does not say who it is")
    shown = {name: value for name, value in claims.items() if name not in _OF_THE_TOKEN}
    shown = {**shown, "raw_claims": claims.get("raw_claims", shown)}
    try:
        answer = json.loads(await templates.map(provider.mapper, shown, name=f"the mapper of '{provider.id}'"))
    except TemplateCanceled:
        raise ProviderFault("claims", "the mapper does not take this account") from None
    except TemplateFailed as failed:
        raise ProviderFault("claims", f"what the provider says cannot be mapped ({failed.detail})") from None
    identity = answer.get("identity") if isinstance(answer, Mapping) else None
    traits = identity.get("traits", {}) if isinstance(identity, Mapping) else None
    if not isinstance(identity, Mapping) or not isinstance(traits, Mapping):
        raise ProviderFault("claims", "the mapper gives no identity")
    listed = identity.get("verified_addresses") or []
    return Said(
        provider.id,
        subject,
        _plain(traits),
        identity.get("metadata_public"),
        identity.get("metadata_admin"),
        tuple(_addresses(listed)),
    )


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The members of both, field by field; where both have one, that of `above`."""
    merged = dict(below)
    for name, value in above.items():
        there = merged.get(name)
        merged[name] = over(there, value) if isinstance(there, Mapping) and isinstance(value, Mapping) else value
    return merged


def _plain(traits: Mapping[str, Any]) -> dict[str, Any]:
    """Without nulls: a claim that is not there is no trait."""
    return {
        name: _plain(value) if isinstance(value, Mapping) else value
        for name, value in traits.items()
        if value is not None
    }


def _addresses(listed: Any) -> list[tuple[str, str]]:
    found = []
    for one in listed if isinstance(listed, list) else ():
        via, value = (one.get("via"), one.get("value")) if isinstance(one, Mapping) else (None, None)
        if isinstance(via, str) and isinstance(value, str):
            found.append((via, value if via == "sms" else normalize(value)))
    return found
