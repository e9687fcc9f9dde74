"""Sessions: found by their token, issued, refreshed and ended."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.domain.aggregate import Aggregate
from limen.domain.body import identity_body, session_body
from limen.domain.decision import Decision
from limen.domain.errors import StoreConflict
from limen.domain.flow import Flow
from limen.domain.identity import Identity, SessionsClosed
from limen.domain.people import People
from limen.domain.ports import Step, VaultKey
from limen.domain.profile import Profile
from limen.domain.request import Request
from limen.domain.session import (
    Authentication,
    Session,
    SessionIssued,
    SessionRefreshed,
    SessionRevoked,
    SessionStrengthened,
)
from limen.domain.streams import ATTEMPTS
from limen.domain.token import matches, mint, session_of
from limen.domain.tools import Tools


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person with an active session."""

    session: Session
    identity: Identity
    profile: Profile = field(repr=False)
    token: str = field(repr=False)
    devices: Sequence[Mapping[str, Any]] = field(default=(), repr=False)


Telling = Callable[[SignedIn, Step, datetime], Awaitable[Sequence[Aggregate]]]


@dataclass(frozen=True, slots=True)
class _Known:
    """What a session has besides its events, read once: it holds as long as nothing was appended to its stream."""

    version: int
    token_hash: bytes = field(repr=False)
    devices: Sequence[Mapping[str, Any]] = field(repr=False)


class Sessions:
    """The sessions of a store, under the rules of one configuration.

    `secrets` sign and verify tokens. They are those in force, not those of the configuration: a session begun after
    a rotation holds in a flow that began before it, one that began in such a flow holds afterwards, and a secret taken
    off the list ends the sessions it signed in every flow at once.
    """

    KNOWN = 2048
    """How many sessions are known at a time."""

    def __init__(self, tools: Tools, people: People, secrets: Sequence[str]) -> None:
        self.tools = tools
        self.people = people
        self.secrets = secrets
        self._known: OrderedDict[UUID, _Known] = OrderedDict()

    async def of(self, token: str | None) -> SignedIn | None:
        """Who is signed in with a token; None: a wrong one, a session that is over, or nobody active."""
        found = await self._found(token)
        return found if found is not None and found.profile.state == "active" else None

    async def _found(self, token: str | None) -> SignedIn | None:
        """Whose session it is, whether or not the person is active."""
        session_id = session_of(token) if isinstance(token, str) else None
        if token is None or session_id is None:
            return None
        session = await self.people.streams.load(Session, session_id)
        if not session.active(self.tools.clock.now()):
            return None
        identity = await self.people.identity(session.identity_id)
        if identity is None:
            return None
        known = self._known.get(session_id)
        if known is None or known.version != session.version:
            known = await self._learn(session)
        if known is None or not matches(known.token_hash, token, self.secrets):
            return None
        return SignedIn(session, identity, self.people.profile(identity), token, known.devices)

    async def _learn(self, session: Session) -> _Known | None:
        """Reads the hash of the token. It goes when the session ends, which is an event: no one need look again."""
        row = await self.people.streams.store.vault(session.id, "token")
        if row is None:
            return None
        known = self._known[session.id] = _Known(session.version, row.value, self.devices(session))
        self._known.move_to_end(session.id)
        if len(self._known) > self.KNOWN:
            self._known.popitem(last=False)
        return known

    def body(self, signed_in: SignedIn) -> dict[str, Any]:
        """Kratos' JSON of a session, with its identity."""
        base = self.people.rules.configuration.base_url
        identity = identity_body(signed_in.identity, signed_in.profile, base)
        return session_body(signed_in.session, identity, self.devices(signed_in.session), self.tools.clock.now())

    def devices(self, session: Session) -> list[Mapping[str, Any]]:
        """The opened devices of a session."""
        return [self.people.keyring.unseal(device) for device in session.devices]

    def issue(self, decision: Decision, flow: Flow, request: Request) -> None:
        """Puts a new session into a decision; it comes true with the commit."""
        at, session = decision.at, Session(self.tools.ids.new())
        device = self._device(request)
        session.record(
            SessionIssued,
            at,
            identity_id=decision.identity.id,
            flow_id=flow.id,
            expires_at=at + self.people.rules.configuration.session_lifespan,
            aal=decision.aal,
            authentications=(self._authentication(decision, at), *decision.also),
            device=self.people.keyring.seal(decision.identity.id, device),
        )
        decision.session = session
        decision.session_token = mint(session.id, self.tools.secrets)
        decision.devices = [device]

    def refresh(self, decision: Decision, flow: Flow, request: Request, signed_in: SignedIn) -> None:
        """Renews the session of who is signed in: id and token stay."""
        at, session = decision.at, signed_in.session.clone()
        device = self._device(request)
        session.record(
            SessionRefreshed,
            at,
            flow_id=flow.id,
            expires_at=at + self.people.rules.configuration.session_lifespan,
            aal=max(session.aal, decision.aal),
            authentication=self._authentication(decision, at),
            device=self.people.keyring.seal(decision.identity.id, device),
        )
        decision.session = session
        decision.session_token = signed_in.token
        decision.devices = self.devices(session)

    async def strengthen(self, decision: Decision, flow: Flow, at: datetime) -> Session | None:
        """The session of a decision with the factor that was set up in it; None where the session is over."""
        if decision.session is None:
            return None
        session = await self.people.streams.load(Session, decision.session.id)
        if not session.active(at):
            return None
        aal = max(session.aal, decision.aal)
        session.record(
            SessionStrengthened, at, flow_id=flow.id, aal=aal, authentication=self._authentication(decision, at)
        )
        return session

    def _authentication(self, decision: Decision, at: datetime) -> Authentication:
        return Authentication(
            method=decision.authentication, aal=decision.aal, completed_at=at, provider=decision.provider
        )

    def _device(self, request: Request) -> dict[str, Any]:
        return {
            "id": str(self.tools.ids.new()),
            "ip_address": request.address,
            "user_agent": request.header("User-Agent") or "",
        }

    async def revoke(self, token: str | None, telling: Telling | None = None) -> bool:
        """Ends the session of a token (logout). Repeats the decision when somebody else appended meanwhile.

        `telling` makes what goes with that append: rows into its step, and the aggregates it answers.
        """
        signed_in = await self._found(token)
        if signed_in is None:
            return False
        async with self.people.streams.turn(signed_in.identity.id):
            for _ in range(ATTEMPTS):
                signed_in = await self._found(token)
                if signed_in is None:
                    return False
                now = self.tools.clock.now()
                session, identity = signed_in.session, signed_in.identity
                session.record(SessionRevoked, now, reason="logout")
                identity.record(SessionsClosed, now, session_ids=(session.id,))
                step = Step(drop=[VaultKey(session.id, "token")])
                others = await telling(signed_in, step, now) if telling is not None else ()
                try:
                    await self.people.streams.append(step, session, identity, *others)
                except StoreConflict:
                    continue
                return True
        raise StoreConflict([signed_in.session.id])
