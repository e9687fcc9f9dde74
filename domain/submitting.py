"""Submitting: a method is tried; if it is accepted, the after-actions run, and one append makes it true."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from limen.domain.accepting import Accepting
from limen.domain.code import ROW, challenge_record, code_row, sent_code
from limen.domain.configuration import FlowKind
from limen.domain.desk import Desk
from limen.domain.document import thaw
from limen.domain.errors import RequestRefused
from limen.domain.flow import Flow
from limen.domain.form_values import decode_form
from limen.domain.guard import guard
from limen.domain.mention import bind, mention
from limen.domain.method import Accepted, Challenged, Exhausted, Refused, Submission, offers
from limen.domain.network import hashed, network_of
from limen.domain.opening import Opening
from limen.domain.outcome import Outcome
from limen.domain.reply import Reply
from limen.domain.request import Request
from limen.domain.sessions import SignedIn
from limen.domain.ui import messages
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
        self._admit(flow, signed_in)
        chosen = self.desk.methods.get(method) if isinstance(method, str) else None
        if chosen is None or flow.kind not in chosen.flows or not self._offers(flow, chosen.name):
            return await self._dismiss(work, request, signed_in)
        submission = await self._submission(flow, values, signed_in)
        verdict = await chosen.submit(submission)
        now = submission.now
        if isinstance(verdict, Accepted):
            self._privileged(flow, verdict, signed_in, now)
        sealed = self.keyring.seal(flow.id, {"transient_payload": transient_payload or {}})
        network = self._network(request)
        flow.fire("submit", now, method=chosen.name, submission=sealed, network=network)
        mention(work.step, flow.id, self.desk.people.typed(submission.values))
        match verdict:
            case Refused():
                return await self.reply.refuse(work, verdict, signed_in)
            case Challenged():
                return await self._challenge(work, verdict)
            case Exhausted():
                return await self._exhaust(work, verdict, request)
            case Accepted():
                return await Accepting(self.desk).accept(work, verdict, submission, request, signed_in)

    def _network(self, request: Request) -> UUID | None:
        return hashed(self.keyring, network_of(request.address))

    # -- who may, and what with

    def _admit(self, flow: Flow, signed_in: SignedIn | None) -> None:
        if flow.kind is FlowKind.LOGIN and flow.requested_aal != "aal1" and signed_in is None:
            raise RequestRefused("session_aal1_required", "a second factor needs the first one; sign in first")
        again = flow.kind is FlowKind.LOGIN and (flow.refresh or flow.requested_aal != "aal1")
        if flow.kind in (FlowKind.LOGIN, FlowKind.REGISTRATION) and signed_in is not None and not again:
            raise RequestRefused("session_already_available", "there is an active session already; sign out first")
        if flow.kind is not FlowKind.SETTINGS:
            return
        if signed_in is None:
            raise RequestRefused("session_inactive", "settings need an active session; sign in first")
        if signed_in.identity.id != flow.identity_id:
            raise RequestRefused("security_identity_mismatch", "this settings flow belongs to somebody else")

    def _privileged(self, flow: Flow, verdict: Accepted, signed_in: SignedIn | None, now: datetime) -> None:
        """Changing a credential, an identifier or an address takes a fresh session (Kratos' privileged session)."""
        if flow.kind is not FlowKind.SETTINGS or signed_in is None:
            return
        age = now - signed_in.session.authenticated_at
        if age <= self.desk.rules.configuration.flow(flow.kind).privileged_session_max_age:
            return
        people = self.desk.people
        moves = verdict.profile is not None and set(people.identifiers(verdict.profile)) != set(
            people.identifiers(signed_in.profile)
        )
        if verdict.credentials or moves:
            raise RequestRefused("session_refresh_required", "this change needs a fresh session; sign in again first")

    def _offers(self, flow: Flow, method: str) -> bool:
        return offers(self.desk.rules.configuration, flow.kind, method, flow.requested_aal)

    async def _submission(self, flow: Flow, values: Mapping[str, Any], signed_in: SignedIn | None) -> Submission:
        kept, _ = self.desk.presenter.kept(flow)
        row = await self.desk.services.streams.store.vault(flow.id, ROW) if flow.state == "sent_email" else None
        schema = self.desk.rules.schemas[signed_in.profile.schema_id if signed_in else self.desk.rules.default_schema]
        return Submission(
            flow=flow,
            values=decode_form(values, schema),
            kept=kept,
            people=self.desk.people,
            now=self.tools.clock.now(),
            challenge=self.desk.presenter.challenge(flow),
            code=sent_code(self.keyring, flow.id, row),
            identity=signed_in.identity if signed_in else None,
            profile=signed_in.profile if signed_in else None,
        )

    # -- no

    async def _dismiss(self, work: Work, request: Request, signed_in: SignedIn | None) -> Outcome:
        """No method of this flow was named: said on the flow, nothing was tried."""
        kept, _ = self.desk.presenter.kept(work.flow)
        form = self.reply.form(work.flow, (messages.no_method(work.flow.kind),), kept)
        network = self._network(request)
        work.flow.fire("dismiss", self.tools.clock.now(), reason="no_method", form=form, network=network)
        await work.commit()
        return self.reply.outcome(work.flow, signed_in)

    async def _exhaust(self, work: Work, verdict: Exhausted, request: Request) -> Outcome:
        """One wrong code too many: the flow ends; recovery and verification go on with a new one."""
        flow = work.flow
        flow.fire(
            "fail", self.tools.clock.now(), reason="too_many_codes", form=self.reply.form(flow, verdict.messages, {})
        )
        await work.commit()
        outcome = self.reply.outcome(flow, None, error="too_many_attempts")
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
        return self.reply.outcome(flow, None)
