"""Next steps: where a client goes on after a submission (Kratos: `continue_with`)."""

from typing import Any
from uuid import UUID

from limen.domain.assurance import HIGHEST, login_url, second_factors
from limen.domain.completion import Completed
from limen.domain.configuration import Configuration, FlowKind
from limen.domain.decision import Decision, switched_off
from limen.domain.desk import Desk
from limen.domain.errors import LimenError
from limen.domain.flow import Flow
from limen.domain.link import type_after
from limen.domain.opening import Opening
from limen.domain.plan import Plan
from limen.domain.request import Request
from limen.domain.self_verification import StartedVerification

LED_ON = (FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.SETTINGS)
"""What a page's script is led on from with an address; recovery has its settings, a verification's form a link."""


class NextSteps:
    """The next steps under one configuration."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def after(self, done: Completed, chosen: Plan, request: Request) -> list[dict[str, Any]]:
        """Where to go after a completed flow."""
        flow, decision = done.work.flow, done.decision
        steps: list[dict[str, Any]] = []
        if chosen.has("show_verification_ui"):
            browser = flow.type == "browser"
            steps += [self.show_verification(started, url=browser) for started in done.verifications]
        app = type_after(flow, request) == "api"  # a browser that followed an app's link gets a cookie
        if decision.session_token is not None and app and flow.kind is not FlowKind.LOGIN:
            steps.append({"action": "set_ory_session_token", "ory_session_token": decision.session_token})
        if flow.kind is FlowKind.RECOVERY and decision.session_token is not None:
            steps += await self._open_settings(flow, decision.session_token, request)
        return steps + self._page_after(flow, decision, request)

    def _page_after(self, flow: Flow, decision: Decision, request: Request) -> list[dict[str, Any]]:
        """Where a page's script takes its browser, as a form's answer does; settings to their own page (Kratos)."""
        by_script = flow.type == "browser" and flow.kind in LED_ON and request.wants_json
        if not by_script or switched_off(flow, decision) or self.lacks_second_factor(flow, decision):
            return []
        presenter, settings = self.desk.presenter, self.desk.rules.configuration.flow(flow.kind)
        own = settings.return_urls.get(flow.method or "") or settings.return_url
        address = presenter.return_url(flow, presenter.contents(flow))
        if flow.kind is FlowKind.SETTINGS and settings.ui_url and not (own or presenter.request(flow).get("return_to")):
            address = with_flow(settings.ui_url, flow.id)
        return [{"action": "redirect_browser_to", "redirect_browser_to": address}]

    async def _open_settings(self, flow: Flow, token: str, request: Request) -> list[dict[str, Any]]:
        """The settings flow that a recovery opens, before-actions included; a rejected one is not shown.

        It goes on to where the recovery would (Kratos).
        """
        own = self.desk.rules.configuration.flow(flow.kind).return_url
        try:
            opening = Opening(self.desk)
            settings = await opening.start(
                FlowKind.SETTINGS,
                request,
                type_=type_after(flow, request),
                session_token=token,
                return_to=self.desk.presenter.request(flow).get("return_to") or own,
                started_by=flow.id,
            )
        except LimenError:
            return []
        return [show_ui(self.desk.rules.configuration, FlowKind.SETTINGS, settings.id)]

    def lacks_second_factor(self, flow: Flow, decision: Decision) -> bool:
        """Whether a login has shown the first of two factors, where sessions must show both."""
        rules, session = self.desk.rules, decision.session
        first = flow.kind is FlowKind.LOGIN and session is not None and session.aal == "aal1"
        if not first or rules.configuration.whoami_required_aal != HIGHEST:
            return False
        return bool(second_factors(rules, decision.identity, decision.profile))

    def second_factor(self, flow: Flow) -> str | None:
        """Where a browser goes on that lacks the second factor (Kratos: 422, 303)."""
        if flow.type != "browser":
            return None
        return_to = self.desk.presenter.request(flow).get("return_to")
        return login_url(self.desk.rules.configuration, aal="aal2", return_to=return_to)

    def show_verification(self, started: StartedVerification, *, url: bool) -> dict[str, Any]:
        """The way to a verification flow; `url`: to its page too."""
        shown = {"id": str(started.flow_id), "verifiable_address": started.address}
        page = self.desk.rules.configuration.flow(FlowKind.VERIFICATION).ui_url
        if url and page:
            shown["url"] = with_flow(page, started.flow_id)
        return {"action": "show_verification_ui", "flow": shown}


def show_ui(configuration: Configuration, kind: FlowKind, flow_id: UUID) -> dict[str, Any]:
    """The way to a flow, and to its page where there is one."""
    shown, page = {"id": str(flow_id)}, configuration.flow(kind).ui_url
    if page:
        shown["url"] = with_flow(page, flow_id)
    return {"action": f"show_{kind}_ui", "flow": shown}


def with_flow(url: str, flow_id: UUID) -> str:
    """The page of a flow."""
    return f"{url}{'&' if '?' in url else '?'}flow={flow_id}"
