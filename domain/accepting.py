"""Accepting: a method said yes. The after-actions run, and one append makes it true."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from limen.domain.address_change import AddressChange, dropped
from limen.domain.answer import Failure
from limen.domain.assurance import second_factors
from limen.domain.catching_up import Overtaken
from limen.domain.code import ROW
from limen.domain.completion import Completed, Completion, Dropped
from limen.domain.configuration import FlowKind, Slot
from limen.domain.deciding import Deciding, linked
from limen.domain.decision import Decision, switched_off
from limen.domain.desk import Desk
from limen.domain.document import Drawn
from limen.domain.errors import ActionFailed, FlowOvertaken
from limen.domain.flow import Flow
from limen.domain.holding import Taken
from limen.domain.identity import Identity
from limen.domain.linking import AddressTaken, Link, link_of
from limen.domain.message import Message
from limen.domain.method import AWAY, Accepted, Refused, Submission
from limen.domain.modification import Unfit, modify
from limen.domain.next_steps import NextSteps
from limen.domain.outcome import Outcome
from limen.domain.plan import Plan, Planned
from limen.domain.ports import VaultKey
from limen.domain.precedence import VERIFY_NEW_ADDRESS
from limen.domain.reply import Reply
from limen.domain.request import Request
from limen.domain.self_verification import StartedVerification, start_verification, verifies_by_itself
from limen.domain.session import Authentication
from limen.domain.sessions import SignedIn
from limen.domain.stage import Stopped, announce, run
from limen.domain.token_exchange import put_off
from limen.domain.ui import messages, oidc_messages
from limen.domain.waiting_change import change_key
from limen.domain.work import Work

VERIFIED_REQUIRED = "session_verified_address_required"


class Accepting:
    """Takes an accepted submission to its end."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.services = desk.services
        self.tools = desk.services.tools
        self.scheduler = desk.scheduler
        self.reply = Reply(desk)
        self.deciding = Deciding(desk)
        self.next_steps = NextSteps(desk)
        self.address_change = AddressChange(desk)
        self.completion = Completion(self.tools, desk.sessions, desk.presenter, self.scheduler)

    async def accept(
        self, work: Work, verdict: Accepted, submission: Submission, request: Request, signed_in: SignedIn | None
    ) -> Outcome:
        """Raises `AddressTaken` where the address is somebody's who may have this provider linked."""
        flow, link = work.flow, await self._link(submission)
        if link is not None:
            if verdict.identity is None or verdict.identity.id != link.holder:
                whose = verdict.identity.id if verdict.identity else None
                refused = Refused("other_account", (oidc_messages.other_account(),), identity_id=whose)
                return await self.reply.refuse(work, refused, signed_in, request)
            if self._second_factors(verdict.identity):
                refused = Refused("second_factor", (oidc_messages.link_in_settings(),), identity_id=link.holder)
                return await self.reply.refuse(work, refused, signed_in, request)
            verdict = await linked(self.desk.people, verdict, link.wanted)
        decision = self.deciding.decision(verdict, submission, signed_in)
        if link is not None:
            shown = Authentication(method=link.method, aal="aal1", completed_at=decision.at, provider=link.provider)
            decision.also = (shown,)
        if switched_off(flow, decision) and not decision.registers:
            whose = decision.identity.id
            refused = Refused("identity_disabled", (messages.identity_disabled(),), verdict.values, whose)
            return await self.reply.refuse(work, refused, signed_in, request, error="identity_disabled")
        reason = await dropped(self.desk.people, decision, decision.at)
        if reason is not None:
            return await self._drop(work, reason, decision, request)
        flow.fire("accept", decision.at, method=decision.method, identity_id=decision.identity.id, aal=decision.aal)
        chosen = self.address_change.plan(self.desk.plan(self._slot(flow)), decision.waiting)
        announce(chosen, work, decision.at)
        signs_in = chosen.has("session") if verdict.signs_in is None else verdict.signs_in
        self.deciding.sign_in(flow, decision, signs_in, request, signed_in)
        if submission.returned:
            put_off(decision, self.desk.presenter.request(flow), self.tools.secrets)
        return await self._carry_out(work, verdict, decision, chosen, request, signed_in)

    async def _carry_out(
        self,
        work: Work,
        verdict: Accepted,
        decision: Decision,
        chosen: Plan,
        request: Request,
        signed_in: SignedIn | None,
    ) -> Outcome:
        """The after-actions, and the append."""
        try:
            stopped = await self._before_commit(work, decision, chosen, request)
            if stopped is not None:
                return await self._stopped(work, stopped, decision, signed_in, verdict.values)
            if switched_off(work.flow, decision):
                decision.session, decision.session_token, decision.return_code = None, None, None
            done = await self.completion.complete(work, decision, chosen, request)
        except Unfit as unfit:
            refused = Refused("unfit", unfit.faults, _kept(work.flow, verdict))
            return await self.reply.refuse(work, refused, signed_in, request)
        except Taken as taken:
            identifier = self.desk.people.identifier_of(decision.profile, taken.reservation)
            if verdict.linkable is not None and identifier is not None:
                raise AddressTaken(verdict.linkable, taken.holder, identifier) from None
            values = _kept(work.flow, verdict)
            refused = Refused("duplicate", (messages.duplicate_credentials(),), values, taken.holder)
            return await self.reply.refuse(work, refused, signed_in, request)
        except Dropped as gone:
            return await self._drop(work, gone.reason, decision, request)
        except Overtaken:
            work.flow.fire("release", self.tools.clock.now(), reason="overtaken", identity_id=work.flow.owner)
            await work.commit()
            raise FlowOvertaken(work.flow.id) from None
        return await self._completed(done, chosen, request)

    async def _drop(self, work: Work, reason: str, decision: Decision, request: Request) -> Outcome:
        """A change that waited comes true no more: to who verified its address the code is worth nothing (Kratos)."""
        flow = work.flow
        work.step.drop += [VaultKey(flow.id, ROW), change_key(flow.id)]
        refused = Refused(reason, (messages.code_invalid(flow.kind),), identity_id=decision.identity.id)
        return await self.reply.refuse(work, refused, None, request)

    def _slot(self, flow: Flow) -> Slot:
        return Slot(flow.kind, "after", flow.method)

    def _second_factors(self, identity: Identity) -> bool:
        """Whether the first factor alone must not add another way in (as in settings, `Admission.guarded`)."""
        return bool(second_factors(self.desk.rules, identity, self.desk.people.profile(identity)))

    async def _link(self, submission: Submission) -> Link | None:
        """What waits in a login for this account to be proven."""
        if not submission.flow.linking:
            return None
        return await link_of(self.services.streams.store, self.tools.keyring, submission.flow)

    async def _before_commit(self, work: Work, decision: Decision, chosen: Plan, request: Request) -> Stopped | None:
        changes_identity = work.flow.kind in (FlowKind.REGISTRATION, FlowKind.SETTINGS)

        def context() -> dict[str, Any]:
            hidden = decision if work.flow.kind is not FlowKind.REGISTRATION else replace(decision, session=None)
            return self.desk.presenter.context(work.flow, request, phase="after", decision=hidden)

        def take_over(changes: Mapping[str, Any]) -> None:
            decision.profile = modify(self.desk.people, decision.profile, changes, decision.at)

        return await run(
            self.services.runner,
            list(chosen.timed("before_commit")),
            work,
            context,
            modify=take_over if changes_identity else None,
            builtin=lambda planned: self._builtin(work, decision, planned),
        )

    def _builtin(self, work: Work, decision: Decision, planned: Planned) -> Stopped | None:
        """What looks at the identity and asks nobody: whether it passes, and what is said where it does not."""
        told = self._unverified(decision)
        if planned.ref.hook == VERIFY_NEW_ADDRESS:
            told = self.address_change.verdict(decision)
        verdict = "continue" if told is None else "interrupt"
        now = self.tools.clock.now()
        work.flow.fire("answer_action", now, action=planned.ref, attempt=1, verdict=verdict, duration=0.0)
        return None if told is None else Stopped(planned, messages=told)

    def _unverified(self, decision: Decision) -> tuple[Message, ...] | None:
        """`require_verified_address`: some address of the identity must be verified, by whatever method it came."""
        shown = decision.verified  # by the very code that was just submitted: as good as verified before
        passes = any(one.verified or (one.via, one.value) in shown for one in decision.profile.verifiable)
        return None if passes else (messages.address_not_verified(),)

    async def _stopped(
        self,
        work: Work,
        stopped: Stopped,
        decision: Decision,
        signed_in: SignedIn | None,
        values: Mapping[str, Any],
    ) -> Outcome:
        flow, now, action = work.flow, self.tools.clock.now(), stopped.planned.ref
        if stopped.failure is not None:
            flow.fire("release", now, reason="action_failed", identity_id=flow.owner)
            await work.commit()
            raise _failed(flow, action.id, stopped.failure)
        if action.hook == VERIFY_NEW_ADDRESS:
            return await self._wait(work, stopped, decision, signed_in, values)
        form = self.reply.form(flow, stopped.messages, values)
        flow.fire("interrupt", now, action=action.id, form=form, identity_id=flow.owner)
        if action.hook != "require_verified_address":
            await work.commit()
            return await self.reply.outcome(flow, signed_in)
        begun = await self._start_verifications(work, decision, now)
        steps = [self.next_steps.show_verification(started, url=True) for started in begun]
        await work.commit()
        await self.services.dispatcher.take_up(started.delivery for started in begun)
        return await self.reply.outcome(flow, signed_in, error=VERIFIED_REQUIRED, continue_with=tuple(steps))

    async def _wait(
        self,
        work: Work,
        stopped: Stopped,
        decision: Decision,
        signed_in: SignedIn | None,
        values: Mapping[str, Any],
    ) -> Outcome:
        """The change waits until its new address is verified, or is refused; the settings are their user's again."""
        told = stopped.messages
        if not told and await self.address_change.taken(decision) is not None:
            told = (messages.duplicate_credentials(),)
        flow, decision.at = work.flow, self.tools.clock.now()
        form = self.reply.form(flow, told, values if told else {})
        flow.fire("interrupt", decision.at, action=stopped.planned.ref.id, form=form, identity_id=flow.owner)
        if told:
            await work.commit()
            return await self.reply.outcome(flow, signed_in)
        flow, started = await self.address_change.hold(work, decision)
        await self.services.dispatcher.take_up([started.delivery])
        step = self.next_steps.show_verification(started, url=flow.type == "browser")
        return await self.reply.outcome(flow, signed_in, continue_with=(step,))

    async def _start_verifications(self, work: Work, decision: Decision, now: datetime) -> list[StartedVerification]:
        """Sends the person off to verify the first of their addresses that a mail reaches; none is verified yet."""
        begun: list[StartedVerification] = []
        verifies = verifies_by_itself(self.desk.rules.configuration)
        decision.at = now
        reached = [one.value for one in decision.profile.verifiable if one.via == "email"] if verifies else []
        for address in reached[:1]:
            started = await start_verification(
                work,
                self.tools,
                self.desk.people,
                self.scheduler,
                decision,
                address,
                self.desk.presenter.request(work.flow),
            )
            begun.append(started)
        return begun

    # -- after the commit

    async def _completed(self, done: Completed, chosen: Plan, request: Request) -> Outcome:
        flow, decision = done.work.flow, done.decision
        mails = [*(started.delivery for started in done.verifications), *done.mails]
        failure = await self.services.dispatcher.follow(done.schedule, mails)
        outcome = await self._success(done, chosen, request)
        if done.schedule.failed is not None:
            planned, detail = done.schedule.failed
            failure = failure or (planned.ref.id, Failure("template", detail))
        if failure is not None:
            error = _failed(flow, failure[0], failure[1], stands=True)
            error.outcome = outcome
            raise error
        return replace(outcome, error="identity_disabled") if switched_off(flow, decision) else outcome

    async def _success(self, done: Completed, chosen: Plan, request: Request) -> Outcome:
        flow, decision = done.work.flow, done.decision
        presenter = self.desk.presenter
        lacks = self.next_steps.lacks_second_factor(flow, decision)
        identity = Drawn(lambda: presenter.identity(decision))
        told = None if lacks else identity
        theirs = flow.kind is FlowKind.SETTINGS or flow.requested_aal != "aal1"
        shown = (decision.identity, decision.profile) if theirs else (None, None)
        second_factor = self.next_steps.second_factor(flow) if lacks else None
        return Outcome(
            state=flow.state,
            flow=await self.desk.view(flow, *shown),
            identity=identity,
            session=Drawn(lambda: presenter.session(decision, told) or {}) if decision.session else None,
            session_token=decision.session_token,
            return_code=decision.return_code,
            error=AWAY if second_factor else None,
            redirect_browser_to=second_factor,
            continue_with=tuple(await self.next_steps.after(done, chosen, request)),
        )


def _failed(flow: Flow, action: str, failure: Failure, *, stands: bool = False) -> ActionFailed:
    return ActionFailed(action, failure.reason, failure.detail, flow_id=flow.id, stands=stands)


def _kept(flow: Flow, verdict: Accepted) -> Mapping[str, Any]:
    """What the form keeps: all of it in settings (Kratos), and for who need not be sent away again."""
    return verdict.values if verdict.pending is not None or flow.kind is FlowKind.SETTINGS else {}
