"""Going on: what is submitted to the flow that another one has become."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from limen.domain.assurance import second_factors
from limen.domain.configuration import FlowKind
from limen.domain.deciding import linked
from limen.domain.desk import Desk
from limen.domain.errors import FlowBusy
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.linking import LINKING, AddressTaken, Link, vouched
from limen.domain.method import Accepted, Advanced, Submission, Verdict
from limen.domain.outcome import Outcome
from limen.domain.turning import Continuation, follow, turn
from limen.domain.ui import oidc_messages
from limen.domain.work import Work

JudgeIn = Callable[[Flow, str, Submission, Any, Mapping[str, Any], Verdict | None], Awaitable[Outcome]]


class GoingOn:
    """Goes on in other flows, under one configuration. `judge_in` submits the method there."""

    def __init__(self, desk: Desk, judge_in: JudgeIn) -> None:
        self.desk = desk
        self._judge_in = judge_in

    async def turn(
        self,
        work: Work,
        into: Continuation,
        submission: Submission,
        payload: Any,
        *,
        values: Mapping[str, Any] | None = None,
        verdict: Verdict | None = None,
    ) -> Outcome:
        """Submits the same method to the flow that this one becomes: `values` are judged there, or `verdict` is."""
        flow = await turn(self.desk, work, into, submission.request)
        return await self._judge_in(flow, into.method, submission, payload, values or {}, verdict)

    async def prove_first(self, work: Work, taken: AddressTaken, submission: Submission, payload: Any) -> Outcome:
        """A registration with the address of an account: a login, by which that account gets the provider linked.

        Where the configuration says so, an address that the provider vouches for and that is verified here is proof.
        """
        holder, wanted = await self.desk.people.identity(taken.holder), taken.linkable
        if holder is None:
            raise FlowBusy(work.flow.id)  # erased in this moment
        into = Continuation(FlowKind.LOGIN, wanted.method, "taken")
        if self._vouched(holder, taken):
            flow = await turn(self.desk, work, into, submission.request)
            holder = await self.desk.people.identity(taken.holder)  # the login's before-actions took their time
            if holder is None or not self._vouched(holder, taken):
                raise FlowBusy(flow.id)
            proven = Accepted(identity=holder, authentication=wanted.method, provider=wanted.provider)
            verdict = await linked(self.desk.people, proven, wanted)
            return await self._judge_in(flow, into.method, submission, payload, {}, verdict)
        ui_url = self.desk.rules.configuration.flow(FlowKind.LOGIN).ui_url or ""
        shown = oidc_messages.link_first(taken.identifier, wanted.label, ui_url)
        kept = {"identifier": taken.identifier, LINKING: {"provider": wanted.provider, "identifier": taken.identifier}}
        into = replace(into, link=Link.of(wanted, taken.holder))
        return await self.turn(work, into, submission, payload, verdict=Advanced("linking", (shown,), kept))

    def _vouched(self, holder: Identity, taken: AddressTaken) -> bool:
        """The provider's word is one factor: it adds no way in to an account that has a second one."""
        people = self.desk.people
        two = second_factors(self.desk.rules, holder, people.profile(holder))
        return not two and vouched(people, holder, taken)

    async def sign_in_too(self, work: Work, pending: str, submission: Submission, payload: Any) -> Outcome:
        """A login of who has just registered, with login's own actions (`oidc.login_actions_after_registration`)."""
        method = work.flow.method or ""
        into = Continuation(FlowKind.LOGIN, method, "registered", pending)
        flow = await follow(self.desk, work, into, submission.request)
        return await self._judge_in(flow, method, submission, payload, {}, None)
