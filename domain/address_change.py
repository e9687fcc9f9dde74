"""Address change: what `verify_new_address` does with a change of one's own profile.

The change waits until the new address is verified; then it comes true with that verification's commit, and the actions
of the settings that run after a change run there. Source: Kratos after 26.2 (its hook of that name), with departures
that are told where they are made.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.decision import Decision
from limen.domain.desk import Desk
from limen.domain.errors import FlowBusy, FlowNotFound, StoreConflict
from limen.domain.flow import Flow
from limen.domain.identifier import normalize
from limen.domain.identity import Identity, TraitsChangeHeld
from limen.domain.last_way import Person, strands
from limen.domain.mention import mention
from limen.domain.message import Message
from limen.domain.new_addresses import new_addresses, unverifiable
from limen.domain.people import People
from limen.domain.plan import SETTINGS, Plan, continued
from limen.domain.presenter import Presenter
from limen.domain.profile import Address
from limen.domain.request import Request
from limen.domain.self_verification import StartedVerification, start_verification
from limen.domain.session import Session
from limen.domain.sessions import Sessions
from limen.domain.streams import ATTEMPTS
from limen.domain.ui import messages
from limen.domain.waiting_change import WaitingChange, change_key, waiting_change
from limen.domain.work import Work


class AddressChange:
    """Changes of addresses, under one configuration."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.people = desk.people
        self.tools = desk.services.tools

    # -- asked for

    def verdict(self, decision: Decision) -> tuple[Message, ...] | None:
        """Nothing where the change need not wait; the messages that refuse it; an empty tuple where it waits.

        One new address at a time (Kratos), and none that nobody can verify. An account that an action switches off is
        switched off at once.
        """
        schemas, before, after = self.people.rules.schemas, decision.previous, decision.profile
        if decision.waiting is not None or after.state != "active":
            return None
        if unverifiable(schemas, before, after):
            return (messages.generic("nobody can verify this address, so it cannot be taken up"),)
        found = new_addresses(schemas, before, after)
        if not found:
            return None
        if len(found) > 1:
            return (messages.too_many_address_changes(),)
        if found[0].via != "email":
            return (messages.generic("no code can be sent to this address, so it cannot be verified"),)
        return ()

    async def taken(self, decision: Decision) -> UUID | None:
        """Who else holds an identifier that the change brings. Nothing is reserved before it comes true."""
        return await self.people.taken(decision.profile, decision.identity)

    async def hold(self, work: Work, decision: Decision) -> tuple[Flow, StartedVerification]:
        """Appends that the change waits, with the flow that verifies the address and the mail with its code.

        The event on the identity's stream makes it one after the other with whatever else becomes of the person.
        """
        (address,) = new_addresses(self.people.rules.schemas, decision.previous, decision.profile)
        streams = self.people.streams
        async with streams.turn(decision.identity.id):
            for _ in range(ATTEMPTS):
                identity = await self.people.identity(decision.identity.id)
                if identity is None:
                    raise FlowNotFound(work.flow.id, "the person it was of has been erased")
                waiting = self._waiting(work.flow, decision, address)
                branch = work.branch()
                started = await self._begin(branch, identity, waiting, decision)
                try:
                    await branch.commit()
                except StoreConflict:
                    continue
                return branch.flow, started
        raise FlowBusy(work.flow.id)

    async def carry_over(self, work: Work, at: datetime, type_: str | None = None) -> StartedVerification | None:
        """Appends a verification that leads nowhere any more, with another one that its change waits for from now on.

        That one has its mail on the way; `type_` is its type, where it is another. None, and nothing is appended, where
        no change waits for this flow, or none that could come true.
        """
        flow, streams = work.flow, self.people.streams
        if flow.identity_id is None or flow.kind is not FlowKind.VERIFICATION:
            return None
        async with streams.turn(flow.identity_id):
            for _ in range(ATTEMPTS):
                identity = await self.people.identity(flow.identity_id)
                waiting = await waiting_change(streams.store, self.tools.keyring, flow, identity)
                if identity is None or waiting is None:
                    return None
                there = self.people.profile(identity)
                decision = Decision(at, waiting.via, identity, waiting.profile, previous=there, waiting=waiting)
                if await dropped(self.people, decision, at) or await self.taken(decision) is not None:
                    return None
                branch = work.branch()
                started = await self._begin(branch, identity, waiting, decision, type_)
                try:
                    await branch.commit()
                except StoreConflict:
                    continue
                return started
        raise FlowBusy(flow.id)

    async def _begin(
        self, branch: Work, identity: Identity, waiting: WaitingChange, decision: Decision, type_: str | None = None
    ) -> StartedVerification:
        """The verification that a change waits for from now on, and no other, as part of another flow's work."""
        asked, earlier = self.desk.presenter.request(branch.flow), identity.awaited
        started = await start_verification(
            branch, self.tools, self.people, self.desk.scheduler, decision, waiting.address, asked, type_
        )
        lifespan = self.people.rules.configuration.flow(FlowKind.VERIFICATION).lifespan
        waiting = replace(waiting, verification=started.flow_id)
        branch.step.put.append(waiting.row(self.tools.keyring, identity.id, decision.at + lifespan))
        branch.step.drop += [change_key(earlier)] if earlier is not None else []
        mention(branch.step, started.flow_id, [self.people.reservation_id(normalize(started.address))])
        identity.record(TraitsChangeHeld, decision.at, flow_id=waiting.settings, verification_id=waiting.verification)
        branch.add(identity)
        return started

    def _waiting(self, flow: Flow, decision: Decision, address: Address) -> WaitingChange:
        assert decision.previous is not None
        assert decision.session is not None
        return WaitingChange(
            verification=flow.id,  # until the one is started that it waits for
            settings=flow.id,
            session=decision.session.id,
            via=address.via,
            address=address.value,
            before=decision.previous,
            profile=decision.profile,
            transient_payload=self.desk.presenter.transient_payload(flow),
        )

    # -- coming true

    def plan(self, own: Plan, waiting: WaitingChange | None) -> Plan:
        """What runs when an address was verified: with a change that waited, what is left of the settings' list too."""
        return continued(self.desk.plan(SETTINGS), own) if waiting is not None else own


async def dropped(people: People, decision: Decision, now: datetime) -> str | None:
    """Why the waiting change of a decision does not come true any more; None where it does.

    The session that asked is over, the identity is not what it was, or a later change took its place. That the session
    and the identity are still as they are seen here when the append is made, the version of the identity's stream says.
    """
    waiting = decision.waiting
    if waiting is None:
        return None
    if decision.identity.awaited != waiting.verification:
        return "change_replaced"
    session, there = await people.streams.load(Session, waiting.session), people.profile(decision.identity)
    if not session.active(now) or session.identity_id != decision.identity.id or there.state != "active":
        return "change_without_session"
    if waiting.outdated(there):
        return "change_outdated"
    identity = decision.identity
    if strands(people.rules, Person(identity, there), Person(identity, decision.profile)):
        return "change_of_last_way"  # the other one was removed while it waited
    if not await people.ready(waiting.settings):
        return "change_without_flow"
    return None


async def settings_context(
    presenter: Presenter, sessions: Sessions, decision: Decision, request: Request
) -> Callable[[], Mapping[str, Any]]:
    """What the settings' actions are given when a waiting change comes true: the flow and the session that asked.

    The request is the one that verified the address (Kratos).
    """
    waiting, streams = decision.waiting, sessions.people.streams
    assert waiting is not None
    flow = await streams.load(Flow, waiting.settings)
    session = await streams.load(Session, waiting.session)
    flow.method = flow.active = SETTINGS.method
    flow.submission = presenter.keyring.seal(flow.id, {"transient_payload": waiting.transient_payload})
    asked = replace(
        decision, method=SETTINGS.method or "", session=session, devices=sessions.devices(session), session_token=None
    )
    return lambda: presenter.context(flow, request, phase="after", decision=asked, state="completed")
