"""No secret of any method stands in a file of the store, or reaches an action: whatever was typed, mailed or shown.

Every method goes through every flow it belongs to, while somebody listens to all that is said to the engine and by it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from limen.domain import FlowView, Outcome
from limen.domain.document import thaw
from tests.engine_robust.life import files, found
from tests.support.engine import ADA, JsonDict, hook, open_house, parse
from tests.support.listening import listen
from tests.support.performing import PERFORMANCES, sections

PERSONAL = ("traits", "identifier", "email", "address")
"""Fields whose values an action may see: personal, but no secret. They stand sealed in the store all the same."""

PLAIN = ("provider", "method", "resend", "link", "unlink", "screen", "login_challenge")
"""Fields that say what is meant; their values are names of the configuration's."""

FIXED = {"type", "origin", "crossOrigin", "iss", "scope"}
"""What stands in answers of authenticators and providers and is the same for everybody."""

SHOWN = ("totp", "lookup_secret", "webauthn", "passkey")
"""The groups of nodes that show secrets."""


@dataclass
class Heard:
    """What was said. `secrets` no action may be given; `personal` may."""

    secrets: set[str] = field(default_factory=set)
    personal: set[str] = field(default_factory=set)

    def typed(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if name not in PLAIN:
                (self.personal if name in PERSONAL else self.secrets).update(texts(value))

    def outcome(self, outcome: Outcome) -> None:
        if outcome.session_token:
            self.secrets.add(outcome.session_token.removeprefix("ory_st_"))
        if outcome.redirect_browser_to:
            asked = dict(parse_qsl(urlsplit(outcome.redirect_browser_to).query))
            self.secrets.update(asked[name] for name in ("state", "nonce", "code_challenge") if name in asked)
        self.flow(outcome.flow)

    def flow(self, flow: FlowView) -> None:
        for node in thaw(flow.ui.nodes or ()):
            if node["group"] in SHOWN and node["attributes"].get("type") not in ("submit", "button"):
                self.secrets.update(secrets_of(node["attributes"]))


def texts(value: Any, name: str = "") -> Iterator[str]:
    """Every text in a value, those of JSON inside a text too; not what is the same for everybody."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from texts(part, key)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts(part, name)
    elif isinstance(value, str) and name not in FIXED:
        inner = _json(value)
        if inner is not None:
            yield from texts(inner)
        elif len(value) >= 6:
            yield value


def secrets_of(attributes: JsonDict) -> Iterator[str]:
    """What a node shows: its value, the text of a secret or of several, the challenge of an authenticator."""
    if attributes["node_type"] == "text":
        context = attributes["text"].get("context", {})
        yield from (text for text in texts(context) if re.fullmatch("[A-Za-z0-9]{8,}", text))
    asked = _json(attributes.get("value")) or {}
    for options in (asked, asked.get("publicKey", {}), asked.get("credentialOptions", {}).get("publicKey", {})):
        if "challenge" in options:
            yield options["challenge"]


def _json(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return None
    try:
        return json.loads(value)
    except ValueError:
        return None


def kept(data: bytes, words: set[str]) -> list[str]:
    """Those of the words that stand there. Short digits only by themselves: inside an id they are chance."""
    digits = {word for word in words if word.isdigit() and len(word) < 12}
    alone = [code for code in digits if re.search(rb"(?<![0-9A-Za-z.-])%b(?![0-9A-Za-z-])" % code.encode(), data)]
    return alone + found(data, sorted(words - digits))


@pytest.mark.parametrize(("kind", "method"), PERFORMANCES)
async def test_no_secret_of_a_method_is_kept_in_clear_or_told(kind: str, method: str, tmp_path: Path) -> None:
    url, heard = f"sqlite:///{tmp_path / 'limen.db'}", Heard()
    hooks = {f"{kind}.before": [hook("/before")], f"{kind}.after": [parse("/parse"), hook("/plain")]}
    async with open_house(hooks, store=url, **sections(kind, method)) as house:
        listen(house, heard)
        flow = await PERFORMANCES[kind, method](house)
        assert (await flow()).completed
        heard.secrets.update(mail.code for mail in house.courier.messages if mail.code)
        data, told = files(url), b"\n".join(request.body for request in house.sink.received)
    assert len(heard.secrets) >= (method != "profile")
    assert kept(data, heard.secrets | heard.personal) == []
    assert told
    assert kept(told, heard.secrets) == []
    assert ADA.encode() in told, "the search finds what is there"
