"""Answers of providers without ID tokens, told under the names that OpenID Connect has for what is in them."""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlsplit

from limen.adapters.configuration.presets import Preset


def claims_of(preset: Preset, answer: Any) -> dict[str, Any]:
    """Who somebody is, and what else is known of them."""
    subject = inside(answer, preset.subject)
    claims: dict[str, Any] = {"sub": str(subject) if subject not in (None, "") else None}
    found = {claim: inside(answer, member) for claim, member in preset.members.items()}
    found |= {claim: _composed(answer, pattern) for claim, pattern in preset.composed.items()}
    claims |= {claim: value for claim, value in found.items() if value is not None}
    if preset.vouches and claims.get("email"):
        claims["email_verified"] = True
    return claims


def inside(answer: Any, dotted: str) -> Any:
    """What stands under a dotted name; a number is a place in a list. None where nothing does."""
    for part in dotted.split("."):
        if isinstance(answer, list) and part.isdigit():
            answer = answer[int(part)] if int(part) < len(answer) else None
        else:
            answer = answer.get(part) if isinstance(answer, Mapping) else None
    return answer


def primary(listed: Any) -> Mapping[str, Any]:
    """GitHub's list of addresses: the primary one."""
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping) and one.get("primary") is True:
            return {"email": one.get("email"), "email_verified": one.get("verified") is True}
    return {}


def with_proof(url: str, secret: str, token: str) -> str:
    """The address with Facebook's `appsecret_proof`: the token is used by who has the client's secret."""
    proof = hmac.new(secret.encode(), token.encode(), sha256).hexdigest()
    return f"{url}{'&' if urlsplit(url).query else '?'}appsecret_proof={proof}"


def _composed(answer: Any, pattern: str) -> str | None:
    """The pattern with the members it names; None where one of them is not there."""
    members = {name: inside(answer, name) for name in re.findall(r"{([^}]+)}", pattern)}
    if not all(isinstance(value, str | int) and str(value) for value in members.values()):
        return None
    return re.sub(r"{([^}]+)}", lambda match: quote(str(members[match[1]]), safe=""), pattern)
