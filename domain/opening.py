"""Opening: how a flow starts. Its before-actions run; then it waits for a submission."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.domain.assurance import asks_second_factor, demand
from limen.domain.challenging import send_code
from limen.domain.code_factor import check_via
from limen.domain.configuration import FlowKind, Slot
from limen.domain.decision import Decision
from limen.domain.desk import Desk, Services
from limen.domain.document import thaw
from limen.domain.errors import ActionFailed, FlowRejected, RequestRefused
from limen.domain.flow import Flow, initiate
from limen.domain.guard import guard
from limen.domain.message import Message
from limen.domain.method import Challenged, Submission, offers
from limen.domain.network import hashed, network_of
from limen.domain.outcome import FlowView
from limen.domain.plan import Plan
from limen.domain.request import Request
from limen.domain.retreat import retreating
from limen.domain.return_to import checked_return
from limen.domain.sealed import Sealed
from limen.domain.selection import Selection, selection
from limen.domain.sessions import SignedIn
from limen.domain.stage import Stopped, announce, run
from limen.domain.throttle import held_back
from limen.domain.token_exchange import exchanging, offer, with_code
from limen.domain.tools import Tools
from limen.domain.work import Work


@dataclass(slots=True)
class Opening:
    """Starts flows under one configuration."""

    desk: Desk

    @property
    def services(self) -> Services:
        """What works under every configuration."""
        return self.desk.services

    @property
    def tools(self) -> Tools:
        """Time, ids, randomness, keys."""
        return self.desk.services.tools

    async def start(
        self,
        kind: FlowKind,
        request: Request,
        *,
        type_: str,
        session_token: str | None = None,
        return_to: str | None = None,
        refresh: bool = False,
        aal: str | None = None,
        identity_schema: str | None = None,
        organization: str | None = None,
        transient_payload: Any = None,
        replaces: UUID | None = None,
        started_by: UUID | None = None,
        asked: Mapping[str, Any] | None = None,
        opened: Callable[[Work], None] | None = None,
        says: tuple[Message, ...] = (),
    ) -> FlowView:
        """A new flow.

        `replaces`: the one whose place it takes, without before-actions, as Kratos does it; it `says` why. `started_by`
        is the recovery that opens these settings, or the flow that goes on as this one: then `asked` is what that was
        asked for, and `opened` adds to the append that opens this one.
        """
        if transient_payload is not None:
            guard(transient_payload, "/transient_payload")
            transient_payload = thaw(transient_payload)
        signed_in = await self.desk.sessions.of(session_token)
        self._admit(kind, signed_in, refresh=refresh, aal=aal)
        if signed_in is not None and started_by is None:
            self._assured(kind, signed_in, request, type_, aal)
        return_to = self._goes_on(return_to, started_by)
        selected = selection(
            self.desk.rules.configuration,
            kind,
            aal,
            identity_schema=identity_schema,
            organization=organization,
            theirs=signed_in.profile.organization_id if signed_in else None,
        )
        flow, work = self._initiate(
            kind,
            request,
            type_,
            signed_in,
            return_to,
            refresh,
            aal,
            selected,
            transient_payload,
            started_by,
            replaces,
            asked,
        )
        code = None if asked else offer(work, request, self.tools.secrets, self.desk.sessions.secrets)
        chosen = Plan(Slot(kind, "before"), "default", ())
        if replaces is None:
            chosen = self.desk.plan(chosen.slot)
        decision = self._decision(signed_in) if signed_in and kind in (FlowKind.LOGIN, FlowKind.SETTINGS) else None
        context_decision = decision if kind is FlowKind.SETTINGS else None
        person = signed_in if kind is FlowKind.LOGIN else None

        def context() -> dict[str, Any]:
            presenter = self.desk.presenter
            return presenter.context(flow, request, phase="before", decision=context_decision, person=person)

        async with retreating(self.desk, flow.id):
            announce(chosen, work, flow.issued_at)
            stopped = await run(self.services.runner, list(chosen.timed("before")), work, context)
            if stopped is not None:
                await self._stop(work, stopped)
            now = self.tools.clock.now()
            later = list(chosen.timed("delivery"))
            schedule = await self.desk.scheduler.actions(later, work, context, now, identity_id=flow.identity_id)
            if self.desk.showing(kind):
                await self.desk.prepare(work, signed_in)
            sent = await self._open(work, signed_in, request, now, tuple(schedule.ids), says)
            if opened is not None:
                opened(work)
            await work.commit()
        if schedule.ids:
            self.services.dispatcher.wake()
        await self.services.dispatcher.take_up(sent)
        whose = signed_in if kind in (FlowKind.SETTINGS, FlowKind.LOGIN) else None
        theirs = (whose.identity, whose.profile) if whose else (None, None)
        return with_code(await self.desk.view(flow, *theirs), code)

    async def _open(
        self,
        work: Work,
        signed_in: SignedIn | None,
        request: Request,
        at: datetime,
        scheduled: tuple[UUID, ...],
        says: tuple[Message, ...],
    ) -> tuple[UUID, ...]:
        """The flow waits for its user. A second factor's code goes out with it, where nothing is left to choose."""
        flow = work.flow
        asks = asks_second_factor(flow)
        prompted = await self._prompt(flow, signed_in, request, at) if signed_in and asks else None
        if prompted is None:
            flow.fire("open", at, deliveries=scheduled, form=self._says(flow, says))
            return ()
        method, verdict = prompted
        fields = send_code(work, verdict, self.tools.keyring, self.desk.scheduler, at)
        sent: tuple[UUID, ...] = fields["deliveries"]
        flow.fire("open_challenged", at, method=method, **fields | {"deliveries": (*scheduled, *sent)})
        return sent

    async def _prompt(
        self, flow: Flow, signed_in: SignedIn, request: Request, at: datetime
    ) -> tuple[str, Challenged] | None:
        submission = Submission(
            flow=flow,
            values={},
            kept={},
            people=self.desk.people,
            now=at,
            identity=signed_in.identity,
            profile=signed_in.profile,
            request=request,
        )
        for name, method in self.desk.abilities.prompting.items():
            if held_back(signed_in.identity, name, at):
                continue
            if offers(self.desk.rules.configuration, flow.kind, name, flow.requested_aal):
                verdict = await method.prompt(submission)
                if verdict is not None:
                    return name, verdict
        return None

    # -- who may

    def _admit(self, kind: FlowKind, signed_in: SignedIn | None, *, refresh: bool, aal: str | None) -> None:
        if not self.desk.rules.configuration.flow(kind).enabled:
            raise RequestRefused("self_service_flow_disabled", f"{kind} is switched off in the configuration")
        if kind is FlowKind.SETTINGS and signed_in is None:
            raise RequestRefused("session_inactive", "settings need an active session; sign in first")
        if aal not in (None, "aal1", "aal2"):
            raise RequestRefused("aal_unknown", "an assurance level is 'aal1' or 'aal2'")
        if kind is FlowKind.LOGIN and aal == "aal2" and signed_in is None:
            raise RequestRefused("session_aal1_required", "a second factor needs the first one; sign in first")
        if signed_in is None:
            return
        self.desk.rules.schemas.check(signed_in.profile.schema_id)
        there = aal in (None, "aal1") or signed_in.session.aal == "aal2"
        anew = kind is FlowKind.LOGIN and not refresh and there
        if kind in (FlowKind.REGISTRATION, FlowKind.RECOVERY) or anew:
            raise RequestRefused("session_already_available", "there is an active session already; sign out first")

    def _assured(self, kind: FlowKind, signed_in: SignedIn, request: Request, type_: str, aal: str | None) -> None:
        """Settings ask for every factor the person has; those that a recovery opens do when something is submitted."""
        if kind is FlowKind.LOGIN and aal == "aal2":
            check_via(self.desk.rules, signed_in.profile, request.url)
        if kind is not FlowKind.SETTINGS:
            return
        required = self.desk.rules.configuration.flow(FlowKind.SETTINGS).required_aal
        back = request.url if type_ == "browser" else None
        demand(self.desk.rules, required, signed_in.session, signed_in.identity, signed_in.profile, back)

    def _goes_on(self, return_to: str | None, started_by: UUID | None) -> str | None:
        """Where its user goes afterwards: what another flow hands on was looked at there, or is the configuration's."""
        return checked_return(self.desk.rules.configuration, return_to) if started_by is None else return_to

    # -- the flow

    def _initiate(
        self,
        kind: FlowKind,
        request: Request,
        type_: str,
        signed_in: SignedIn | None,
        return_to: str | None,
        refresh: bool,
        aal: str | None,
        selected: Selection,
        transient_payload: Any,
        started_by: UUID | None,
        replaces: UUID | None,
        asked: Mapping[str, Any] | None,
    ) -> tuple[Flow, Work]:
        now, flow_id, keyring = self.tools.clock.now(), self.tools.ids.new(), self.tools.keyring
        identity_id = signed_in.identity.id if signed_in else None
        key = keyring.create(flow_id, identity_id)
        configuration = self.desk.rules.configuration
        asked = asked or {
            "method": request.method,
            "url": request.url,
            "client_ip": request.client_ip,
            "user_agent": request.header("User-Agent"),
            "return_to": return_to,
            "transient_payload": transient_payload,
            **exchanging(flow_id, kind, type_, request),
        }
        flow = initiate(
            flow_id,
            now,
            kind=kind,
            type=type_,
            configuration=self.desk.rules.id,
            expires_at=now + configuration.flow(kind).lifespan,
            request=keyring.seal(flow_id, asked),
            refresh=refresh and signed_in is not None,
            requested_aal=aal or "aal1",
            identity_id=identity_id,
            session_id=signed_in.session.id if signed_in else None,
            started_by=started_by,
            replaces=replaces,
            network=hashed(keyring, network_of(request.address)),
            identity_schema=selected.identity_schema,
            organization_id=selected.organization_id,
        )
        work = self.desk.work(flow)
        work.step.put.append(key)
        return flow, work

    def _decision(self, signed_in: SignedIn) -> Decision:
        return Decision(
            at=self.tools.clock.now(),
            method="",
            identity=signed_in.identity,
            profile=signed_in.profile,
            previous=signed_in.profile,
            session=signed_in.session,
            devices=list(signed_in.devices),
        )

    async def _stop(self, work: Work, stopped: Stopped) -> None:
        """A before-action stopped the flow: rejected with messages, or failed."""
        flow, now = work.flow, self.tools.clock.now()
        action = stopped.planned.ref.id
        if stopped.failure is not None:
            flow.fire("fail", now, reason="action_failed")
            await work.commit()
            raise ActionFailed(action, stopped.failure.reason, stopped.failure.detail, flow_id=flow.id)
        flow.fire("reject", now, action=action, form=self._says(flow, stopped.messages))
        await work.commit()
        raise FlowRejected(flow.id, [message.record() for message in stopped.messages], action)

    def _says(self, flow: Flow, said: Iterable[Message]) -> Sealed | None:
        """A form that holds messages alone."""
        records = [message.record() for message in said]
        return self.tools.keyring.seal(flow.id, {"values": {}, "messages": records}) if records else None
