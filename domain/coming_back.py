"""Coming back: somebody was elsewhere for their flow, at an OpenID provider or in their mail, and is here again.

Where the method has to ask somebody else who answers once (a code is exchanged for tokens), that it was submitted is
appended first: a second call for the same flow, in whatever process, meets a busy flow and spends nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.desk import Desk
from limen.domain.document import thaw
from limen.domain.errors import ActionFailed, FlowBusy, FlowRejected, LimenError
from limen.domain.flow import Flow
from limen.domain.guard import guard
from limen.domain.link import NAME, brings_code
from limen.domain.next_steps import show_ui
from limen.domain.outcome import Outcome
from limen.domain.request import Request
from limen.domain.retreat import release
from limen.domain.submitting import Submitting
from limen.domain.token_exchange import KIND as EXCHANGE
from limen.domain.token_exchange import address, back_to_the_app, claim

PATIENCE: Final = timedelta(minutes=2)
"""How long a provider may be asked: several requests of ten seconds each, and what its mapper takes."""


class ComingBack:
    """Takes flows up again, under one configuration."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.tools = desk.services.tools
        self.submitting = Submitting(desk)

    async def resume(
        self, flow: Flow, values: Mapping[str, Any], request: Request, session_token: str | None
    ) -> Outcome:
        """Takes up what came back; what was sent along for the actions has stayed with the flow."""
        guard(values)
        work, submitting, admission = self.desk.work(flow), self.submitting, self.submitting.admission
        signed_in = await self.desk.sessions.of(session_token)
        admission.admit(flow, signed_in)
        back = [one for one in self.desk.abilities.returning.values() if one.returns(flow, values)]
        chosen = next((one for one in back if flow.kind in one.flows and submitting.offers(flow, one.name)), None)
        if chosen is None and brings_code(flow, values):
            step = show_ui(self.desk.rules.configuration, flow.kind, flow.id)
            return await submitting.unfinished.reply.outcome(flow, signed_in, continue_with=(step,))
        if chosen is None:
            return await submitting.unfinished.dismiss(work, submitting.network(request), signed_in, values)
        submission = await submitting.submission(flow, chosen, thaw(values), signed_in, request)
        apps = flow.type == "api" and flow.kind in (FlowKind.LOGIN, FlowKind.REGISTRATION)
        app = claim(self.tools.secrets) if apps else None
        submission = replace(submission, returned=True, claim=app)
        payload, spent = self.desk.presenter.transient_payload(flow), request.spent()
        asks = chosen.asks(submission)
        if asks:
            admission.fresh(flow, signed_in, submission.now)  # before anything is spent
            until = submission.now + PATIENCE
            submitting.begin(flow, chosen.name, submission.now, payload, request, until)
            await work.commit()
        try:
            verdict, submission = await chosen.resume(submission), replace(submission, request=spent)
            outcome = await submitting.follow(work, verdict, submission, chosen.name, spent, signed_in, payload)
        except FlowBusy:
            raise  # it may be another call's by now
        except LimenError as error:
            if asks:
                await release(self.desk, flow.id, "refused")
            if apps and isinstance(error, (ActionFailed, FlowRejected)):
                await self._tell(error, flow, app)
            raise
        if flow.type != "api" or chosen.name == NAME:  # who follows a link goes on in the browser they are in (Kratos)
            return outcome
        if not outcome.completed:
            outcome = replace(outcome, return_code=app)
        return back_to_the_app(outcome, self._return_to(flow))

    def _return_to(self, flow: Flow) -> str | None:
        """Where an app's browser goes on. One that is to bring a code goes where browsers go by default (Kratos)."""
        presenter = self.desk.presenter
        if EXCHANGE in presenter.request(flow):
            return presenter.return_url(flow, presenter.contents(flow))
        return_to: str | None = presenter.request(flow).get("return_to")
        return return_to

    async def _tell(self, error: ActionFailed | FlowRejected, flow: Flow, app: str | None) -> None:
        """An app's browser brings it what went wrong, and the way to go on: its session, or the flow that is open."""
        return_to = self._return_to(flow)
        if return_to is None:
            return
        told: dict[str, str] = {}
        open_ = await self._open(error, flow)
        if error.outcome is not None and error.outcome.return_code is not None:
            told = {"code": error.outcome.return_code}
        elif open_ is not None and app is not None:
            told = {"flow": str(open_.id), "code": app}
        said = error.messages if isinstance(error, FlowRejected) else ()
        wrong = str(said[0]["id"]) if said else error.id
        error.redirect_browser_to = address(return_to, {**told, "error": wrong})

    async def _open(self, error: ActionFailed | FlowRejected, flow: Flow) -> Flow | None:
        """The flow in which what was heard waits for its user."""
        streams = self.desk.services.streams
        for id_ in (error.flow_id, flow.id):
            found = await streams.load(Flow, UUID(str(id_))) if id_ is not None else None
            while found is not None and found.into is not None:
                found = await streams.load(Flow, found.into)
            if found is not None and found.version and not found.ended:
                return found
        return None
