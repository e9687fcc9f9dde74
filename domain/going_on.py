"""Going on: what is submitted to the flow that another one has become."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from limen.domain.assurance import second_factors
from limen.domain.configuration import FlowKind
from limen.domain.deciding import linked
from limen.domain.desk import Desk
from limen.domain.errors import ActionFailed, FlowBusy, LimenError
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.linking import LINKING, AddressTaken, Link, link_of, vouched
from limen.domain.method import Accepted, Advanced, Submission, Turned, Verdict
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
        values: Mapping[str, Any],
    ) -> Outcome:
        """Submits the same method to the flow that this one becomes: `values` are judged there."""
        flow = await turn(self.desk, work, into, submission.request)
        return await self._judge_in(flow, into.method, submission, payload, values, None)

    async def prove_first(
        self, work: Work, taken: AddressTaken, submission: Submission, payload: Any, pending: str | None
    ) -> Outcome:
        """A registration with the address of an account: a login, by which that account gets the provider linked.

        `pending` is what the method keeps of it, for that login too.
        """
        if await self.desk.people.identity(taken.holder) is None:
            raise FlowBusy(work.flow.id)  # erased in this moment
        link = Link(taken.linkable, taken.holder, taken.identifier)
        into = Continuation(FlowKind.LOGIN, link.method, "taken", pending, link)
        flow = await turn(self.desk, work, into, submission.request)
        verdict = await self._proof(flow, link, pending)  # the login's before-actions took their time
        return await self._judge_in(flow, into.method, submission, payload, {}, verdict)

    async def waiting(self, flow: Flow, verdict: Turned) -> Verdict | None:
        """The verdict in a login that was opened to link this very account, and was stopped before it came to that."""
        if flow.kind is not FlowKind.LOGIN or flow.linking:
            return None
        link = await link_of(self.desk.services.streams.store, self.desk.services.tools.keyring, flow)
        if link is None or link.wanted.held != verdict.held:
            return None
        return await self._proof(flow, link, verdict.pending)

    async def _proof(self, flow: Flow, link: Link, pending: str | None) -> Verdict:
        """Where the configuration says so, an address that the provider vouches for and that is verified here is proof.

        Else the account is to be proven in this login.
        """
        holder, wanted = await self.desk.people.identity(link.holder), link.wanted
        if holder is None:
            raise FlowBusy(flow.id)
        if self._vouched(holder, link):
            proven = Accepted(identity=holder, authentication=wanted.method, provider=wanted.provider, pending=pending)
            return await linked(self.desk.people, proven, wanted)
        ui_url = self.desk.rules.configuration.flow(FlowKind.LOGIN).ui_url or ""
        shown = oidc_messages.link_first(link.identifier, wanted.label, ui_url)
        kept = {"identifier": link.identifier, LINKING: {"provider": wanted.provider, "identifier": link.identifier}}
        return Advanced("linking", (shown,), kept)

    def _vouched(self, holder: Identity, link: Link) -> bool:
        """The provider's word is one factor: it adds no way in to an account that has a second one."""
        people = self.desk.people
        two = second_factors(self.desk.rules, holder, people.profile(holder))
        return not two and vouched(people, holder, link)

    async def sign_in_too(
        self, work: Work, registered: Outcome, pending: str, submission: Submission, payload: Any
    ) -> Outcome:
        """A login of who has just registered, with login's own actions (`oidc.login_actions_after_registration`).

        What goes wrong with it leaves the account as it is: the error says so.
        """
        method = work.flow.method or ""
        into = Continuation(FlowKind.LOGIN, method, "registered", pending)
        try:
            flow = await follow(self.desk, work, into, submission.request)
            signed_in = await self._judge_in(flow, method, submission, payload, {}, None)
        except ActionFailed as error:
            at, came_to = error.flow_id, error.outcome
            failed = ActionFailed(error.action, error.reason, error.detail, flow_id=at, stands=True)
            failed.outcome = _after(registered, came_to) if came_to is not None else registered
            raise failed from error
        except LimenError as error:
            error.stands, error.outcome = True, registered
            raise
        return _after(registered, signed_in)


def _after(registered: Outcome, signed_in: Outcome) -> Outcome:
    """What both came to: the next steps of the registration are still to be gone."""
    return replace(signed_in, continue_with=(*registered.continue_with, *signed_in.continue_with))
