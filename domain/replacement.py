"""Replacement: a link that counts no more, or a code that is too old, leads to a new flow, which says why.

No before-action runs (as in Kratos).
"""

from dataclasses import replace

from limen.domain.address_change import AddressChange
from limen.domain.configuration import FlowKind
from limen.domain.desk import Desk
from limen.domain.errors import FlowExpired
from limen.domain.flow import Flow
from limen.domain.link import NAME, discreet, said_of, type_after
from limen.domain.message import Message
from limen.domain.method import Replaced, offers
from limen.domain.next_steps import NextSteps, show_ui
from limen.domain.opening import Opening
from limen.domain.outcome import Outcome
from limen.domain.request import Request
from limen.domain.self_verification import StartedVerification
from limen.domain.work import Work


class Replacement:
    """Starts flows in the place of others, under one configuration."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.clock = desk.services.tools.clock

    async def refuse(self, work: Work, verdict: Replaced, request: Request) -> Outcome:
        """The answer is no: on record with the old flow, whose form stays as it was, and told by the new one."""
        flow, now = work.flow, self.clock.now()
        if verdict.ends:
            flow.fire("fail", now, reason="too_many_codes", form=flow.form)
        else:
            whose = verdict.identity_id
            method = flow.method or ""
            flow.fire("refuse", now, method=method, reason=verdict.reason, form=flow.form, identity_id=whose)
        late = flow.code_expires_at is not None and now >= flow.code_expires_at
        started = None
        if verdict.ends or late:  # else the link that counts may still be followed
            started = await AddressChange(self.desk).carry_over(work, now, type_after(flow, request))
        if started is not None:
            outcome = await self._show(started)
        else:
            await work.commit()
            outcome = await self._start(flow, verdict.messages, request)
        return outcome if flow.method == NAME else replace(outcome, error=FlowExpired.id)

    async def _show(self, started: StartedVerification) -> Outcome:
        """The verification that a change waits for instead: another link or code is on its way."""
        services = self.desk.services
        await services.dispatcher.take_up([started.delivery])
        view = await self.desk.view(await services.streams.load(Flow, started.flow_id))
        return Outcome(view.state, view, continue_with=(NextSteps(self.desk).show_verification(started, url=True),))

    async def of_ended(self, flow: Flow, token: object, request: Request) -> Outcome | None:
        """The answer to a link whose flow is over; None where no link was followed. The ended flow learns nothing."""
        uses = self.desk.rules.configuration
        by_code = flow.kind is FlowKind.VERIFICATION and offers(uses, flow.kind, "code")
        if not token or not (by_code or offers(uses, flow.kind, NAME)):
            return None
        return await self._start(flow, (said_of(flow, self.clock.now()),), discreet(flow, request))

    async def _start(self, flow: Flow, said: tuple[Message, ...], request: Request) -> Outcome:
        opening, type_ = Opening(self.desk), type_after(flow, request)
        view = await opening.start(flow.kind, request, type_=type_, replaces=flow.id, says=said)
        step = show_ui(self.desk.rules.configuration, flow.kind, view.id)
        return Outcome(view.state, view, continue_with=(step,))
