"""Submitting: a method is tried; if it is accepted, the after-actions run, and one append makes it true."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from limen.domain.accepting import Accepting
from limen.domain.admission import Admission
from limen.domain.assurance import SECOND_FACTORS
from limen.domain.code import ROW, challenge_record, code_row, sent_code
from limen.domain.configuration import FlowKind
from limen.domain.desk import Desk
from limen.domain.document import thaw
from limen.domain.flow import Flow
from limen.domain.form_values import decode_form
from limen.domain.guard import guard
from limen.domain.mention import bind, mention
from limen.domain.method import Accepted, Challenged, Exhausted, Refused, Shown, Submission, offers
from limen.domain.network import hashed, network_of
from limen.domain.opening import Opening
from limen.domain.outcome import Outcome
from limen.domain.pending import pending_row, pending_secret
from limen.domain.reply import Reply
from limen.domain.request import Request
from limen.domain.sessions import SignedIn
from limen.domain.throttle import held_back, miss
from limen.domain.ui import factor_messages, messages
from limen.domain.work import Work

VERIFIED_REQUIRED = "session_verified_address_required"


class Submitting:
    """Takes one submission through the house."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.tools = desk.services.tools
        self.keyring = self.tools.keyring
        self.scheduler = desk.scheduler
        self.reply = Reply(desk)
        self.admission = Admission(desk.people)

    async def submit(
        self,
        flow: Flow,
        method: str | None,
        values: Mapping[str, Any],
        request: Request,
        session_token: str | None,
        transient_payload: Any,
    ) -> Outcome:
        """Judges the submission and does what follows from the verdict."""
        guard(values)
        values = thaw(values)
        if transient_payload is None:
            transient_payload = values.get("transient_payload")
        if transient_payload is not None:
            guard(transient_payload, "/transient_payload")
            transient_payload = thaw(transient_payload)
        work = self.desk.work(flow)
        signed_in = await self.desk.sessions.of(session_token)
        self.admission.admit(flow, signed_in)
        chosen = self.desk.methods.get(method) if isinstance(method, str) else None
        if chosen is None or flow.kind not in chosen.flows or not self._offers(flow, chosen.name):
            return await self._dismiss(work, request, signed_in)
        now = self.tools.clock.now()
        if chosen.name in SECOND_FACTORS:
            self.admission.guarded(flow, signed_in, now)
        submission = await self._submission(flow, chosen.name, values, signed_in, now)
        verdict = self._held_back(submission, chosen.name) or await chosen.submit(submission)
        if isinstance(verdict, Accepted):
            self.admission.privileged(flow, verdict, signed_in, now)
        sealed = self.keyring.seal(flow.id, {"transient_payload": transient_payload or {}})
        network = self._network(request)
        flow.fire("submit", now, method=chosen.name, submission=sealed, network=network)
        mention(work.step, flow.id, self.desk.people.typed(submission.values))
        match verdict:
            case Refused() | Exhausted():
                return await self._refuse(work, verdict, signed_in, request)
            case Shown():
                return await self._show(work, verdict, signed_in)
            case Challenged():
                return await self._challenge(work, verdict)
            case Accepted():
                return await Accepting(self.desk).accept(work, verdict, submission, request, signed_in)

    def _network(self, request: Request) -> UUID | None:
        return hashed(self.keyring, network_of(request.address))

    # -- who may, and what with

    def _held_back(self, submission: Submission, method: str) -> Refused | None:
        """Too many wrong codes of a second factor: none is looked at for a while."""
        identity = submission.identity
        if submission.flow.kind is not FlowKind.LOGIN or method not in SECOND_FACTORS or identity is None:
            return None
        until = held_back(identity, method, submission.now)
        return Refused("held_back", (factor_messages.too_many_wrong(until),)) if until else None

    def _offers(self, flow: Flow, method: str) -> bool:
        return offers(self.desk.rules.configuration, flow.kind, method, flow.requested_aal)

    async def _submission(
        self, flow: Flow, method: str, values: Mapping[str, Any], signed_in: SignedIn | None, now: datetime
    ) -> Submission:
        kept, _ = self.desk.presenter.kept(flow)
        store, pending = self.desk.services.streams.store, None
        row = await store.vault(flow.id, ROW) if flow.state == "sent_email" else None
        if flow.kind is FlowKind.SETTINGS and method in SECOND_FACTORS:
            pending = await pending_secret(store, self.keyring, flow, method)
        schema = self.desk.rules.schemas[signed_in.profile.schema_id if signed_in else self.desk.rules.default_schema]
        return Submission(
            flow=flow,
            values=decode_form(values, schema),
            kept=kept,
            people=self.desk.people,
            now=now,
            challenge=self.desk.presenter.challenge(flow),
            code=sent_code(self.keyring, flow.id, row),
            identity=signed_in.identity if signed_in else None,
            profile=signed_in.profile if signed_in else None,
            pending=pending,
        )

    # -- no

    async def _dismiss(self, work: Work, request: Request, signed_in: SignedIn | None) -> Outcome:
        """No method of this flow was named: said on the flow, nothing was tried."""
        kept, _ = self.desk.presenter.kept(work.flow)
        form = self.reply.form(work.flow, (messages.no_method(work.flow.kind),), kept)
        network = self._network(request)
        work.flow.fire("dismiss", self.tools.clock.now(), reason="no_method", form=form, network=network)
        await work.commit()
        return await self.reply.outcome(work.flow, signed_in)

    async def _refuse(
        self, work: Work, verdict: Refused | Exhausted, signed_in: SignedIn | None, request: Request
    ) -> Outcome:
        """The answer is no. A wrong code of a second factor counts against it, whichever flow it was tried in."""
        flow = work.flow
        guessed = isinstance(verdict, Exhausted) or verdict.reason == "wrong_code"
        if flow.kind is FlowKind.LOGIN and flow.method in SECOND_FACTORS and signed_in is not None and guessed:
            await miss(self.desk.people, self.tools.clock, signed_in.identity, flow.method, flow.id)
        if isinstance(verdict, Exhausted):
            return await self._exhaust(work, verdict, request)
        if flow.method in SECOND_FACTORS and signed_in is not None:
            verdict = replace(verdict, identity_id=signed_in.identity.id)
        return await self.reply.refuse(work, verdict, signed_in)

    async def _show(self, work: Work, verdict: Shown, signed_in: SignedIn | None) -> Outcome:
        """Secrets are shown on the form; new ones are kept until they are confirmed."""
        flow = work.flow
        assert flow.method is not None
        if verdict.pending is not None:
            work.step.put.append(pending_row(self.keyring, flow, flow.method, verdict.pending))
        form = self.reply.form(flow, (), verdict.values)
        flow.fire("show", self.tools.clock.now(), method=flow.method, what=verdict.what, form=form)
        await work.commit()
        return await self.reply.outcome(flow, signed_in)

    async def _exhaust(self, work: Work, verdict: Exhausted, request: Request) -> Outcome:
        """One wrong code too many: the flow ends; recovery and verification go on with a new one."""
        flow = work.flow
        flow.fire(
            "fail", self.tools.clock.now(), reason="too_many_codes", form=self.reply.form(flow, verdict.messages, {})
        )
        await work.commit()
        outcome = await self.reply.outcome(flow, None, error="too_many_attempts")
        if flow.kind not in (FlowKind.RECOVERY, FlowKind.VERIFICATION):
            return outcome
        new = await Opening(self.desk).start(flow.kind, request, type_=flow.type, replaces=flow.id)
        step = {"action": f"show_{flow.kind}_ui", "flow": {"id": str(new.id)}}
        return replace(outcome, continue_with=(step,))

    # -- a code is due

    async def _challenge(self, work: Work, verdict: Challenged) -> Outcome:
        flow, now = work.flow, self.tools.clock.now()
        identity_id = verdict.identity.id if verdict.identity else None
        work.step.put.append(
            code_row(
                self.keyring,
                flow.id,
                verdict.code,
                address=verdict.address,
                via=verdict.via,
                now=now,
                lifespan=verdict.lifespan,
                identity_id=identity_id,
            )
        )
        if verdict.identity is not None:
            bind(work.step, flow.id, verdict.identity)
        deliveries = (self.scheduler.message(verdict.mail, work, now, identity_id=identity_id),) if verdict.mail else ()
        assert flow.method is not None
        flow.fire(
            "challenge",
            now,
            method=flow.method,
            challenge=self.keyring.seal(flow.id, challenge_record(verdict.address, verdict.via, verdict.values)),
            code_expires_at=now + timedelta(seconds=verdict.lifespan),
            resent=verdict.resent,
            deliveries=deliveries,
            identity_id=identity_id,
        )
        await work.commit()
        await self.desk.services.dispatcher.take_up(deliveries)
        return await self.reply.outcome(flow, None)
