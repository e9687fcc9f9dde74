"""Links in mails: the token in them, the address they lead to, and the request that comes back with it.

A link recovers or verifies by one GET, as in Kratos: `/self-service/{recovery,verification}?flow=…&token=…`. Its token
is kept as a code is (`limen.domain.code`): a keyed digest in the vault, replaced by the next one, gone when spent.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import UUID

from limen.domain.configuration import Configuration, FlowKind
from limen.domain.flow import Flow
from limen.domain.message import Message
from limen.domain.ports import Secrets
from limen.domain.request import Request
from limen.domain.ui import link_messages, messages

NAME = "link"
TOKEN, CODE = "token", "code"
_BYTES = 32
"""Of randomness in a token: nobody guesses 256 bits (OWASP ASVS asks for 112 at least)."""


def mint_link(secrets: Secrets) -> str:
    """A new token: 43 characters that need no escaping; the last is a letter or digit, so no mail program drops it."""
    return urlsafe_b64encode(secrets.bytes(_BYTES)).decode().rstrip("=")


def given_token(values: Any) -> Any:
    """What was brought as the token of a link; None where nothing was."""
    return values.get(TOKEN) if isinstance(values, Mapping) else None


def link_lifespan(config: Any) -> float:
    """`selfservice.methods.link.config.lifespan` in seconds; Kratos' default is one hour."""
    lifespan = config.get("lifespan")
    return lifespan.total_seconds() if isinstance(lifespan, timedelta) else float(lifespan or 3600.0)


def link_url(configuration: Configuration, kind: FlowKind, flow_id: UUID, token: str) -> str:
    """The link itself: at `selfservice.methods.link.config.base_url`, else at the public base URL."""
    return _url(configuration, kind, {"flow": str(flow_id), TOKEN: token})


def code_url(configuration: Configuration, flow_id: UUID, code: str) -> str:
    """Where the code of a verification is entered. Following it proves nothing, so mail scanners may (Kratos)."""
    return _url(configuration, FlowKind.VERIFICATION, {"flow": str(flow_id), CODE: code})


def _url(configuration: Configuration, kind: FlowKind, query: Mapping[str, str]) -> str:
    base = configuration.method(NAME).config.get("base_url") or configuration.base_url
    return f"{base.rstrip('/')}/self-service/{kind.value}?{urlencode(query)}"


def discreet(flow: Flow, request: Request) -> Request:
    """The request as it goes on record and to actions: without the token, or code, of a link.

    Better than Kratos, whose actions are shown it before it is spent: who runs their target could use it first.
    """
    if flow.kind not in (FlowKind.RECOVERY, FlowKind.VERIFICATION):
        return request
    parts = urlsplit(request.url)
    kept = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in (TOKEN, CODE)]
    return replace(request, url=urlunsplit(parts._replace(query="&".join(kept))))


def brings_code(flow: Flow, values: Mapping[str, Any]) -> bool:
    """Whether somebody followed the address of `code_url` while the flow waits for that code."""
    return flow.kind is FlowKind.VERIFICATION and flow.state == "sent_email" and bool(values.get(CODE))


def said_of(flow: Flow, now: datetime) -> Message:
    """What is said of a link of this flow that counts no more: it is too late, or it is wrong or was used.

    One that leads to the form of a code: that the flow is over (Kratos).
    """
    over = min(flow.expires_at, flow.code_expires_at or flow.expires_at)
    late = now >= over and flow.state not in ("completed", "failed")
    if late:
        return messages.flow_expired(flow.kind, over)
    return messages.retry(flow.kind) if flow.method == "code" else link_messages.link_invalid(flow.kind)


def type_after(flow: Flow, request: Request) -> str:
    """Which type of flow follows on a link: a browser's where one followed it, even if an app had asked for it."""
    return "browser" if flow.method in (NAME, None) and request.method == "GET" else flow.type
