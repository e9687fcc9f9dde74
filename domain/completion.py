"""Completion: the one append in which an accepted submission comes true.

Flow, identity, sessions, reservations, self-started verification and scheduled deliveries are decided together and
written together. Where another stream has moved on meanwhile, the decision is taken again on what is there now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from limen.domain.code import ROW
from limen.domain.configuration import FlowKind
from limen.domain.credentials import record_credentials
from limen.domain.decision import Decision
from limen.domain.errors import FlowNotFound, StoreConflict
from limen.domain.flow import Flow
from limen.domain.identity import (
    AddressVerified,
    Identity,
    IdentityRegistered,
    Profile,
    SessionOpened,
    SessionsClosed,
    TraitsChanged,
)
from limen.domain.mention import bind
from limen.domain.pending import pending_key
from limen.domain.plan import Plan
from limen.domain.ports import VaultKey
from limen.domain.presenter import Presenter
from limen.domain.request import Request
from limen.domain.reservation import IdentifierReleased, IdentifierReserved, Reservation
from limen.domain.scheduling import Schedule, Scheduler
from limen.domain.self_verification import StartedVerification, start_verification
from limen.domain.session import Session, SessionRevoked
from limen.domain.sessions import Sessions
from limen.domain.streams import ATTEMPTS
from limen.domain.throttle import held_back
from limen.domain.token import cookie_secrets, token_row
from limen.domain.tools import Tools
from limen.domain.work import Work

PARTS = ("traits", "schema_id", "state", "metadata_public", "metadata_admin", "external_id", "verifiable", "recovery")
"""The parts of a profile, as a change names them."""


class Taken(Exception):
    """An identifier belongs to somebody else already: to `holder`."""

    def __init__(self, holder: UUID) -> None:
        self.holder = holder
        super().__init__(holder)


class Overtaken(Exception):
    """What the verdict rested on has changed since: a password was replaced, a code spent, or the session ended."""


@dataclass(slots=True)
class Completed:
    """What the append brought about."""

    work: Work
    decision: Decision
    schedule: Schedule
    verifications: list[StartedVerification] = field(default_factory=list)


class Completion:
    """Completes flows under one configuration."""

    def __init__(self, tools: Tools, sessions: Sessions, presenter: Presenter, scheduler: Scheduler) -> None:
        self.tools = tools
        self.sessions = sessions
        self.people = sessions.people
        self.presenter = presenter
        self.scheduler = scheduler
        self.keyring = tools.keyring

    async def complete(self, work: Work, decision: Decision, plan: Plan, request: Request) -> Completed:
        """Commits the decision.

        Raises `Taken` when an identifier is somebody else's and `Overtaken` when the decision must not be taken again
        (nothing was written then), `FlowNotFound` when the person has been erased meanwhile.
        """
        turn = self.people.streams.turn(decision.identity.id)
        behind = turn.locked()
        async with turn:
            for _ in range(ATTEMPTS):
                if behind and not decision.registers:
                    await self._catch_up(work.flow, decision)
                done = Completed(work.branch(), replace(decision), Schedule())
                try:
                    await self._decide(done, plan, request)
                    await done.work.commit()
                except StoreConflict:
                    behind = True
                    continue
                return done
        raise Overtaken

    async def _catch_up(self, flow: Flow, decision: Decision) -> None:
        """Looks at what others appended meanwhile, and whether the decision may be taken again on it."""
        fresh = await self.people.identity(decision.identity.id)
        if fresh is None:
            raise FlowNotFound(flow.id, "the person it was of has been erased")
        moved = max(fresh.replaced.get(decision.method, 0), fresh.spent.get(decision.method, 0))
        if flow.kind is FlowKind.LOGIN and moved > decision.identity.version:
            raise Overtaken
        if decision.spent and held_back(fresh, decision.method, decision.at):
            raise Overtaken  # others were guessing meanwhile: a right guess among too many counts no more
        session = decision.session
        if session is not None and session.version > len(session.pending):
            there = await self.people.streams.load(Session, session.id)
            if not there.active(decision.at) or (session.pending and there.version >= session.version):
                raise Overtaken
        self._rebase(decision, fresh)

    def _rebase(self, decision: Decision, fresh: Identity) -> None:
        """Takes up what others appended meanwhile: every part of the profile that this decision leaves as it was."""
        there, before = self.people.profile(fresh), decision.previous
        decision.identity = fresh
        if before is None:
            return
        mine = decision.profile
        taken = {part: getattr(there, part) for part in PARTS if getattr(mine, part) == getattr(before, part)}
        profile = replace(decision.profile, **taken)
        verified = {(one.via, one.value): one for one in there.verifiable if one.verified}
        decision.profile = replace(
            profile, verifiable=tuple(verified.get((one.via, one.value), one) for one in profile.verifiable)
        )
        decision.previous = there

    async def _decide(self, done: Completed, plan: Plan, request: Request) -> None:
        work, decision = done.work, done.decision
        flow, kind = work.flow, work.flow.kind
        now = self.tools.clock.now()  # the blocking actions took their time since the decision
        decision.identity = decision.identity.clone()
        due = self._to_verify(decision, kind)
        await self._identity(work, decision)
        self._verified(work, decision)
        for planned in plan.timed("with_commit"):
            flow.fire("answer_action", now, action=planned.ref, attempt=1, verdict="continue", duration=0.0)
        if plan.has("revoke_active_sessions"):
            await self._revoke(work, decision)
        await self._session(work, decision)
        for address in due:
            asked = self.presenter.request(flow)
            started = start_verification(work, self.tools, self.people, self.scheduler, decision, address, asked)
            done.verifications.append(started)
        done.schedule = await self.scheduler.actions(
            list(plan.timed("after_commit", "delivery")),
            work,
            lambda: self.presenter.context(flow, request, phase="after", decision=decision, state="completed"),
            now,
            identity_id=decision.identity.id,
        )
        bind(work.step, flow.id, decision.identity)
        await self._strengthen(work, decision)
        work.step.drop += [VaultKey(flow.id, ROW), pending_key(flow, decision.method)]
        work.add(decision.identity)
        flow.fire(
            "complete",
            now,
            method=decision.method,
            identity_id=decision.identity.id,
            session_id=decision.session.id if decision.session else None,
            deliveries=tuple(done.schedule.ids),
            started=tuple(one.flow_id for one in done.verifications),
        )

    # -- the identity

    async def _identity(self, work: Work, decision: Decision) -> None:
        identity, flow_id, at = decision.identity, work.flow.id, decision.at
        new = decision.registers
        if new:
            reservations = await self._reserve(work, decision, ())
            if decision.key is not None:
                work.step.put.append(decision.key)
            identity.record(
                IdentityRegistered,
                at,
                flow_id=flow_id,
                profile=self.keyring.seal(identity.id, decision.profile.record()),
                reservations=reservations,
                credentials=tuple(decision.credentials),
            )
        else:
            changed = _changed(decision.previous, decision.profile)
            if changed:
                identity.record(
                    TraitsChanged,
                    at,
                    flow_id=flow_id,
                    profile=self.keyring.seal(identity.id, decision.profile.record()),
                    changed=changed,
                    reservations=await self._reserve(work, decision, identity.reservations),
                )
        record_credentials(work, self.people, decision, new=new)

    async def _reserve(self, work: Work, decision: Decision, held: Sequence[UUID]) -> tuple[UUID, ...]:
        """Takes what the new profile needs, gives back what it no longer does. Raises `Taken`."""
        wanted = self.people.reservations(decision.profile)
        for id_ in wanted:
            if id_ in held:
                continue  # it is theirs: giving it back would have been an event of this identity
            reservation = await self.people.streams.load(Reservation, id_)
            if reservation.holder is not None and reservation.holder != decision.identity.id:
                raise Taken(reservation.holder)
            if reservation.holder is None:
                reservation.record(IdentifierReserved, decision.at, identity_id=decision.identity.id)
                work.add(reservation)
        for id_ in held:
            if id_ not in wanted:
                reservation = await self.people.streams.load(Reservation, id_)
                reservation.record(IdentifierReleased, decision.at, identity_id=decision.identity.id)
                work.add(reservation)
        return wanted

    def _verified(self, work: Work, decision: Decision) -> None:
        """Records addresses shown to be the person's, where the profile is not written anew anyway."""
        for address in decision.profile.verifiable:
            if (address.via, address.value) in decision.verified and not address.verified:
                decision.identity.record(AddressVerified, decision.at, flow_id=work.flow.id, address_id=address.id)
        if decision.verified and decision.identity.verified:
            decision.profile = decision.identity.confirm(decision.profile)

    # -- sessions

    async def _session(self, work: Work, decision: Decision) -> None:
        session = decision.session
        if session is None or not session.pending:
            return
        secrets = cookie_secrets(self.people.rules.configuration.secrets)
        if decision.session_token is not None:
            work.step.put.append(token_row(session, decision.session_token, secrets))
        elif kept := await self.people.streams.store.vault(session.id, "token"):
            work.step.put.append(replace(kept, expires_at=session.expires_at))
        decision.identity.record(
            SessionOpened, decision.at, flow_id=work.flow.id, session_id=session.id, expires_at=session.expires_at
        )
        work.add(session)

    async def _strengthen(self, work: Work, decision: Decision) -> None:
        """A factor that was set up has been shown too (Kratos); the actions saw the session as it was before."""
        if not decision.proven:
            return
        session = await self.sessions.strengthen(decision, work.flow, self.tools.clock.now())
        if session is None:
            raise Overtaken
        decision.session = session
        work.add(session)

    async def _revoke(self, work: Work, decision: Decision) -> None:
        """Ends every other active session of the identity, found through its own stream."""
        own = decision.session.id if decision.session else None
        ended = []
        for id_ in decision.identity.live_sessions(decision.at):
            if id_ == own:
                continue
            session = await self.people.streams.load(Session, id_)
            if session.active(decision.at):
                session.record(SessionRevoked, decision.at, reason="revoke_active_sessions", flow_id=work.flow.id)
                work.add(session)
                work.step.drop.append(VaultKey(id_, "token"))
            ended.append(id_)
        if ended:
            decision.identity.record(SessionsClosed, decision.at, session_ids=tuple(ended))

    # -- verification by itself

    def _to_verify(self, decision: Decision, kind: FlowKind) -> list[str]:
        """The addresses that a registration or a change leaves to be verified; they are marked as sent."""
        settings = self.people.rules.configuration.flow(FlowKind.VERIFICATION)
        if kind not in (FlowKind.REGISTRATION, FlowKind.SETTINGS) or not settings.enabled:
            return []
        if not self.people.rules.configuration.method("code").enabled:
            return []
        known = {(one.via, one.value) for one in decision.previous.verifiable} if decision.previous else set()
        due = [
            one.value
            for one in decision.profile.verifiable
            if not one.verified and one.via == "email" and (one.via, one.value) not in known
        ]
        decision.profile = replace(
            decision.profile,
            verifiable=tuple(
                replace(one, status="sent") if one.value in due and not one.verified else one
                for one in decision.profile.verifiable
            ),
        )
        return due


def _changed(before: Profile | None, after: Profile) -> tuple[str, ...]:
    """The parts of a profile that differ."""
    if before is None:
        return ()
    return tuple(part for part in PARTS if getattr(before, part) != getattr(after, part))
