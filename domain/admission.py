"""Admission: whether a flow may be submitted with the session that comes with it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from limen.domain.assurance import HIGHEST, demand, login_url, settings_url
from limen.domain.code_factor import code_addresses
from limen.domain.configuration import Configuration, FlowKind
from limen.domain.errors import RequestRefused
from limen.domain.flow import Flow
from limen.domain.link import given_token
from limen.domain.method import Accepted
from limen.domain.people import People
from limen.domain.sessions import SignedIn


class Admission:
    """Who may, under one configuration. Every refusal is a `RequestRefused` with Kratos' error id."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.configuration: Configuration = people.rules.configuration

    def admit(self, flow: Flow, signed_in: SignedIn | None, back: str | None = None) -> None:
        """Whether the flow may be submitted with this session at all.

        `back`: where somebody who has to show more comes back to; by default where settings are submitted.
        """
        if flow.kind is FlowKind.LOGIN and flow.requested_aal != "aal1" and signed_in is None:
            raise RequestRefused("session_aal1_required", "a second factor needs the first one; sign in first")
        again = flow.kind is FlowKind.LOGIN and (flow.refresh or flow.requested_aal != "aal1")
        if flow.kind in (FlowKind.LOGIN, FlowKind.REGISTRATION) and signed_in is not None and not again:
            raise RequestRefused("session_already_available", "there is an active session already; sign out first")
        second = flow.kind is FlowKind.LOGIN and flow.requested_aal != "aal1"
        if second and signed_in is not None and signed_in.identity.id != flow.identity_id:
            raise RequestRefused("security_identity_mismatch", "this second factor is asked of somebody else")
        if flow.kind is not FlowKind.SETTINGS:
            return
        if signed_in is None:
            raise RequestRefused("session_inactive", "settings need an active session; sign in first")
        if signed_in.identity.id != flow.identity_id:
            raise RequestRefused("security_identity_mismatch", "this settings flow belongs to somebody else")
        required = self.configuration.flow(flow.kind).required_aal
        back = back or settings_url(self.configuration, flow.id)
        demand(self.people.rules, required, signed_in.session, signed_in.identity, signed_in.profile, back)

    def recovers(self, flow: Flow, values: Mapping[str, Any], signed_in: SignedIn | None) -> None:
        """Whoever is signed in asks for no recovery; a code or link that was sent counts all the same (Kratos)."""
        if flow.kind is not FlowKind.RECOVERY or signed_in is None or given_token(values):
            return
        if values.get("email") or flow.state != "sent_email":
            raise RequestRefused("session_already_available", "there is an active session already; no need to recover")

    def privileged(self, flow: Flow, verdict: Accepted, signed_in: SignedIn | None, now: datetime) -> None:
        """Changing a credential, an identifier or an address takes a fresh session (Kratos' privileged session).

        So does changing what an address is for. Where a second factor's code may go to is as a second factor is.
        """
        if flow.kind is not FlowKind.SETTINGS or signed_in is None:
            return
        before, after, people = signed_in.profile, verdict.profile, self.people
        moves = after is not None and people.touched(before, after) and people.roles(after) != people.roles(before)
        if moves and after and code_addresses(people.rules, after) != code_addresses(people.rules, before):
            self.guarded(flow, signed_in, now)
        if verdict.credentials or verdict.removed or moves:
            self.fresh(flow, signed_in, now)

    def guarded(self, flow: Flow, signed_in: SignedIn | None, now: datetime) -> None:
        """Second factors are changed, and codes looked at, by a fresh session that has shown all there are.

        Whatever `required_aal` says (better than Kratos): else the first factor alone could set up another second one.
        """
        if flow.kind is not FlowKind.SETTINGS or signed_in is None:
            return
        back = settings_url(self.configuration, flow.id)
        demand(self.people.rules, HIGHEST, signed_in.session, signed_in.identity, signed_in.profile, back)
        self.fresh(flow, signed_in, now)

    def fresh(self, flow: Flow, signed_in: SignedIn | None, now: datetime) -> None:
        """Raises `RequestRefused` where the session of a settings flow is older than privileged changes allow."""
        if flow.kind is not FlowKind.SETTINGS or signed_in is None:
            return
        age = now - signed_in.session.authenticated_at
        if age <= self.configuration.flow(flow.kind).privileged_session_max_age:
            return
        back = settings_url(self.configuration, flow.id)
        raise RequestRefused(
            "session_refresh_required",
            "this change needs a fresh session; sign in again first",
            redirect_browser_to=login_url(self.configuration, refresh="true", return_to=back),
        )
