"""Token exchange: how a native app gets its session when a browser was away for it (Kratos' session token exchange).

The app starts its flow with `return_session_token_exchange_code=true` and is shown the first code, once. The browser
that comes back from the provider brings the second one to `return_to`. Who has both gets the session's token, made at
that moment, once and no more (Kratos hands it out as often as it is asked). Both codes stand in the vault as keyed
hashes; the second lasts ten minutes, as RFC 6749 §4.1.2 has it for codes.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.decision import Decision
from limen.domain.document import Document, Drawn
from limen.domain.errors import RequestRefused, StoreConflict
from limen.domain.outcome import FlowView, Outcome
from limen.domain.ports import Secrets, Step, VaultKey, VaultRow
from limen.domain.request import Request
from limen.domain.session import Session, SessionHandedOver
from limen.domain.sessions import Sessions, SignedIn
from limen.domain.streams import ATTEMPTS
from limen.domain.token import matches, mint, token_hash, token_row
from limen.domain.work import Work

KIND = "exchange"
ASKED = "return_session_token_exchange_code"
LIFESPAN = timedelta(minutes=10)
CLAIM = "code"
"""The field in which an app brings what its browser brought to `return_to` with an open flow."""
_RANDOM = 32


def exchanging(flow_id: UUID, kind: FlowKind, type_: str, request: Request) -> Mapping[str, str]:
    """What a flow's request says of it: under which flow's id the codes stand. A flow it turns into keeps that."""
    wanted = kind in (FlowKind.LOGIN, FlowKind.REGISTRATION) and type_ == "api"
    return {KIND: str(flow_id)} if wanted and request.query.get(ASKED) == "true" else {}


def offer(work: Work, request: Request, secrets: Secrets, keys: Sequence[str]) -> str | None:
    """The first code, kept with the append that opens the flow; None where none was asked for."""
    flow = work.flow
    if not exchanging(flow.id, flow.kind, flow.type, request):
        return None
    code = _text(flow.id.bytes + secrets.bytes(_RANDOM))
    work.step.put.append(VaultRow(flow.id, KIND, "init", token_hash(keys[0], code), expires_at=flow.expires_at))
    return code


def with_code(view: FlowView, code: str | None) -> FlowView:
    """The flow as who started it sees it: the first code is shown here and nowhere else."""
    if code is None:
        return view
    shown = view.body
    return replace(view, body=Drawn(lambda: {**shown.plain(), "session_token_exchange_code": code}))


def claim(secrets: Secrets) -> str:
    """What goes back to a native app with its browser, where its flow is still open: see `CLAIM`."""
    return _text(secrets.bytes(16 + _RANDOM))


def put_off(decision: Decision, asked: Mapping[str, Any], secrets: Secrets) -> None:
    """The session's token is to be asked for with two codes: there is none yet, and a second code instead."""
    if KIND in asked and decision.session is not None:
        decision.exchange, decision.session_token = UUID(asked[KIND]), None
        decision.return_code = _text(secrets.bytes(16 + _RANDOM))


def return_row(decision: Decision, keys: Sequence[str]) -> VaultRow:
    """The vault row of the second code: which session it is for, and the code's hash."""
    assert decision.exchange is not None
    assert decision.session is not None
    assert decision.return_code is not None
    value = decision.session.id.bytes + token_hash(keys[0], decision.return_code)
    until = decision.at + LIFESPAN
    return VaultRow(decision.exchange, KIND, "return", value, subject=decision.identity.id, expires_at=until)


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What the codes were exchanged for. `session_token` is shown here once and nowhere else."""

    session: Document
    session_token: str = field(repr=False)


async def exchange(sessions: Sessions, init_code: str | None, return_code: str | None) -> Exchanged:
    """The session behind two codes. Raises `RequestRefused` (`token_exchange_codes_missing`, 400;

    `token_exchange_not_found`, 404, whatever does not fit: neither code can be tried by itself).
    """
    if not init_code or not return_code:
        raise RequestRefused("token_exchange_codes_missing", "both 'init_code' and 'return_to_code' are needed")
    for _ in range(ATTEMPTS):
        signed_in, flow_id = await _behind(sessions, init_code, return_code)
        session, now = signed_in.session, sessions.tools.clock.now()
        session.record(SessionHandedOver, now, flow_id=flow_id)
        step = Step(put=[token_row(session, signed_in.token, sessions.secrets)], drop=[VaultKey(flow_id, KIND)])
        try:
            await sessions.people.streams.append(step, session)
        except StoreConflict:
            continue
        return Exchanged(Document(sessions.body(signed_in)), signed_in.token)
    raise StoreConflict


async def _behind(sessions: Sessions, init_code: str, return_code: str) -> tuple[SignedIn, UUID]:
    """Whose session it is, with a new token. Every comparison takes the same time."""
    missing = RequestRefused("token_exchange_not_found", "there is no session for these two codes")
    people, now = sessions.people, sessions.tools.clock.now()
    flow_id = _flow_of(init_code)
    first = await people.streams.store.vault(flow_id, KIND, "init") if flow_id else None
    second = await people.streams.store.vault(flow_id, KIND, "return") if flow_id else None
    if flow_id is None or first is None or second is None or _over(first, now) or _over(second, now):
        raise missing
    known = matches(first.value, init_code, sessions.secrets)
    if not (matches(second.value[16:], return_code, sessions.secrets) and known):
        raise missing
    session = await people.streams.load(Session, UUID(bytes=second.value[:16]))
    identity = await people.identity(session.identity_id) if session.active(now) else None
    if identity is None or people.profile(identity).state != "active":
        raise missing
    token = mint(session.id, sessions.tools.secrets)
    return SignedIn(session, identity, people.profile(identity), token, sessions.devices(session)), flow_id


def back_to_the_app(outcome: Outcome, return_to: str | None) -> Outcome:
    """Where the browser of a native app goes on: `return_to` with the second code, or with the flow and what is wrong.

    `flow` is the id of the flow that waits for its user, `code` what shows that who submits to it is who went to the
    provider, `error` the id of its first error message, or of the error where it has none (better than Kratos, whose
    app learns nothing of a failure).
    """
    if return_to is None or outcome.redirect_browser_to is not None:
        return outcome
    told, wrong = {"code": outcome.return_code} if outcome.return_code else {}, outcome.error
    if not outcome.completed:
        messages = (str(message["id"]) for message in outcome.flow.messages if message["type"] == "error")
        told, wrong = {"flow": str(outcome.flow.id), **told}, next(messages, None)
    told |= {"error": wrong} if wrong else {}
    return replace(outcome, redirect_browser_to=address(return_to, told))


def address(return_to: str, told: Mapping[str, str]) -> str:
    """`return_to` with what an app is told there."""
    parts = urlsplit(return_to)
    query = "&".join(filter(None, (parts.query, urlencode(told))))
    return urlunsplit(parts._replace(query=query))


def _over(row: VaultRow, now: datetime) -> bool:
    return row.expires_at is not None and row.expires_at <= now


def _flow_of(code: str) -> UUID | None:
    try:
        raw = urlsafe_b64decode(code)
    except ValueError:
        return None
    return UUID(bytes=raw[:16]) if len(raw) == 16 + _RANDOM else None


def _text(raw: bytes) -> str:
    """48 bytes in URL-safe base64: 64 characters."""
    return urlsafe_b64encode(raw).decode()
