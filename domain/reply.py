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
from limen.domain.profile import Profile
from limen.domain.sealed import Sealed
from limen.domain.sessions import SignedIn
from limen.domain.work import Work


class Reply:
    """Answers under one configuration."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.clock = desk.services.tools.clock
        self.keyring = desk.services.tools.keyring

    def form(self, flow: Flow, shown: tuple[Message, ...], values: Mapping[str, Any]) -> Sealed:
        """What the form shows from now on: the messages, and the values it keeps beside those it kept before."""
        kept, _ = self.desk.presenter.kept(flow)
        if flow.kind is FlowKind.REGISTRATION and isinstance(values.get("traits"), Mapping):
            values = {**values, "traits": _merged(kept.get("traits"), values["traits"])}
        records = [message.record() for message in shown]
        return self.keyring.seal(flow.id, {"values": {**kept, **values}, "messages": records})

    async def refuse(
        self, work: Work, verdict: Refused, signed_in: SignedIn | None, *, error: str | None = None
    ) -> Outcome:
        """The answer is no: the flow is back with its user, the messages on its form."""
        form = self.form(work.flow, verdict.messages, verdict.values)
        method = work.flow.method or ""
        whose = verdict.identity_id
        work.flow.fire("refuse", self.clock.now(), method=method, reason=verdict.reason, form=form, identity_id=whose)
        await work.commit()
        return await self.outcome(work.flow, signed_in, error=error)

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
