"""Unfinished: what follows from a submission that was not accepted: refused, a code sent, the form a step further."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from limen.domain.address_change import AddressChange
from limen.domain.assurance import asks_second_factor
from limen.domain.challenging import send_code
from limen.domain.configuration import FlowKind
from limen.domain.desk import Desk
from limen.domain.flow import Flow
from limen.domain.mention import bind, mention
from limen.domain.method import AWAY, LOWER_COUNTER, Advanced, Away, Challenged, Exhausted, Refused, Shown
from limen.domain.next_steps import NextSteps, with_flow
from limen.domain.opening import Opening
from limen.domain.outcome import Outcome
from limen.domain.pending import pending_key, pending_row
from limen.domain.ports import VaultKey
from limen.domain.reply import Reply
from limen.domain.request import Request
from limen.domain.sessions import SignedIn
from limen.domain.throttle import miss
from limen.domain.triggers import Failure
from limen.domain.ui import messages
from limen.domain.work import Work

EXHAUSTED = "too_many_codes"
"""Why a flow fails in which too many wrong codes were given."""


class Unfinished:
    """Leaves flows with their users, under one configuration."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.tools = desk.services.tools
        self.keyring = self.tools.keyring
        self.scheduler = desk.scheduler
        self.reply = Reply(desk)

    async def dismiss(
        self, work: Work, network: UUID | None, signed_in: SignedIn | None, values: Mapping[str, Any]
    ) -> Outcome:
        """No method of this flow was named: said on the flow, nothing was tried."""
        kept, _ = self.desk.presenter.kept(work.flow)
        if work.flow.kind is FlowKind.VERIFICATION and work.flow.state != "sent_email":  # there alone Kratos keeps it
            typed = values.get("email")
            kept["email"] = typed if isinstance(typed, str) else ""
            people = self.desk.people
            mention(work.step, work.flow.id, people.typed(kept, people.rules.schema_of(work.flow)))
        form = self.reply.form(work.flow, (messages.no_method(work.flow.kind),), kept)
        work.flow.fire("dismiss", self.tools.clock.now(), reason="no_method", form=form, network=network)
        await work.commit()
        return await self.reply.outcome(work.flow, signed_in)

    async def refuse(
        self, work: Work, verdict: Refused | Exhausted, signed_in: SignedIn | None, request: Request
    ) -> Outcome:
        """The answer is no. A wrong code of a second factor counts against it, whichever flow it was tried in."""
        flow = work.flow
        guessed = isinstance(verdict, Exhausted) or verdict.reason == "wrong_code"
        person = signed_in.identity if signed_in is not None and asks_second_factor(flow) else None
        if person is not None and flow.method is not None and guessed:
            await miss(self.desk.people, self.tools.clock, person, flow.method, flow.id)
        if isinstance(verdict, Refused) and verdict.reason == LOWER_COUNTER:
            await self._count(verdict, flow)
        if isinstance(verdict, Exhausted):
            return await self._exhaust(work, verdict, signed_in, request)
        if person is not None:
            verdict = replace(verdict, identity_id=person.id)
        return await self.reply.refuse(work, verdict, signed_in, request)

    async def _count(self, verdict: Refused, flow: Flow) -> None:
        """A counter that went back: the key may have been copied (WebAuthn Level 3 §6.1.1)."""
        people, method = self.desk.people, flow.method
        identity = await people.identity(verdict.identity_id) if verdict.identity_id else None
        if identity is not None and method is not None:
            await miss(people, self.tools.clock, identity, method, flow.id)

    def use_up(self, work: Work, method: str, pending: str | None) -> None:
        """What a flow kept for a method counts once; `pending` is what it keeps from now on."""
        work.step.drop.append(pending_key(work.flow, method))
        if pending is not None:
            work.step.put.append(pending_row(self.keyring, work.flow, method, pending))

    async def show(self, work: Work, verdict: Shown, signed_in: SignedIn | None) -> Outcome:
        """Secrets are shown on the form; new ones are kept until they are confirmed."""
        flow = work.flow
        assert flow.method is not None
        if verdict.pending is not None:
            work.step.put.append(pending_row(self.keyring, flow, flow.method, verdict.pending))
        form = self.reply.form(flow, (), verdict.values)
        flow.fire("show", self.tools.clock.now(), method=flow.method, what=verdict.what, form=form)
        await work.commit()
        return await self.reply.outcome(flow, signed_in)

    async def advance(self, work: Work, verdict: Advanced, signed_in: SignedIn | None) -> Outcome:
        """The form goes a step on: nothing is proven yet."""
        flow = work.flow
        assert flow.method is not None
        if verdict.pending is not None:
            work.step.put.append(pending_row(self.keyring, flow, flow.method, verdict.pending))
        form = self.reply.form(flow, verdict.messages, verdict.values)
        flow.fire("advance", self.tools.clock.now(), method=flow.method, step=verdict.step, form=form)
        await work.commit()
        outcome = await self.reply.outcome(flow, signed_in, error=verdict.error)
        page = self.desk.rules.configuration.flow(flow.kind).ui_url
        if verdict.error != AWAY or not page:
            return outcome
        return replace(outcome, redirect_browser_to=with_flow(page, flow.id))

    async def send_away(self, work: Work, verdict: Away, signed_in: SignedIn | None) -> Outcome:
        """The person goes elsewhere; what they have to bring back is kept first."""
        flow = work.flow
        assert flow.method is not None
        form, now = self.reply.form(flow, (), verdict.values), self.tools.clock.now()
        flow.fire("redirect", now, method=flow.method, provider=verdict.provider, form=form)
        await work.commit()
        outcome = await self.reply.outcome(flow, signed_in, error=AWAY)
        return replace(outcome, redirect_browser_to=verdict.url)

    async def _exhaust(self, work: Work, verdict: Exhausted, signed_in: SignedIn | None, request: Request) -> Outcome:
        """One wrong code too many: the flow ends; recovery and verification go on with a new one.

        A change that waited for this verification waits for that one, and its code is on the way already.
        """
        flow, now, triggers = work.flow, self.tools.clock.now(), self.reply.triggers
        due, form = triggers.of_failure(flow, EXHAUSTED), self.reply.form(flow, verdict.messages, {})
        flow.fire("fail", now, reason=EXHAUSTED, form=form, deliveries=due.ids)
        whose = verdict.identity_id
        if asks_second_factor(flow) and signed_in is not None:
            whose = signed_in.identity.id
        await triggers.tell_failure(due, work, Failure(EXHAUSTED, request, whose, signed_in), now)
        started = await AddressChange(self.desk).carry_over(work, now)
        if started is None:
            await work.commit()
        self.desk.services.dispatcher.wake_for(due.ids)
        outcome = await self.reply.outcome(flow, None, error="too_many_attempts")
        if started is not None:
            await self.desk.services.dispatcher.take_up([started.delivery])
            there = NextSteps(self.desk).show_verification(started, url=flow.type == "browser")
            return replace(outcome, continue_with=(there,))
        if flow.kind not in (FlowKind.RECOVERY, FlowKind.VERIFICATION):
            return outcome
        opening, said = Opening(self.desk), verdict.messages
        new = await opening.start(flow.kind, request, type_=flow.type, replaces=flow.id, says=said)
        step = {"action": f"show_{flow.kind}_ui", "flow": {"id": str(new.id)}}
        return replace(outcome, continue_with=(step,))

    async def challenge(self, work: Work, verdict: Challenged, signed_in: SignedIn | None) -> Outcome:
        """A code is on its way, or would be if anybody were known there."""
        flow, now = work.flow, self.tools.clock.now()
        assert flow.method is not None
        fields = send_code(work, verdict, self.keyring, self.scheduler, now)
        if verdict.identity is not None:
            before = self.desk.people.challenged(self.desk.presenter.challenge(flow))
            bind(work.step, flow.id, verdict.identity, before)
        else:
            work.step.drop.append(VaultKey(flow.id, "nobody"))  # nothing; the append has as many parts either way
        whose = verdict.identity.id if verdict.identity else None
        flow.fire("challenge", now, method=flow.method, resent=verdict.resent, identity_id=whose, **fields)
        await work.commit()
        await self.desk.services.dispatcher.take_up(fields["deliveries"])
        return await self.reply.outcome(flow, signed_in)
