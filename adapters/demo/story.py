"""The story of the demo: one person and every flow, each step as an application would take it.

Each step notes which requests it must have caused, and claims what its outcome must be.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from limen.adapters.demo.authenticator import Authenticator
from limen.adapters.demo.browser import landing
from limen.adapters.demo.expected import Check, Expected
from limen.adapters.demo.target import CUSTOMER, THROWAWAY
from limen.domain.engine import Engine
from limen.domain.errors import FlowRejected
from limen.domain.outcome import FlowView, Outcome
from limen.domain.request import Request
from limen.domain.testing import MemoryCourier

FORM = "http://127.0.0.1:4433/self-service"
PASSWORD, NEW_NAME = "correct horse battery staple", "Ada Lovelace"
OFFICE, CAFE = "10.20.30.40", "198.51.100.7"

Step = Callable[[], Awaitable[None]]


class Story:
    """One person going through the flows. `flows` are those there were, with what each shows."""

    def __init__(self, engine: Engine, courier: MemoryCourier, name: str) -> None:
        self.engine = engine
        self.courier = courier
        self.email = f"{name}@example.org"
        self.throwaway = f"{name}@{THROWAWAY}"
        self.expected: list[Expected] = []
        self.checks: list[Check] = []
        self.flows: list[tuple[str, UUID]] = []
        self.identity = ""
        self.token: str | None = None
        self.once: str | None = None
        """The session of a login that has shown one factor."""
        self.logins: dict[str, UUID] = {}
        """The logins that are shown side by side, by method."""

    @property
    def steps(self) -> tuple[tuple[str, Step], ...]:
        """The steps in order, each with what it shows."""
        return (
            ("registration without an invitation is rejected", self.register_uninvited),
            ("registration refuses a throwaway address, then succeeds", self.register),
            ("verification of the address by code", self.verify),
            ("login from outside the trusted range is rejected", self.login_outside),
            ("login by password: the list of the method", self.login_by_password),
            ("login by code: the default list", self.login_by_code),
            ("settings: an account at a provider, then a login through it", self.login_by_oidc),
            ("settings: an authenticator app, then a login by TOTP with it", self.login_by_totp),
            ("settings: a new name", self.change_settings),
            ("recovery by code, which ends the other sessions", self.recover),
        )

    # -- the steps

    async def register_uninvited(self) -> None:
        """The `before` action says no."""
        await self._rejected("registration", "/registration/api", "invite_only", "/invitations")

    async def register(self) -> None:
        """A parsing action refuses on the field, the next one modifies, the last one is a delivery."""
        flow = await self._start("registration", "/registration/api", query={"invite": "from-a-friend"})
        asked_at = f"{FORM}/registration/api?invite=from-a-friend"
        self._expect("invite_only", "/invitations", {"flow": str(flow.id), "asked_at": asked_at})
        refused = await self._register(flow, self.throwaway)
        node = next(one for one in refused.flow.ui.nodes if one["attributes"]["name"] == "traits.email")
        self._claim(
            "the message stands on the field traits.email",
            [message["text"] for message in node["messages"]] == ["Please use a lasting address."],
        )
        self._claim("nothing was stored, and the form waits", refused.state == "choose_method")
        done = await self._register(flow, self.email)
        self._claim("the registration is completed", done.completed)
        assert done.identity is not None
        self.identity, self.token = str(done.identity.id), done.session_token
        self._claim("customer_number set the metadata", done.identity.metadata_public == CUSTOMER)
        self._claim("a session was issued", done.session is not None and done.session_token is not None)
        for email in (self.throwaway, self.email):
            self._expect("lasting_address", "/addresses/check", {"flow": str(flow.id), "email": email})
        self._expect("customer_number", "/customers", self._person(flow))
        self._expect("signup_analytics", "/analytics", {"event": "signup", "flow": str(flow.id)})

    async def verify(self) -> None:
        """By a code of its own; the flow that registration started by itself waits beside it."""
        flow = await self._start("verification", "/verification/api")
        self._expect("verification_asked", "/verification/asked", {"flow": str(flow.id), "type": "api"})
        await self._submit(flow, "code", {"email": self.email})
        done = await self._submit(flow, "code", {"code": self._mailed()})
        self._claim("the address is verified", done.completed)
        self._expect("verified", "/verification/done", self._person(flow))

    async def login_outside(self) -> None:
        """The address of the client decides."""
        await self._rejected("login", "/login/api", "trusted_range", "/addresses/trusted", client_ip=CAFE)

    async def login_by_password(self) -> None:
        """A wrong password first. The method's list replaces the default one."""
        flow = await self._login("password")
        wrong = await self._submit(flow, "password", {"identifier": self.email, "password": "a guess"})
        self._claim("a wrong password is refused", wrong.state == "choose_method" and wrong.session is None)
        done = await self._submit(flow, "password", {"identifier": self.email, "password": PASSWORD})
        self._claim("the login is completed", done.completed and done.session_token is not None)
        self._expect("password_policy", "/password-policy", self._person(flow))

    async def login_by_code(self) -> None:
        """A method without a list of its own: the default list."""
        flow = await self._login("code")
        await self._submit(flow, "code", {"identifier": self.email})
        done = await self._submit(flow, "code", {"identifier": self.email, "code": self._mailed()})
        self._claim("the login by code is completed", done.completed and done.session_token is not None)
        self.once = done.session_token
        self._expect("signed_in", "/signed-in", self._person(flow))

    async def login_by_oidc(self) -> None:
        """The account is linked first: to the provider and back, twice."""
        flow = await self._start("settings", "/settings/api", session_token=self.token)
        self._expect("settings_opened", "/settings/opened", {"flow": str(flow.id), "type": "api"})
        linked = await self._travel(flow, {"link": "example"}, session_token=self.token)
        self._claim("the account at the provider is linked", linked.completed)
        self._expect("settings_changed", "/settings/changed", self._person(flow))
        login = await self._login("oidc")
        done = await self._travel(login, {"provider": "example"})
        self._claim("the login through the provider is completed", done.completed and done.session_token is not None)
        self._expect("signed_in_elsewhere", "/signed-in-elsewhere", self._person(login))

    async def login_by_totp(self) -> None:
        """The app takes the secret over that settings show; its code is the second factor, once."""
        flow = await self._start("settings", "/settings/api", session_token=self.token)
        self._expect("settings_opened", "/settings/opened", {"flow": str(flow.id), "type": "api"})
        app = Authenticator.of(flow, self.engine.tools.clock)
        done = await self._submit(flow, "totp", {"totp_code": app.earlier}, session_token=self.token)
        self._claim("the authenticator app is linked", done.completed)
        self._expect("settings_changed", "/settings/changed", self._person(flow))
        login = await self._login("totp", aal="aal2", session_token=self.once)
        code = app.code
        signed_in = await self._submit(login, "totp", {"totp_code": code}, session_token=self.once)
        level = signed_in.session and signed_in.session.authenticator_assurance_level
        self._claim("the session has shown two factors", signed_in.completed and level == "aal2")
        self._expect("second_factor", "/second-factor", self._person(login))
        again = await self._login(aal="aal2", refresh=True, session_token=self.once)
        refused = await self._submit(again, "totp", {"totp_code": code}, session_token=self.once)
        self._claim("the same code is refused the second time", refused.state == "choose_method")

    async def change_settings(self) -> None:
        """The profile's own list runs, after the change is stored."""
        flow = await self._start("settings", "/settings/api", session_token=self.token)
        self._expect("settings_opened", "/settings/opened", {"flow": str(flow.id), "type": "api"})
        values = {"traits": {"email": self.email, "name": NEW_NAME}}
        done = await self._submit(flow, "profile", values, session_token=self.token)
        self._claim("the change is stored", done.completed and done.identity is not None)
        body = {"flow": str(flow.id), "identity": self.identity, "name": NEW_NAME}
        self._expect("profile_changed", "/profile/changed", body)

    async def recover(self) -> None:
        """Ends every other session, and opens settings by itself, whose `before` action runs."""
        flow = await self._start("recovery", "/recovery/api")
        self._expect("recovery_asked", "/recovery/asked", {"flow": str(flow.id), "type": "api"})
        await self._submit(flow, "code", {"email": self.email})
        done = await self._submit(flow, "code", {"code": self._mailed()})
        self._claim("the account is recovered", done.completed and done.session_token is not None)
        self._expect("recovered", "/recovery/done", self._person(flow))
        opened = next((one["flow"]["id"] for one in done.continue_with if one["action"] == "show_settings_ui"), None)
        self._claim("a settings flow was opened", opened is not None)
        self._expect("settings_opened", "/settings/opened", {"flow": opened, "type": "api"})
        self._claim("the session of the registration has ended", await self.engine.session(self.token) is None)

    # -- what they are made of

    async def _start(self, kind: str, path: str, **more: Any) -> FlowView:
        client_ip = more.pop("client_ip", OFFICE)
        request = Request("GET", f"{FORM}{path}", client_ip=client_ip)
        flow = await self.engine.start(kind, request=request, **more)
        self.flows.append((kind, flow.id))
        return flow

    async def _submit(
        self, flow: FlowView, method: str, values: Mapping[str, Any], session_token: str | None = None
    ) -> Outcome:
        request = Request("POST", f"{FORM}/{flow.kind}?flow={flow.id}", client_ip=OFFICE)
        return await self.engine.submit(
            flow.id, method=method, values=values, request=request, session_token=session_token
        )

    async def _travel(self, flow: FlowView, values: Mapping[str, Any], session_token: str | None = None) -> Outcome:
        """To the provider and back."""
        away = await self._submit(flow, "oidc", values, session_token)
        back = await landing(away.redirect_browser_to or "")
        request = Request("GET", back, client_ip=OFFICE)
        return await self.engine.resume(flow.id, request=request, session_token=session_token)

    async def _register(self, flow: FlowView, email: str) -> Outcome:
        return await self._submit(flow, "password", {"traits": {"email": email}, "password": PASSWORD})

    async def _login(self, by: str | None = None, **more: Any) -> FlowView:
        """A login; `by` names the method whose login is shown beside the others."""
        flow = await self._start("login", "/login/api", **more)
        if by is not None:
            self.logins[by] = flow.id
        self._expect("trusted_range", "/addresses/trusted", {"flow": str(flow.id), "client_ip": OFFICE})
        return flow

    async def _rejected(self, kind: str, form: str, action: str, path: str, **more: Any) -> None:
        try:
            await self._start(kind, form, **more)
        except FlowRejected as rejected:
            flow_id = str(rejected.flow_id)
            self.flows.append((kind, UUID(flow_id)))
            self._claim(f"{action} rejected the {kind}", rejected.action == action and bool(rejected.messages))
            asked = {"asked_at": f"{FORM}{form}"} if kind == "registration" else {"client_ip": CAFE}
            self._expect(action, path, {"flow": flow_id, **asked})
        else:
            self._claim(f"{action} rejected the {kind}", held=False)

    def _mailed(self) -> str:
        """The code of the newest message."""
        newest = self.courier.messages[-1] if self.courier.messages else None
        return (newest.code if newest is not None else None) or ""

    def _person(self, flow: FlowView) -> dict[str, Any]:
        return {"flow": str(flow.id), "identity": self.identity, "email": self.email}

    def _expect(self, action: str, path: str, body: Mapping[str, Any]) -> None:
        self.expected.append(Expected(action, path, body))

    def _claim(self, claim: str, held: bool) -> None:
        self.checks.append(Check(claim, held))
