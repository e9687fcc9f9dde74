"""The engine: the one way through the house. Starts flows, takes submissions, and shows what came of them.

command ─▶ load the flow ─▶ before- or blocking actions, each answer recorded ─▶ ONE append ─▶ deliveries

The append is the commit point: before it nothing has happened, after it everything will, crash or not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.domain.aggregate import Aggregate
from limen.domain.arguments import identity_of, kind_of, type_of
from limen.domain.assurance import demand
from limen.domain.coming_back import ComingBack
from limen.domain.configuration import Configuration
from limen.domain.desk import Desk, Services
from limen.domain.dispatch import Dispatcher
from limen.domain.document import Document
from limen.domain.erasure import erase
from limen.domain.errors import Erased, FlowExpired, FlowFinished, FlowNotFound
from limen.domain.flow import Flow
from limen.domain.guard import guard, guard_request
from limen.domain.handler import Actions
from limen.domain.link import NAME, discreet, given_token
from limen.domain.looking import look
from limen.domain.method import Method
from limen.domain.opening import Opening
from limen.domain.outcome import FlowView, Outcome
from limen.domain.ports import Step
from limen.domain.replacement import Replacement
from limen.domain.request import Request
from limen.domain.retreat import retreating
from limen.domain.revival import GONE, Revival, flow_of
from limen.domain.rules import Rules, RulesSource
from limen.domain.sessions import SignedIn
from limen.domain.streams import Streams
from limen.domain.submitting import Submitting
from limen.domain.token_exchange import Exchanged, exchange
from limen.domain.tools import Tools
from limen.domain.triggers import Triggers
from limen.domain.unlocking import unlock

MethodsSource = Callable[[Configuration], Mapping[str, Method]]


class Engine:
    """Runs self-service flows. Made by `limen.adapters.open_engine`.

    `handlers` are the Python actions; `before`, `after` and `named` register more of them until the first flow begins.
    """

    def __init__(
        self,
        tools: Tools,
        streams: Streams,
        handlers: Actions,
        draft: Rules,
        publish: Callable[[], Awaitable[Rules]],
        recall: RulesSource,
        methods: MethodsSource,
        dispatcher: Dispatcher,
    ) -> None:
        self.services = Services.of(tools, streams, handlers, dispatcher, draft)
        self.tools = tools
        self.streams = streams
        self.handlers = handlers
        self.dispatcher = dispatcher
        self.before = handlers.before
        self.after = handlers.after
        self.named = handlers.named
        self._publish = publish
        self._recall = recall
        self._methods = methods
        self._desks: dict[UUID, Desk] = {}
        self._current: Desk | None = None
        self._opening = asyncio.Lock()
        self._draft = self._desk(draft)
        self.revival = Revival(tools, streams, self.desk)

    # -- the configuration in force, and those that older flows are pinned to

    async def current(self) -> Desk:
        """The configuration in force; published, with the handlers that are part of it, when the first flow begins."""
        if self._current is not None:
            return self._current
        async with self._opening:
            if self._current is None:
                self.handlers.seal()
                rules = await self._publish()
                # the same methods as before it was published: one pool of hashers
                self._current = self._desks[rules.id] = Desk.under(rules, self._draft.methods, self.services)
            return self._current

    async def desk(self, configuration: UUID) -> Desk:
        """The configuration that a flow is pinned to."""
        await self.current()
        if configuration not in self._desks:
            async with self._opening:
                if configuration not in self._desks:
                    self._desks[configuration] = self._desk(await self._recall(configuration))
        return self._desks[configuration]

    def _desk(self, rules: Rules) -> Desk:
        return Desk.under(rules, self._methods(rules.configuration), self.services)

    @property
    def _in_force(self) -> Desk:
        """The configuration in force, published or not: reading a session does not begin a flow."""
        return self._current or self._draft

    # -- commands

    async def start(
        self,
        kind: str,
        *,
        query: Mapping[str, str] | None = None,
        request: Request | None = None,
        type: str = "api",
        session_token: str | None = None,
        return_to: str | None = None,
        refresh: bool = False,
        aal: str | None = None,
        identity_schema: str | None = None,
        organization: str | None = None,
        transient_payload: Any = None,
    ) -> FlowView:
        """Starts a flow: its before-actions run, then it waits for a submission.

        `type` is `api` or `browser`. `identity_schema` and `organization` are heard by login and registration. Raises
        `FlowRejected` when a before-action said no, `ActionFailed` when one failed, `RequestRefused` when the request
        does not fit its session or the configuration (`session_already_available`, `session_inactive`,
        `self_service_flow_disabled`, `identity_schema_unknown`, `identity_schema_not_selectable`).
        """
        desk = await self.current()
        asked = request or Request()
        guard_request(asked)
        if query is not None:
            guard(query, "/query")
        asked = asked.with_query(query)
        said = asked.query
        return await Opening(desk).start(
            kind_of(kind),
            asked,
            type_=type_of(type),
            session_token=session_token,
            return_to=return_to or said.get("return_to"),
            refresh=refresh or said.get("refresh") == "true",
            aal=aal or said.get("aal"),
            identity_schema=identity_schema or said.get("identity_schema"),
            organization=organization or said.get("organization"),
            transient_payload=transient_payload,
        )

    async def submit(
        self,
        flow_id: UUID | str,
        *,
        method: str | None,
        values: Mapping[str, Any],
        request: Request | None = None,
        session_token: str | None = None,
        transient_payload: Any = None,
    ) -> Outcome:
        """Submits a method to a flow.

        A refusal and an interruption RETURN an outcome whose `flow.ui` carries the messages; a code of recovery or
        verification that is too old, one whose `flow` is a new one. Raises `FlowBusy`,
        `FlowFinished`, `FlowExpired`, `FlowNotFound`, `ActionFailed`, `SubmissionInvalid`, `RequestRefused`.
        """
        asked = request or Request()

        async def judge(desk: Desk, flow: Flow) -> Outcome:
            said = discreet(flow, asked)
            return await Submitting(desk).submit(flow, method, values, said, session_token, transient_payload)

        return await self._take(flow_id, asked, judge, token=method in (NAME, None) and given_token(values))

    async def resume(
        self,
        flow_id: UUID | str,
        *,
        values: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        request: Request | None = None,
        session_token: str | None = None,
    ) -> Outcome:
        """Takes a flow up again whose user was elsewhere: at an OpenID provider, or in their mail (a link).

        `query` are the fields of the address they came back to (by default those of `request.url`), `values` those of
        a form that was posted there; the method that sent them away judges both. Answers and raises like `submit`, but
        a link that counts no more is answered with a new flow (`outcome.flow`), which says so. The link in a mail
        with a verification's code leads to its form (`continue_with`); nothing is judged.
        """
        asked = request or Request(method="GET")
        brought = {**(asked.query if query is None else query), **(values or {})}

        async def take_up(desk: Desk, flow: Flow) -> Outcome:
            return await ComingBack(desk).resume(flow, brought, discreet(flow, asked), session_token)

        token = given_token(brought) or brought.get("code")
        return await self._take(await self.revival.onward(flow_id), asked, take_up, token=token)

    async def flow(self, flow_id: UUID | str, *, session_token: str | None = None) -> FlowView:
        """A flow as it stands; an ended one as it ended. Raises `FlowNotFound`, `FlowExpired` when its time is over.

        Settings show what is their person's alone (traits, a secret, backup codes) only with the token of a session
        of that person; with another one they raise `RequestRefused` (`session_inactive`, `session_aal2_required`,
        `security_identity_mismatch`).
        """
        return await look(self.revival, flow_id, session_token)

    async def session(self, token: str | None) -> Document | None:
        """The active session of a token, with its identity; None when there is none.

        Raises `RequestRefused` (`session_aal2_required`) where `session.whoami.required_aal` asks for a second factor
        that the person has and the session has not shown; its `details` say where a browser shows it.
        """
        sessions, rules = self._in_force.sessions, self._in_force.rules
        signed_in = await sessions.of(token)
        if signed_in is None:
            return None
        required = rules.configuration.whoami_required_aal
        demand(rules, required, signed_in.session, signed_in.identity, signed_in.profile)
        return Document(sessions.body(signed_in))

    async def signed_in(self, token: str | None) -> SignedIn | None:
        """Who is signed in with a token."""
        return await self._in_force.sessions.of(token)

    async def exchange(self, init_code: str | None, return_code: str | None) -> Exchanged:
        """The session of a native app whose user signed in through a provider, for the two codes; once.

        `init_code` is `session_token_exchange_code` of the flow as it was started, `return_code` the `code` that the
        browser brought to `return_to`. Raises `RequestRefused` (`token_exchange_codes_missing`,
        `token_exchange_not_found`).
        """
        return await exchange(self._in_force.sessions, init_code, return_code)

    async def logout(self, token: str | None, *, request: Request | None = None) -> bool:
        """Ends the session of a token; False when there was none (then nothing was done).

        What `triggers.logout` of `limen.yml` lists is told of it, and of `request`, once: it is scheduled with the end.
        """
        guard_request(asked := request or Request())
        desk = await self.current()
        triggers = Triggers(desk)

        async def tell(signed_in: SignedIn, step: Step, at: datetime) -> Sequence[Aggregate]:
            return await triggers.tell_logout(triggers.of_logout(), step, signed_in, asked, at)

        ended = await desk.sessions.revoke(token, tell)
        if ended:
            self.dispatcher.wake()
        return ended

    async def erase(self, identity_id: UUID | str) -> int:
        """Erases a person: their keys and vault rows are deleted, their sessions ended, their identifiers freed.

        The log stays whole; what it says of them reads as erased. Returns the number of vault rows deleted. Raises
        `RequestRefused` (`identity_not_found`) when there is no such identity.
        """
        return await erase(self.tools, self.streams, identity_of(identity_id))

    async def unlock(self, identity_id: UUID | str, what: str | None = None) -> tuple[str, ...]:
        """Lets what was guessed at too often be tried again; answers what there was.

        `what` is one second factor (`totp`), or `login` for the lockouts of somebody's identifiers; by default all.
        Raises `RequestRefused` (`identity_not_found`) when there is no such identity.
        """
        return await unlock(self.tools, self.streams, identity_of(identity_id), what)

    # -- one at a time

    async def _take(
        self,
        flow_id: UUID | str,
        request: Request,
        work: Callable[[Desk, Flow], Awaitable[Outcome]],
        token: Any = None,
    ) -> Outcome:
        """Works on a flow that is brought up to the time, and on none twice at once. `token`: a link was followed."""
        id_ = flow_of(flow_id)
        guard_request(request)
        try:
            async with self.revival.alone(id_) as (desk, flow):
                try:
                    async with retreating(desk, flow.id):
                        return await work(desk, flow)
                except Erased:
                    raise FlowNotFound(flow.id, GONE) from None
        except (FlowFinished, FlowExpired):
            flow = await self.revival.load(id_)
            if outcome := await Replacement(await self.desk(flow.configuration)).of_ended(flow, token, request):
                return outcome
            raise
