"""Submitting: a method is tried; if it is accepted, the after-actions run, and one append makes it true."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from limen.domain.answer import Failure
from limen.domain.code import ROW, code_row, sent_code
from limen.domain.completion import Completed, Completion, Taken, challenge_record, start_verification
from limen.domain.configuration import FlowKind, Slot
from limen.domain.decision import Decision
from limen.domain.document import Document
from limen.domain.errors import ActionFailed, RequestRefused
from limen.domain.flow import Flow
from limen.domain.form_values import decode_form
from limen.domain.guard import guard
from limen.domain.identity import Identity, Profile
from limen.domain.message import Message
from limen.domain.method import Accepted, Challenged, Exhausted, Refused, Submission
from limen.domain.modification import Unfit, modify
from limen.domain.opening import Opening
from limen.domain.outcome import Outcome
from limen.domain.plan import Plan, Planned, plan
from limen.domain.request import Request
from limen.domain.scheduling import Scheduler
from limen.domain.sessions import SignedIn
from limen.domain.stage import Stopped, announce, run
from limen.domain.ui import messages
from limen.domain.work import Work

if TYPE_CHECKING:
    from limen.domain.engine import Desk, Engine

VERIFIED_REQUIRED = "session_verified_address_required"


class Submitting:
    """Takes one submission through the house."""

    def __init__(self, engine: "Engine", desk: "Desk") -> None:
        self.engine = engine
        self.desk = desk
        self.tools = engine.tools
        self.keyring = engine.tools.keyring
        self.scheduler = Scheduler(self.tools.templates, self.keyring, self.tools.ids, desk.rules.id)
        self.completion = Completion(self.tools, desk.people, desk.presenter, self.scheduler)

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
        if transient_payload is None:
            transient_payload = values.get("transient_payload")
        if transient_payload is not None:
            guard(transient_payload, "/transient_payload")
        work = self.engine.work(flow)
        signed_in = await self.desk.sessions.of(session_token)
        self._admit(flow, signed_in)
        chosen = self.desk.rules.methods.get(method or "")
        if chosen is None or flow.kind not in chosen.flows or not self._offered(flow.kind, chosen.name):
            return await self._dismiss(work, signed_in)
        submission = await self._submission(flow, values, signed_in)
        verdict = await chosen.submit(submission)
        now = submission.now
        sealed = self.keyring.seal(flow.id, {"transient_payload": transient_payload or {}})
        flow.fire("submit", now, method=chosen.name, submission=sealed)
        self._bind(work, values)
        match verdict:
            case Refused():
                return await self._refuse(work, verdict, signed_in)
            case Challenged():
                return await self._challenge(work, verdict)
            case Exhausted():
                return await self._exhaust(work, verdict, request)
            case Accepted():
                return await self._accept(work, verdict, submission, request, signed_in)

    # -- who may, and what with

    def _admit(self, flow: Flow, signed_in: SignedIn | None) -> None:
        if flow.kind is not FlowKind.SETTINGS:
            return
        if signed_in is None:
            raise RequestRefused("session_inactive", "settings need an active session; sign in first")
        if signed_in.identity.id != flow.identity_id:
            raise RequestRefused("security_identity_mismatch", "this settings flow belongs to somebody else")

    def _offered(self, kind: FlowKind, method: str) -> bool:
        """Whether the configuration switches a method on for this kind of flow."""
        settings = self.desk.rules.configuration.method(method)
        if method == "code" and kind in (FlowKind.LOGIN, FlowKind.REGISTRATION):
            return settings.enabled and settings.passwordless_enabled
        if method == "code":
            return settings.enabled and self.desk.rules.configuration.flow(kind).use == "code"
        return settings.enabled

    async def _submission(self, flow: Flow, values: Mapping[str, Any], signed_in: SignedIn | None) -> Submission:
        kept, _ = self.desk.presenter.kept(flow)
        row = await self.engine.streams.store.vault(flow.id, ROW) if flow.state == "sent_email" else None
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

    def _bind(self, work: Work, values: Mapping[str, Any]) -> None:
        """Ties the flow to the identifier that was typed, so that erasing its owner finds it."""
        if work.flow.identity_id is not None:
            return
        typed = values.get("identifier") or values.get("email")
        if isinstance(typed, str) and typed:
            from limen.domain.identifier import normalize

            work.step.bind.append((work.flow.id, self.desk.people.reservation_id(normalize(typed))))

    # -- no

    async def _dismiss(self, work: Work, signed_in: SignedIn | None) -> Outcome:
        """No method of this flow was named: said on the flow, nothing was tried."""
        kept, _ = self.desk.presenter.kept(work.flow)
        form = self._form(work.flow, (messages.no_method(work.flow.kind),), kept)
        work.flow.fire("dismiss", self.tools.clock.now(), reason="no_method", form=form)
        await work.commit()
        return self._outcome(work.flow, signed_in)

    async def _refuse(
        self, work: Work, verdict: Refused, signed_in: SignedIn | None, *, error: str | None = None
    ) -> Outcome:
        form = self._form(work.flow, verdict.messages, verdict.values)
        assert work.flow.method is not None  # noqa: S101 - for the type checker: a method was submitted
        work.flow.fire("refuse", self.tools.clock.now(), method=work.flow.method, reason=verdict.reason, form=form)
        await work.commit()
        return self._outcome(work.flow, signed_in, error=error)

    def _form(self, flow: Flow, shown: tuple[Message, ...], values: Mapping[str, Any]) -> Any:
        kept, _ = self.desk.presenter.kept(flow)
        merged = {**kept, **values}
        return self.keyring.seal(flow.id, {"values": merged, "messages": [message.record() for message in shown]})

    async def _exhaust(self, work: Work, verdict: Exhausted, request: Request) -> Outcome:
        """One wrong code too many: the flow ends; recovery and verification go on with a new one."""
        flow = work.flow
        flow.fire("fail", self.tools.clock.now(), reason="too_many_codes", form=self._form(flow, verdict.messages, {}))
        await work.commit()
        outcome = self._outcome(flow, None, error="too_many_attempts")
        if flow.kind not in (FlowKind.RECOVERY, FlowKind.VERIFICATION):
            return outcome
        new = await self._opening().start(flow.kind, request, type_=flow.type, quiet=True)
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
        if identity_id is not None:
            work.step.bind.append((flow.id, identity_id))
        deliveries = (
            (self.scheduler.message(verdict.mail, work, now, identity_id=identity_id),) if verdict.mail else ()
        )
        assert flow.method is not None  # noqa: S101 - for the type checker: a method was submitted
        flow.fire(
            "challenge",
            now,
            method=flow.method,
            challenge=self.keyring.seal(flow.id, challenge_record(verdict.address, verdict.via, verdict.values)),
            code_expires_at=now + timedelta(seconds=verdict.lifespan),
            resent=verdict.resent,
            deliveries=deliveries,
        )
        await work.commit()
        await self.engine.dispatcher.take_up(deliveries)
        return self._outcome(flow, None)

    # -- yes

    async def _accept(
        self, work: Work, verdict: Accepted, submission: Submission, request: Request, signed_in: SignedIn | None
    ) -> Outcome:
        flow = work.flow
        decision = self._decision(verdict, submission, signed_in)
        if decision.profile.state != "active" and not decision.registers:
            refused = Refused("identity_disabled", (messages.identity_disabled(),), verdict.values)
            return await self._refuse(work, refused, signed_in, error="identity_disabled")
        flow.fire("accept", decision.at, method=decision.method, identity_id=decision.identity.id, aal=decision.aal)
        chosen = plan(self.desk.rules, self.engine.handlers, self._slot(flow))
        announce(chosen, work, decision.at)
        self._sign_in(flow, decision, chosen, request, signed_in)
        try:
            stopped = await self._before_commit(work, decision, chosen, request)
            if stopped is not None:
                return await self._stopped(work, stopped, decision, signed_in, verdict.values)
            if decision.profile.state != "active":
                decision.session, decision.session_token = None, None
            done = await self.completion.complete(work, decision, chosen, request)
        except Unfit as unfit:
            return await self._refuse(work, Refused("unfit", unfit.faults), signed_in)
        except Taken:
            return await self._refuse(work, Refused("duplicate", (messages.duplicate_credentials(),)), signed_in)
        return await self._completed(done, chosen, request)

    def _slot(self, flow: Flow) -> Slot:
        return Slot(flow.kind, "after", flow.method)

    def _decision(self, verdict: Accepted, submission: Submission, signed_in: SignedIn | None) -> Decision:
        people, flow = self.desk.people, submission.flow
        identity, previous = verdict.identity, None
        if flow.kind is FlowKind.SETTINGS and signed_in is not None:
            identity, previous = signed_in.identity, signed_in.profile
        if identity is None:
            identity = Identity(self.tools.ids.new())
            self.keyring.create(identity.id)
        elif previous is None:
            previous = people.profile(identity)
        profile = verdict.profile or previous
        assert profile is not None  # noqa: S101 - for the type checker: a new identity comes with its profile
        return Decision(
            at=submission.now,
            method=submission.flow.method or verdict.authentication.partition("_")[0],
            identity=identity,
            profile=profile,
            previous=previous,
            credentials=verdict.credentials,
            authentication=verdict.authentication,
            aal=verdict.aal,
            verified=verdict.verified,
            session=signed_in.session if signed_in and flow.kind is FlowKind.SETTINGS else None,
            devices=self.desk.sessions.devices(signed_in.session) if signed_in else [],
        )

    def _sign_in(
        self, flow: Flow, decision: Decision, chosen: Plan, request: Request, signed_in: SignedIn | None
    ) -> None:
        """The session that the commit will issue: always after login and recovery, after registration on request."""
        again = flow.kind is FlowKind.LOGIN and (flow.refresh or flow.requested_aal != "aal1")
        if again and signed_in is not None and signed_in.identity.id == decision.identity.id:
            self.desk.sessions.refresh(decision, flow, request, signed_in)
        elif flow.kind in (FlowKind.LOGIN, FlowKind.RECOVERY) or (
            flow.kind is FlowKind.REGISTRATION and chosen.has("session")
        ):
            self.desk.sessions.issue(decision, flow, request)

    async def _before_commit(self, work: Work, decision: Decision, chosen: Plan, request: Request) -> Stopped | None:
        changes_identity = work.flow.kind in (FlowKind.REGISTRATION, FlowKind.SETTINGS)

        def context() -> dict[str, Any]:
            hidden = decision if work.flow.kind is not FlowKind.REGISTRATION else replace(decision, session=None)
            return self.desk.presenter.context(work.flow, request, phase="after", decision=hidden)

        def take_over(changes: Mapping[str, Any]) -> None:
            decision.profile = modify(self.desk.people, decision.profile, changes, decision.at)

        return await run(
            self.engine.runner,
            list(chosen.timed("before_commit")),
            work,
            context,
            modify=take_over if changes_identity else None,
            builtin=lambda planned: self._builtin(work, decision, planned),
        )

    def _builtin(self, work: Work, decision: Decision, planned: Planned) -> Stopped | None:
        """`require_verified_address`: some address of the identity must be verified, by whatever method it came."""
        passes = any(address.verified for address in decision.profile.verifiable)
        verdict = "continue" if passes else "interrupt"
        work.flow.fire("answer_action", decision.at, action=planned.ref, attempt=1, verdict=verdict, duration=0.0)
        return None if passes else Stopped(planned, messages=(messages.address_not_verified(),))

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
            flow.fire("release", now, reason="action_failed")
            await work.commit()
            raise _failed(flow, action.id, stopped.failure)
        flow.fire("interrupt", now, action=action.id, form=self._form(flow, stopped.messages, values))
        if action.hook != "require_verified_address":
            await work.commit()
            return self._outcome(flow, signed_in)
        steps = self._start_verifications(work, decision, now)
        await work.commit()
        self.engine.dispatcher.wake()
        await self.engine.dispatcher.settle_local()
        return self._outcome(flow, signed_in, error=VERIFIED_REQUIRED, continue_with=tuple(steps))

    def _start_verifications(self, work: Work, decision: Decision, now: Any) -> list[dict[str, Any]]:
        """Sends the person off to verify the first of their addresses."""
        steps: list[dict[str, Any]] = []
        settings = self.desk.rules.configuration.flow(FlowKind.VERIFICATION)
        decision.at = now
        for address in decision.profile.verifiable[:1]:
            if settings.enabled and address.via == "email":
                started = start_verification(
                    work,
                    self.tools,
                    self.desk.people,
                    self.scheduler,
                    decision,
                    address.value,
                    self.desk.presenter.request(work.flow),
                )
                steps.append(self._show_verification(started, address.value, url=True))
        return steps

    # -- after the commit

    async def _completed(self, done: Completed, chosen: Plan, request: Request) -> Outcome:
        flow, decision = done.work.flow, done.decision
        dispatcher = self.engine.dispatcher
        dispatcher.wake()
        await dispatcher.settle_local()
        failure = await dispatcher.deliver_awaited(done.schedule.awaited)
        outcome = await self._success(done, chosen, request)
        if done.schedule.failed is not None:
            planned, detail = done.schedule.failed
            failure = failure or (planned.ref.id, Failure("template", detail))
        if failure is not None:
            error = _failed(flow, failure[0], failure[1], stands=True)
            error.outcome = outcome
            raise error
        if decision.profile.state != "active":
            return replace(outcome, error="identity_disabled")
        return outcome

    async def _success(self, done: Completed, chosen: Plan, request: Request) -> Outcome:
        flow, decision = done.work.flow, done.decision
        presenter = self.desk.presenter
        identity = presenter.identity(decision)
        session = presenter.session(decision, identity)
        shown = (decision.identity, decision.profile) if flow.kind is FlowKind.SETTINGS else (None, None)
        return Outcome(
            state=flow.state,
            flow=presenter.view(flow, identity=shown[0], profile=shown[1]),
            identity=Document(identity),
            session=Document(session) if session else None,
            session_token=decision.session_token,
            continue_with=tuple(await self._next_steps(done, chosen, request)),
        )

    async def _next_steps(self, done: Completed, chosen: Plan, request: Request) -> list[dict[str, Any]]:
        flow, decision = done.work.flow, done.decision
        steps: list[dict[str, Any]] = []
        if chosen.has("show_verification_ui"):
            browser = flow.type == "browser"
            steps += [self._show_verification(id_, address, url=browser) for id_, address in done.verifications]
        if decision.session_token is not None and flow.type == "api" and flow.kind is not FlowKind.LOGIN:
            steps.append({"action": "set_ory_session_token", "ory_session_token": decision.session_token})
        if flow.kind is FlowKind.RECOVERY and decision.session_token is not None:
            steps += await self._open_settings(flow, decision.session_token, request)
        return steps

    async def _open_settings(self, flow: Flow, token: str, request: Request) -> list[dict[str, Any]]:
        """The settings flow that a recovery opens, before-actions included; a rejected one is not shown."""
        from limen.domain.errors import LimenError

        try:
            settings = await self._opening().start(FlowKind.SETTINGS, request, type_=flow.type, session_token=token)
        except LimenError:
            return []
        url = self.desk.rules.configuration.flow(FlowKind.SETTINGS).ui_url
        shown: dict[str, Any] = {"id": str(settings.id)}
        if url:
            shown["url"] = _with_flow(url, settings.id)
        return [{"action": "show_settings_ui", "flow": shown}]

    def _show_verification(self, flow_id: Any, address: str, *, url: bool) -> dict[str, Any]:
        shown = {"id": str(flow_id), "verifiable_address": address}
        page = self.desk.rules.configuration.flow(FlowKind.VERIFICATION).ui_url
        if url and page:
            shown["url"] = _with_flow(page, flow_id)
        return {"action": "show_verification_ui", "flow": shown}

    def _opening(self) -> Opening:
        engine = self.engine
        return Opening(engine.tools, engine.streams, engine.handlers, engine.runner, self.desk, engine.dispatcher)

    def _outcome(
        self,
        flow: Flow,
        signed_in: SignedIn | None,
        *,
        error: str | None = None,
        continue_with: tuple[Mapping[str, Any], ...] = (),
    ) -> Outcome:
        identity: Identity | None = None
        profile: Profile | None = None
        if flow.kind is FlowKind.SETTINGS and signed_in is not None:
            identity, profile = signed_in.identity, signed_in.profile
        view = self.desk.presenter.view(flow, identity=identity, profile=profile)
        return Outcome(flow.state, view, error=error, continue_with=continue_with)


def _failed(flow: Flow, action: str, failure: Failure, *, stands: bool = False) -> ActionFailed:
    return ActionFailed(action, failure.reason, failure.detail, flow_id=flow.id, stands=stands)


def _with_flow(url: str, flow_id: Any) -> str:
    return f"{url}{'&' if '?' in url else '?'}flow={flow_id}"
