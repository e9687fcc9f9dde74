"""Completion: the one append in which an accepted submission comes true.

Flow, identity, sessions, reservations, self-started verification and scheduled deliveries are decided together and
written together. Where another stream has moved on meanwhile, the decision is taken again on what is there now.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from limen.domain.address_change import dropped, settings_context
from limen.domain.catching_up import Overtaken, catch_up
from limen.domain.code import ROW
from limen.domain.configuration import FlowKind
from limen.domain.decision import Decision, stays_out
from limen.domain.errors import StoreConflict
from limen.domain.flow import Flow
from limen.domain.lockouts import Lockouts
from limen.domain.mails import address_changed
from limen.domain.mention import bind
from limen.domain.pending import KIND as PENDING
from limen.domain.plan import SETTINGS, Plan
from limen.domain.ports import VaultKey
from limen.domain.presenter import Presenter
from limen.domain.previous_addresses import recipients
from limen.domain.profile_change import ProfileChange
from limen.domain.request import Request
from limen.domain.scheduling import Schedule, Scheduler
from limen.domain.self_verification import StartedVerification, start_verification, verifies_by_itself
from limen.domain.session_change import SessionChange
from limen.domain.sessions import Sessions
from limen.domain.streams import ATTEMPTS
from limen.domain.tools import Tools
from limen.domain.waiting_change import change_key
from limen.domain.work import Work


class Dropped(Exception):
    """A change that waited does not come true any more. `reason` is a class of reasons, as in `MethodRefused`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(slots=True)
class Completed:
    """What the append brought about."""

    work: Work
    decision: Decision
    schedule: Schedule
    verifications: list[StartedVerification] = field(default_factory=list)
    mails: list[UUID] = field(default_factory=list)


class Completion:
    """Completes flows under one configuration."""

    def __init__(self, tools: Tools, sessions: Sessions, presenter: Presenter, scheduler: Scheduler) -> None:
        self.tools = tools
        self.sessions = sessions
        self.people = sessions.people
        self.presenter = presenter
        self.scheduler = scheduler
        self.profiles = ProfileChange(self.people)
        self.session_change = SessionChange(sessions)
        self.lockouts = Lockouts(tools, self.people)

    async def complete(self, work: Work, decision: Decision, plan: Plan, request: Request) -> Completed:
        """Commits the decision.

        Raises `Taken` (`limen.domain.holding`) when an identifier is somebody else's, `Overtaken` when the decision
        must not be taken again and `Dropped` when a change that waited comes true no more (nothing was written then),
        `FlowNotFound` when the person has been erased meanwhile.
        """
        turn = self.people.streams.turn(decision.identity.id)
        behind = turn.locked()
        async with turn:
            for _ in range(ATTEMPTS):
                if behind and not decision.registers:
                    await catch_up(self.people, work.flow, decision)
                done = Completed(work.branch(), replace(decision), Schedule())
                try:
                    await self._decide(done, plan, request)
                    await done.work.commit()
                except StoreConflict:
                    behind = True
                    continue
                return done
        raise Overtaken

    async def _decide(self, done: Completed, plan: Plan, request: Request) -> None:
        work, decision = done.work, done.decision
        flow = work.flow
        now = self.tools.clock.now()  # the blocking actions took their time since the decision
        reason = await dropped(self.people, decision, now)
        if reason is not None:
            raise Dropped(reason)
        decision.identity = decision.identity.clone()
        due = self._to_verify(decision, flow, plan)
        await self.profiles.record(work, decision)
        self.profiles.verified(work, decision)
        for planned in plan.timed("with_commit"):
            flow.fire("answer_action", now, action=planned.ref, attempt=1, verdict="continue", duration=0.0)
        if plan.has("revoke_active_sessions"):
            await self.session_change.revoke_others(work, decision)
        done.mails = self._tell_previous_addresses(work, decision, plan, now)
        await self.session_change.record(work, decision)
        for address in due:
            asked = self.presenter.request(flow)
            started = await start_verification(work, self.tools, self.people, self.scheduler, decision, address, asked)
            done.verifications.append(started)
        done.schedule = await self._schedule(work, decision, plan, request, now)
        before = self.people.challenged(self.presenter.challenge(flow))
        bind(work.step, flow.id, decision.identity, before)
        await self.lockouts.lift(work, decision, now)
        if not await self.session_change.strengthen(work, decision, self.tools.clock.now()):
            raise Overtaken
        work.step.put = [row for row in work.step.put if (row.owner, row.kind) != (flow.id, PENDING)]
        work.step.drop += [VaultKey(flow.id, ROW), VaultKey(flow.id, PENDING)]
        if decision.waiting is not None:
            work.step.drop.append(change_key(flow.id))
        work.add(decision.identity)
        flow.fire(
            "complete",
            now,
            method=decision.method,
            identity_id=decision.identity.id,
            session_id=decision.session.id if decision.session else None,
            deliveries=(*done.schedule.ids, *done.mails),
            started=tuple(one.flow_id for one in done.verifications),
        )

    # -- what runs after the commit, decided with it

    async def _schedule(self, work: Work, decision: Decision, plan: Plan, request: Request, now: datetime) -> Schedule:
        """The actions after the commit. Those of a change that waited are given the settings flow that asked for it."""
        flow, whose = work.flow, decision.identity.id
        later, schedule = list(plan.timed("after_commit", "delivery")), Schedule()
        if stays_out(flow, decision):
            later = []
        if decision.waiting is not None:
            settings = [one for one in later if one.ref.method == SETTINGS.method]
            later = [one for one in later if one.ref.method != SETTINGS.method]
            context = await settings_context(self.presenter, self.sessions, decision, request)
            schedule = await self.scheduler.actions(
                settings, work, context, now, identity_id=whose, name=SETTINGS.method
            )
        return await self.scheduler.actions(
            later,
            work,
            lambda: self.presenter.context(flow, request, phase="after", decision=decision, state="completed"),
            now,
            identity_id=whose,
            after=schedule,
        )

    def _tell_previous_addresses(self, work: Work, decision: Decision, plan: Plan, now: datetime) -> list[UUID]:
        """`notify_previous_addresses`: one message an address, scheduled with the commit."""
        told: list[str] = []
        for planned in plan.timed("with_commit"):
            if planned.ref.hook == "notify_previous_addresses" and planned.action is not None:
                told += recipients(planned.action.config, decision.previous, decision.profile)
        account = decision.identity.id
        return [
            self.scheduler.message(address_changed(to, account, now), work, now, identity_id=account)
            for to in dict.fromkeys(told)
        ]

    # -- verification by itself

    def _to_verify(self, decision: Decision, flow: Flow, plan: Plan) -> list[str]:
        """The addresses that a registration or a change leaves to be verified; they are marked as sent.

        `verification` has login do so too, at the first factor, for the first address that is not verified (Kratos).
        """
        if stays_out(flow, decision) or not verifies_by_itself(self.people.rules.configuration):
            return []
        if flow.kind is FlowKind.LOGIN and plan.has("verification") and flow.requested_aal == "aal1":
            mine, shown = decision.profile.verifiable, decision.verified  # by the very code that was just given
            return [
                one.value
                for one in mine
                if one.via == "email" and not one.verified and (one.via, one.value) not in shown
            ][:1]
        if flow.kind not in (FlowKind.REGISTRATION, FlowKind.SETTINGS):
            return []
        before = decision.previous.verifiable if decision.previous else ()
        known = {(one.via, one.value) for one in before if not one.verified}  # else an action took that back
        due = [
            one.value
            for one in decision.profile.verifiable
            if not one.verified and one.via == "email" and (one.via, one.value) not in known.union(decision.verified)
        ]
        decision.profile = replace(
            decision.profile,
            verifiable=tuple(
                replace(one, status="sent") if one.value in due and not one.verified else one
                for one in decision.profile.verifiable
            ),
        )
        return due
