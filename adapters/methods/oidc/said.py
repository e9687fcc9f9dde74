"""Said: what a provider says of somebody, mapped to what an identity is made of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from limen.adapters.methods.oidc.fault import ProviderFault
from limen.adapters.methods.oidc.provider import Provider
from limen.domain.errors import SubmissionInvalid
from limen.domain.guard import guard
from limen.domain.identifier import normalize
from limen.domain.templating import TemplateCanceled, TemplateFailed, Templates

MAX_SUBJECT: Final = 2048
"""OIDC Core §2 has 255 ASCII characters; some providers give more."""
_OF_THE_TOKEN: Final = ("nonce", "at_hash", "c_hash", "s_hash", "sid")
"""Claims about one token, not about the person: a mapper is not given them."""
_ASKED: Final = ("email_verified", "phone_number_verified")
"""Claims that are yes or no (OIDC Core §5.1). Some providers write a text, or a number."""
_YES: Final = (True, 1, "true", "True", "1")


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
    shown = _told(claims)
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
    try:
        guard({"subject": subject, "answer": answer})  # it is kept like what people send
    except SubmissionInvalid:
        raise ProviderFault("claims", "what the mapper gives is too large or too deep to be kept") from None
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


def _told(claims: Mapping[str, Any]) -> dict[str, Any]:
    """What a mapper is given: nothing that is null, for that says the claim is not there; yes or no where it is asked.

    The mappers that people have write `if claims.email_verified`, and Kratos takes a text for it too.
    """
    there = {name: value for name, value in claims.items() if name not in _OF_THE_TOKEN and value is not None}
    return {name: value in _YES if name in _ASKED else value for name, value in there.items()}


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
