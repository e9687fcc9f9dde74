"""Answers of providers without ID tokens, told under the names that OpenID Connect has for what is in them."""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from limen.adapters.configuration.presets import Preset


def claims_of(preset: Preset, answer: Any, tokens: Any) -> dict[str, Any]:
    """Who somebody is, and what else is known of them; some of it came with the tokens already."""
    subject = inside(answer, preset.subject)
    claims: dict[str, Any] = {"sub": str(subject) if subject not in (None, "") else None}
    found = {claim: inside(answer, member) for claim, member in preset.members.items()}
    found |= {claim: _composed(answer, pattern) for claim, pattern in preset.composed.items()}
    found |= {claim: inside(tokens, member) for claim, member in preset.from_tokens.items()}
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


def addressed(preset: Preset, url: str, token: str, secret: str) -> tuple[str, Mapping[str, str]]:
    """Where its API is asked, and with which headers. Facebook's wants a proof that the client's secret is known."""
    query = {"access_token": token} if preset.token_in_address else {}
    if preset.proves_secret:
        query["appsecret_proof"] = hmac.new(secret.encode(), token.encode(), sha256).hexdigest()
    mark = "&" if urlsplit(url).query else "?"
    headers = {} if preset.token_in_address else {preset.header: f"{preset.authorization} {token}".lstrip()}
    return (f"{url}{mark}{urlencode(query)}" if query else url), headers


def _composed(answer: Any, pattern: str) -> str | None:
    """The pattern with the members it names; None where one of them is not there."""
    members = {name: inside(answer, name) for name in re.findall(r"{([^}]+)}", pattern)}
    if not all(isinstance(value, str | int) and str(value) for value in members.values()):
        return None
    return re.sub(r"{([^}]+)}", lambda match: quote(str(members[match[1]]), safe=""), pattern)
