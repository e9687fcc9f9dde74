"""Submitting: a method is tried; if it is accepted, the after-actions run, and one append makes it true."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.domain.accepting import Accepting
from limen.domain.admission import Admission
from limen.domain.assurance import asks_second_factor, is_second_factor
from limen.domain.code import ROW, sent_code
from limen.domain.configuration import FlowKind
from limen.domain.desk import Desk
from limen.domain.document import thaw
from limen.domain.flow import Flow
from limen.domain.form_values import decode_form
from limen.domain.going_on import GoingOn
from limen.domain.guard import guard
from limen.domain.implied_method import method_of
from limen.domain.linking import AddressTaken
from limen.domain.lockouts import Lockouts
from limen.domain.mention import mention
from limen.domain.method import (
    Accepted,
    Advanced,
    Away,
    Challenged,
    Exhausted,
    Method,
    Refused,
    Replaced,
    Shown,
    Submission,
    Turned,
    Verdict,
    offers,
)
from limen.domain.network import hashed, network_of
from limen.domain.outcome import Outcome
from limen.domain.pending import pending_secret
from limen.domain.replacement import Replacement
from limen.domain.request import Request
from limen.domain.retreat import retreating
from limen.domain.sessions import SignedIn
from limen.domain.throttle import held_back
from limen.domain.turning import Continuation
from limen.domain.ui import factor_messages
from limen.domain.unfinished import Unfinished
from limen.domain.waiting_change import WaitingChange, waiting_change
from limen.domain.work import Work

PRIVILEGED = frozenset({"password", "passkey", "webauthn"})
"""What settings take from a fresh session alone, whatever is submitted (Kratos), so that nothing of it is judged.

Compared with the one in force a password could be guessed, and an authenticator's answer would be used up.
"""


class Submitting:
    """Takes one submission through the house."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.tools = desk.services.tools
        self.keyring = self.tools.keyring
        self.unfinished = Unfinished(desk)
        self.admission = Admission(desk.people)
        self.lockouts = Lockouts(self.tools, desk.people)
        self.going_on = GoingOn(desk, self._judge_in)

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
        if transient_payload is None and flow.screen is not None:
            transient_payload = self.desk.presenter.transient_payload(flow)  # what an earlier step brought
        if transient_payload is not None:
            guard(transient_payload, "/transient_payload")
            transient_payload = thaw(transient_payload)
        work = self.desk.work(flow)
        signed_in = await self.desk.sessions.of(session_token)
        self.admission.admit(flow, signed_in)
        self.admission.recovers(flow, values, signed_in)
        chosen = self._named(flow, method, values)
        if chosen is None or flow.kind not in chosen.flows or not self.offers(flow, chosen.name):
            return await self.unfinished.dismiss(work, self.network(request), signed_in, values)
        if is_second_factor(self.admission.configuration, chosen.name):
            self.admission.guarded(flow, signed_in, self.tools.clock.now())
        if chosen.name in PRIVILEGED:
            self.admission.fresh(flow, signed_in, self.tools.clock.now())
        submission = await self.submission(flow, chosen, values, signed_in, request)
        async with self.lockouts.watched(submission, chosen.name) as (locked, tried):
            verdict = locked or self._held_back(submission, chosen.name) or await chosen.submit(tried)
            await self.lockouts.count(submission, chosen.name, verdict)
        return await self.follow(work, verdict, submission, chosen.name, request, signed_in, transient_payload)

    async def follow(
        self,
        work: Work,
        verdict: Verdict,
        submission: Submission,
        method: str,
        request: Request,
        signed_in: SignedIn | None,
        transient_payload: Any,
    ) -> Outcome:
        """Does what follows from a verdict."""
        flow, now = work.flow, submission.now
        if isinstance(verdict, Turned):
            verdict = await self.going_on.waiting(flow, verdict) or verdict
        if isinstance(verdict, Accepted):
            self.admission.privileged(flow, verdict, signed_in, now)
        if isinstance(verdict, Away):
            self.admission.fresh(flow, signed_in, now)
        if flow.state != "authenticating":  # on record already where a provider was asked
            self.begin(flow, method, now, transient_payload, request)
        mention(work.step, flow.id, self.desk.people.typed(submission.values, submission.schema_id))
        if method in self.desk.abilities.returning:
            self.unfinished.use_up(work, method, getattr(verdict, "pending", None))
        if isinstance(verdict, Turned):
            into = Continuation(verdict.kind, method, verdict.reason, verdict.pending)
            return await self.going_on.turn(work, into, submission, transient_payload, verdict.values)
        if isinstance(verdict, Accepted):
            return await self._accept(work, verdict, submission, signed_in, transient_payload)
        return await self._unfinished(work, verdict, request, signed_in)

    def begin(
        self, flow: Flow, method: str, at: datetime, payload: Any, request: Request, deadline: datetime | None = None
    ) -> None:
        """A method was submitted, and what was sent along for the actions."""
        sealed, network = self.keyring.seal(flow.id, {"transient_payload": payload or {}}), self.network(request)
        flow.fire("submit", at, method=method, submission=sealed, network=network, deadline=deadline)

    async def _unfinished(
        self,
        work: Work,
        verdict: Refused | Exhausted | Shown | Advanced | Away | Challenged | Replaced,
        request: Request,
        signed_in: SignedIn | None,
    ) -> Outcome:
        match verdict:
            case Refused() | Exhausted():
                return await self.unfinished.refuse(work, verdict, signed_in, request)
            case Replaced():
                return await Replacement(self.desk).refuse(work, verdict, request)
            case Shown():
                return await self.unfinished.show(work, verdict, signed_in)
            case Advanced():
                return await self.unfinished.advance(work, verdict, signed_in)
            case Away():
                return await self.unfinished.send_away(work, verdict, signed_in)
            case Challenged():
                return await self.unfinished.challenge(work, verdict, signed_in)

    async def _accept(
        self, work: Work, verdict: Accepted, submission: Submission, signed_in: SignedIn | None, payload: Any
    ) -> Outcome:
        try:
            accepting = Accepting(self.desk)
            outcome = await accepting.accept(work, verdict, submission, submission.request, signed_in)
        except AddressTaken as taken:
            return await self.going_on.prove_first(work, taken, submission, payload, verdict.pending)
        if verdict.then_login is None or not outcome.completed:
            return outcome
        return await self.going_on.sign_in_too(work, outcome, verdict.then_login, submission, payload)

    async def _judge_in(
        self,
        flow: Flow,
        method: str,
        before: Submission,
        payload: Any,
        values: Mapping[str, Any],
        verdict: Verdict | None,
    ) -> Outcome:
        """Submits a method to the flow that another one has become; `verdict` where it is known already."""
        async with retreating(self.desk, flow.id):
            chosen, request = self.desk.methods[method], before.request
            submission = await self.submission(flow, chosen, values, None, request)
            submission = replace(submission, returned=before.returned, claim=before.claim)
            verdict = verdict or await chosen.submit(submission)
            return await self.follow(self.desk.work(flow), verdict, submission, method, request, None, payload)

    # -- small things

    def _named(self, flow: Flow, method: str | None, values: Mapping[str, Any]) -> Method | None:
        """The method that is named; where none is, the one that what is submitted speaks of."""
        named = method_of(flow.kind, method, values, lambda name: self.offers(flow, name))
        if named:
            return self.desk.methods.get(named) if isinstance(named, str) else None
        meant = (one for one in self.desk.abilities.implied.values() if one.implied(flow, values))
        return next(meant, None)

    def network(self, request: Request) -> UUID | None:
        return hashed(self.keyring, network_of(request.address))

    # -- who may, and what with

    def _held_back(self, submission: Submission, method: str) -> Refused | None:
        """Too many wrong codes of a second factor: none is looked at for a while."""
        identity = submission.identity
        if not asks_second_factor(submission.flow) or identity is None:
            return None
        until = held_back(identity, method, submission.now)
        return Refused("held_back", (factor_messages.too_many_wrong(until),)) if until else None

    def offers(self, flow: Flow, method: str) -> bool:
        return offers(self.desk.rules.configuration, flow.kind, method, flow.requested_aal)

    async def submission(
        self,
        flow: Flow,
        method: Method,
        values: Mapping[str, Any],
        signed_in: SignedIn | None,
        request: Request,
    ) -> Submission:
        kept, _ = self.desk.presenter.kept(flow)
        store, pending = self.desk.services.streams.store, None
        row = await store.vault(flow.id, ROW) if flow.state == "sent_email" else None
        waiting = await self._waiting(flow)
        if method.name in self.desk.abilities.factors or method.name in self.desk.abilities.returning:
            pending = await pending_secret(store, self.keyring, flow, method.name)
        rules = self.desk.rules
        schema = rules.schemas[signed_in.profile.schema_id if signed_in else rules.schema_of(flow)]
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
            pending=pending,
            waiting=waiting,
            request=request,
        )

    async def _waiting(self, flow: Flow) -> WaitingChange | None:
        """The change of profile that a verification is to make true."""
        if flow.kind is not FlowKind.VERIFICATION or flow.started_by is None or flow.identity_id is None:
            return None
        identity = await self.desk.people.identity(flow.identity_id)
        return await waiting_change(self.desk.services.streams.store, self.keyring, flow, identity)
