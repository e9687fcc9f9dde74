"""Presenter: a flow as its user, its templates and its handlers see it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from limen.domain.assurance import second_factors
from limen.domain.body import active_of, flow_body, identity_body, instant, kratos_state, selected, session_body
from limen.domain.code_factor import offered_addresses
from limen.domain.configuration import FlowKind
from limen.domain.decision import Decision
from limen.domain.document import Drawn
from limen.domain.first_factors import first_factors, linked_providers
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.key_mode import owned
from limen.domain.message import Message
from limen.domain.outcome import FlowView
from limen.domain.ports import Keyring
from limen.domain.profile import Profile
from limen.domain.request import Request
from limen.domain.rules import Rules
from limen.domain.sessions import SignedIn
from limen.domain.ui import FormView, form
from limen.domain.ui.factors import LOOKUP_SHOWN

Opened = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contents:
    """What is sealed in a flow, opened: the form can be drawn from it later, when the key may not be at hand."""

    request: Opened
    values: Mapping[str, Any]
    messages: tuple[Message, ...]
    address: str | None
    csrf_token: str


class Presenter:
    """Opens what is sealed in a flow (its key must be at hand) and gives it Kratos' shape."""

    def __init__(self, keyring: Keyring, rules: Rules) -> None:
        self.keyring = keyring
        self.rules = rules

    # -- what is sealed in the flow

    def request(self, flow: Flow) -> Opened:
        """The request that started the flow: method, url, client_ip, user_agent, return_to, transient_payload."""
        return self.keyring.unseal(flow.request)  # type: ignore[no-any-return]  # JSON of any type

    def kept(self, flow: Flow) -> tuple[dict[str, Any], tuple[Message, ...]]:
        """The values the form keeps, and its messages."""
        return self._kept(flow, self.challenge(flow))

    def _kept(self, flow: Flow, challenge: Opened | None) -> tuple[dict[str, Any], tuple[Message, ...]]:
        values: dict[str, Any] = dict(challenge["values"]) if challenge else {}
        messages: tuple[Message, ...] = ()
        if flow.form is not None:
            opened = self.keyring.unseal(flow.form)
            values |= opened["values"]
            messages = tuple(map(Message.of, opened["messages"]))
        return values, messages

    def challenge(self, flow: Flow) -> Opened | None:
        """Where the last code went: address, via, values."""
        return self.keyring.unseal(flow.challenge) if flow.challenge else None

    def contents(self, flow: Flow) -> Contents:
        """All that a form shows of what is sealed."""
        challenge = self.challenge(flow)
        values, messages = self._kept(flow, challenge)
        return Contents(
            request=self.request(flow),
            values=values,
            messages=messages,
            address=challenge["address"] if challenge else None,
            csrf_token=self.keyring.digest(flow.id, b"csrf") if flow.type == "browser" else "",
        )

    def transient_payload(self, flow: Flow) -> Any:
        """What the client sent along for the actions, never stored with the identity."""
        return self.keyring.unseal(flow.submission)["transient_payload"] if flow.submission else None

    # -- the form

    def ui(
        self,
        flow: Flow,
        profile: Profile | None,
        contents: Contents,
        *,
        state: str | None = None,
        identity: Identity | None = None,
        shown: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The form as it stands: nodes and messages. `shown` are the secrets it shows its person, by method."""
        values, messages = contents.values, contents.messages
        configuration = self.rules.configuration
        stands, recovered = state or flow.state, None if messages else self._recovered_until(flow)
        if flow.kind is FlowKind.SETTINGS and stands in ("finishing", "completed"):
            # what was refused before is over: the form shows what is being stored
            values, messages = ({LOOKUP_SHOWN: values.get(LOOKUP_SHOWN)} if stands == "finishing" else {}), ()
        return form(
            FormView(
                kind=flow.kind,
                flow_id=flow.id,
                type=flow.type,
                state=stands,
                active=flow.active,
                methods=configuration.methods,
                schema=self.rules.schemas[profile.schema_id if profile else self.rules.schema_of(flow)],
                traits=profile.traits if profile and flow.kind is not FlowKind.REGISTRATION else None,
                values=values,
                messages=messages,
                csrf_token=contents.csrf_token,
                refresh=flow.refresh,
                requested_aal=flow.requested_aal,
                address=contents.address,
                base_url=configuration.base_url,
                return_url=self.return_url(flow, contents),
                recovered_until=recovered,
                style=configuration.flow(flow.kind).style,
                use=configuration.flow(flow.kind).use,
                screen=flow.screen,
                held=second_factors(self.rules, identity, profile) if identity and profile else (),
                addresses=offered_addresses(self.rules, profile, contents.request["url"])
                if identity and profile
                else (),
                shown=shown or {},
                owned=owned(identity) if identity else None,
                linked=linked_providers(identity),
                unlinkable=self._unlinkable(identity, profile),
            )
        )

    def _unlinkable(self, identity: Identity | None, profile: Profile | None) -> bool:
        """Whether every provider can be given up: another way to sign in is left then."""
        if identity is None or profile is None or not identity.held.get("oidc"):
            return False
        schema = self.rules.schemas[profile.schema_id]
        return bool(first_factors(self.rules.configuration, identity, profile, schema, without=("oidc",)))

    def _recovered_until(self, flow: Flow) -> datetime | None:
        """In the settings that a recovery opened: until when a new password may be set."""
        if flow.kind is not FlowKind.SETTINGS or flow.started_by is None:
            return None
        return flow.issued_at + self.rules.configuration.flow(flow.kind).privileged_session_max_age

    def return_url(self, flow: Flow, contents: Contents) -> str:
        """Where its user goes afterwards: `return_to`, else the flow's, else the configuration's."""
        configuration = self.rules.configuration
        settings = configuration.flow(flow.kind)
        wanted = contents.request.get("return_to")
        own = settings.return_urls.get(flow.method or "")
        return str(wanted or own or settings.return_url or configuration.default_return_url or configuration.base_url)

    # -- what is shown

    def view(
        self,
        flow: Flow,
        *,
        identity: Identity | None = None,
        profile: Profile | None = None,
        shown: Mapping[str, Any] | None = None,
        bare: bool = False,
    ) -> FlowView:
        """The flow for whoever embeds limen, as it stands now; its body is drawn when somebody looks at it.

        `identity` and `profile` are whose flow it is; `shown` the secrets its form shows them. `bare`: without what was
        typed, and what was said of it.
        """
        seen, contents = flow.clone(), self.contents(flow)
        contents = replace(contents, values={}, messages=()) if bare else contents

        def body() -> dict[str, Any]:
            base = self.rules.configuration.base_url
            return flow_body(
                seen,
                ui=self.ui(seen, profile, contents, identity=identity, shown=shown),
                request=contents.request,
                use=self.rules.configuration.flow(seen.kind).use,
                identity=identity_body(identity, profile, base) if identity and profile else None,
            )

        return FlowView(
            id=flow.id,
            kind=flow.kind,
            type=flow.type,
            state=flow.state,
            active=flow.active,
            issued_at=flow.issued_at,
            expires_at=flow.expires_at,
            configuration=flow.configuration,
            version=flow.version,
            identity_id=flow.identity_id,
            body=Drawn(body),
        )

    def identity(self, decision: Decision, *, admin: bool = False) -> dict[str, Any]:
        """The identity of a decision; `admin` for actions."""
        identity = decision.identity
        if decision.registers:
            identity = identity.clone()
            identity.created_at = identity.updated_at = decision.at
        return identity_body(identity, decision.shown(), self.rules.configuration.base_url, admin=admin)

    def session(self, decision: Decision, identity: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """The session of a decision, with its identity where that is told."""
        if decision.session is None:
            return None
        return session_body(decision.session, identity, decision.devices, decision.at)

    # -- what actions are given

    def context(
        self,
        flow: Flow,
        request: Request,
        *,
        phase: str,
        decision: Decision | None = None,
        state: str | None = None,
        person: SignedIn | None = None,
    ) -> dict[str, Any]:
        """The `ctx` document. `state` says where the flow will stand when the action has run (after the commit).

        `person` is who is signed in where there is no decision yet. No secret of theirs is in it. A change of settings
        stands in `identity` alone: flow and session show the person as they were (Kratos).
        """
        ctx: dict[str, Any] = {
            "flow": self._flow(flow, phase, decision, state, person),
            **self.asked(request),
        }
        if decision is not None:
            identity = before = self.identity(decision, admin=True)
            if flow.kind is FlowKind.SETTINGS and decision.previous is not None:
                base = self.rules.configuration.base_url
                before = identity_body(decision.identity, decision.previous, base, admin=True)
                ctx["flow"]["identity"] = before
            if phase == "after":
                ctx["identity"] = identity
            if flow.kind in (FlowKind.LOGIN, FlowKind.SETTINGS) and decision.session is not None:
                ctx["session"] = self.session(decision, before)
            if before is not identity and phase == "after":
                ctx["previous_identity"] = before
        return ctx

    def asked(self, request: Request) -> dict[str, Any]:
        """What actions are given of a request."""
        configuration = self.rules.configuration
        return {
            "request_headers": request.allowed_headers(configuration.guard.header_allowlist),
            "request_method": request.method,
            "request_url": request.url,
            "request_cookies": request.foreign_cookies(configuration.session_cookie),
        }

    def _flow(
        self, flow: Flow, phase: str, decision: Decision | None, state: str | None, person: SignedIn | None
    ) -> dict[str, Any]:
        contents, whose = self.contents(flow), decision or person
        opened = contents.request
        body: dict[str, Any] = {
            "id": str(flow.id),
            "type": flow.type,
            "issued_at": instant(flow.issued_at),
            "expires_at": instant(flow.expires_at),
            "request_url": opened["url"],
            "ui": self.ui(
                flow,
                whose.profile if whose else None,
                contents,
                state=state,
                identity=whose.identity if whose else None,
            ),
            "state": kratos_state(flow.kind, state or flow.state, flow.method),
        }
        if opened.get("return_to"):
            body["return_to"] = opened["return_to"]
        active = active_of(flow, self.rules.configuration.flow(flow.kind).use)
        if active:
            body["active"] = active
        if phase == "after":
            body["transient_payload"] = self.transient_payload(flow) or {}
        elif opened.get("transient_payload") is not None:
            body["transient_payload"] = opened["transient_payload"]
        body |= selected(flow)
        if flow.kind is FlowKind.LOGIN:
            body |= {"refresh": flow.refresh, "requested_aal": flow.requested_aal}
            body |= {"created_at": instant(flow.issued_at), "updated_at": instant(flow.updated_at)}
        return body
