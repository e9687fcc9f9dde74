"""Reply: the forms and outcomes that a submission is answered with."""

from collections.abc import Mapping
from typing import Any

from limen.domain.configuration import FlowKind
from limen.domain.desk import Desk
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.message import Message
from limen.domain.method import Refused
from limen.domain.outcome import Outcome
from limen.domain.pending import pending_row
from limen.domain.profile import Profile
from limen.domain.request import Request
from limen.domain.screen import PROFILE
from limen.domain.sealed import Sealed
from limen.domain.sessions import SignedIn
from limen.domain.triggers import Failure, Triggers
from limen.domain.ui.keys import ASKED
from limen.domain.work import Work


class Reply:
    """Answers under one configuration."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.clock = desk.services.tools.clock
        self.keyring = desk.services.tools.keyring
        self.triggers = Triggers(desk)

    def form(self, flow: Flow, shown: tuple[Message, ...], values: Mapping[str, Any]) -> Sealed:
        """What the form shows from now on: the messages, and the values it keeps beside those it kept before.

        Of a registration's traits, those that are not sent stay (Kratos), but for the step that shows them all.
        """
        kept, _ = self.desk.presenter.kept(flow)
        if flow.method != "webauthn":
            kept.pop(ASKED, None)  # whoever tries another way is asked for no key any more
        typed = flow.kind is FlowKind.REGISTRATION and isinstance(values.get("traits"), Mapping)
        if typed and flow.method != PROFILE:
            values = {**values, "traits": _merged(kept.get("traits"), values["traits"])}
        records = [message.record() for message in shown]
        return self.keyring.seal(flow.id, {"values": {**kept, **values}, "messages": records})

    async def refuse(
        self,
        work: Work,
        verdict: Refused,
        signed_in: SignedIn | None,
        request: Request,
        *,
        error: str | None = None,
    ) -> Outcome:
        """The answer is no: the flow is back with its user, the messages on its form. Of a failed login it is told."""
        flow, now = work.flow, self.clock.now()
        due = self.triggers.of_failure(flow, verdict.reason)
        if verdict.pending is not None:
            work.step.put.append(pending_row(self.keyring, flow, flow.method or "", verdict.pending))
        flow.fire(
            "refuse",
            now,
            method=flow.method or "",
            reason=verdict.reason,
            form=self.form(flow, verdict.messages, verdict.values),
            identity_id=verdict.identity_id,
            deliveries=due.ids,
        )
        failure = Failure(verdict.reason, request, verdict.identity_id, signed_in)
        await self.triggers.tell_failure(due, work, failure, now)
        await work.commit()
        self.desk.services.dispatcher.wake_for(due.ids)
        return await self.outcome(flow, signed_in, error=error)

    async def outcome(
        self,
        flow: Flow,
        signed_in: SignedIn | None,
        *,
        error: str | None = None,
        continue_with: tuple[Mapping[str, Any], ...] = (),
    ) -> Outcome:
        """The outcome that shows the flow as it stands."""
        identity: Identity | None = None
        profile: Profile | None = None
        if signed_in is not None and flow.kind in (FlowKind.SETTINGS, FlowKind.LOGIN):
            identity, profile = signed_in.identity, signed_in.profile
        view = await self.desk.view(flow, identity, profile)
        return Outcome(flow.state, view, error=error, continue_with=continue_with)


def _merged(before: Any, now: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed now over what was typed before, field by field, as Kratos keeps it."""
    merged = dict(before) if isinstance(before, Mapping) else {}
    for name, value in now.items():
        merged[name] = _merged(merged.get(name), value) if isinstance(value, Mapping) else value
    return merged
