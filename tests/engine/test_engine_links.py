"""Links that recover and verify: what is sent, what following one brings, and that it counts once."""

import pytest

from limen.adapters import open_engine
from limen.domain.request import Request
from tests.support.addresses import NEW, PROFILE, VERIFY_NEW, arrive, awaited, change, traits
from tests.support.engine import ADA, PASSWORD, UI, configuration, hook, ignore, open_house, parse, shown
from tests.support.links import LINKS, arrived, ask_link, flow_of, follow, link_in, link_of, token_of
from tests.support.smtp import smtp_sink

BOTH = ["recovery", "verification"]
SENT = {"recovery": 1060002, "verification": 1080001}


@pytest.mark.parametrize("kind", BOTH)
async def test_a_link_is_sent_to_the_address_and_the_form_says_so(kind: str) -> None:
    async with open_house(**LINKS) as house:
        await house.register()
        flow = await ask_link(house, kind)
        assert (flow.state, flow.body.state, flow.body.active) == ("sent_email", "sent_email", "link")
        assert shown(flow) == {None: [SENT[kind]]}
        nodes = [(node["group"], node["attributes"]["name"], node["attributes"].get("value")) for node in flow.ui.nodes]
        assert nodes == [("default", "csrf_token", ""), ("link", "email", ADA), ("link", "method", "link")]
        mail = house.courier.messages[-1]
        assert (mail.to, mail.template) == (ADA, f"{kind}_valid")
        assert link_of(house).startswith(f"http://127.0.0.1:4433/self-service/{kind}?flow={flow.id}&token=")
        assert len(token_of(link_of(house))) == 43, "256 bits"


async def test_following_it_recovers_the_account_and_opens_its_settings() -> None:
    after = [parse("/parse"), hook("/plain"), ignore("/ignored")]
    hooks = {"settings.before": [hook("/settings")], "recovery.after": after}
    async with open_house(hooks, **LINKS) as house:
        await house.register()
        await ask_link(house, "recovery", type="browser", return_to=f"{UI}/after")
        outcome = await follow(house, link_of(house))
        assert outcome.completed
        assert outcome.session is not None
        assert [one.method for one in outcome.session.authentication_methods] == ["link_recovery"]
        assert outcome.flow.body.state == "passed_challenge"
        assert [path for path in house.called() if path != "/ignored"] == ["/parse", "/plain", "/settings"]
        assert house.sent("/parse")["request_method"] == "GET"
        (settings,) = outcome.continue_with
        opened = await house.engine.flow(settings["flow"]["id"])
        assert (settings["action"], opened.type) == ("show_settings_ui", "browser")
        assert (opened.state, shown(opened)) == ("show_form", {None: [1060001]})
        assert opened.body.return_to == f"{UI}/after"
        values, token = {"password": "a new beginning"}, outcome.session_token
        await house.engine.submit(opened.id, method="password", values=values, session_token=token)
        assert (await house.sign_in(ADA, "a new beginning")).completed


async def test_an_app_follows_it_by_its_token_and_goes_on_as_an_app() -> None:
    async with open_house(**LINKS) as house:
        await house.register()
        flow = await ask_link(house, "recovery")
        values = {"token": token_of(link_of(house))}
        outcome = await house.engine.submit(flow.id, method="link", values=values)
        token, settings = outcome.continue_with
        assert token["ory_session_token"] == outcome.session_token
        assert (await house.engine.flow(settings["flow"]["id"])).type == "api"


@pytest.mark.parametrize("kind", BOTH)
async def test_a_token_says_that_it_is_of_a_link(kind: str) -> None:
    async with open_house(**LINKS) as house:
        await house.register()
        flow = await ask_link(house, kind)
        values = {"token": token_of(link_of(house))}
        assert (await house.engine.submit(flow.id, method=None, values=values)).completed
        again = await house.engine.submit(flow.id, method=None, values=values)
        assert (again.state, again.flow.id != flow.id) == ("choose_method", True)


async def test_a_browser_that_follows_the_link_of_an_app_goes_on_as_a_browser() -> None:
    async with open_house(**LINKS) as house:
        await house.register()
        await ask_link(house, "recovery", return_to=f"{UI}/app")
        outcome = await follow(house, link_of(house))
        assert outcome.redirect_browser_to is None
        (step,) = outcome.continue_with  # and no token, which a browser has no use for
        settings = await house.engine.flow(step["flow"]["id"])
        assert (settings.type, settings.body.return_to) == ("browser", f"{UI}/app")


async def test_following_it_verifies_the_address() -> None:
    async with open_house(**LINKS) as house:
        await house.register()
        await ask_link(house, "verification", type="browser", return_to=f"{UI}/after")
        outcome = await follow(house, link_of(house))
        assert outcome.completed
        assert outcome.session is None
        assert outcome.identity is not None
        assert outcome.identity.verifiable_addresses[0].verified is True
        assert shown(outcome) == {None: [1080002]}
        onward = outcome.flow.ui.nodes[-1]
        assert (onward["group"], onward["attributes"]["href"]) == ("link", f"{UI}/after")


async def test_registration_and_a_changed_address_send_a_link_by_themselves() -> None:
    async with open_house({"registration.after": [{"hook": "session"}]}, **LINKS) as house:
        token = (await house.register()).session_token
        assert (await follow(house, link_of(house))).completed
        values = {"traits": {"email": "ada@new.example"}}
        flow = await house.start("settings", session_token=token)
        await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        assert house.courier.messages[-1].to == "ada@new.example"
        outcome = await follow(house, link_of(house))
        assert outcome.identity is not None
        assert outcome.identity.verifiable_addresses[0].verified is True


@pytest.mark.parametrize(
    ("query", "leads_on"),
    [
        ({"return_to": f"{UI}/shop"}, f"{UI}/shop"),
        ({"after_verification_return_to": f"{UI}/thanks"}, f"{UI}/thanks"),
        ({"return_to": f"{UI}/shop", "after_verification_return_to": f"{UI}/thanks"}, f"{UI}/thanks"),
        ({"return_to": f"{UI}/shop", "after_verification_return_to": "https://evil.example"}, f"{UI}/shop"),
        ({"after_verification_return_to": ""}, f"{UI}/welcome"),
    ],
)
async def test_a_registration_says_where_its_verification_leads_on_to(query: dict[str, str], leads_on: str) -> None:
    async with open_house(**LINKS) as house:
        flow = await house.start("registration", type="browser", query=query)
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        registered = await house.engine.submit(flow.id, method="password", values=values)
        assert registered.flow.return_to == query.get("return_to")
        assert (await follow(house, link_of(house))).flow.ui.action == leads_on


async def test_who_may_not_sign_in_unverified_is_sent_a_link() -> None:
    async with open_house({"login.after": [{"hook": "require_verified_address"}]}, **LINKS) as house:
        await house.register()
        refused = await house.sign_in()
        assert refused.error == "session_verified_address_required"
        (step,) = refused.continue_with
        assert step["flow"]["id"] == flow_of(link_of(house))
        assert (await follow(house, link_of(house))).completed
        assert (await house.sign_in()).completed


async def test_a_change_of_address_waits_for_a_link() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}, **LINKS) as house:
        token = await arrive(house)
        flow = await awaited(house, await change(house, token, age=36))
        first = link_of(house)
        assert (flow_of(first), house.courier.messages[-1].to) == (str(flow.id), NEW)
        assert await traits(house, token) == {"email": ADA}, "nothing of it is in force yet"
        await ask_link(house, "verification", NEW, flow)
        assert (await follow(house, first)).flow.id != flow.id, "another one has taken its place"
        assert (await follow(house, link_of(house))).completed
        assert await traits(house, token) == {"email": NEW, "age": 36}


async def test_no_link_is_sent_by_itself_where_links_are_off() -> None:
    selfservice = {"flows": LINKS["selfservice"]["flows"], "methods": {"link": {"enabled": False}}}
    async with open_house({"login.after": [{"hook": "require_verified_address"}]}, selfservice=selfservice) as house:
        await house.register()
        assert (await house.sign_in()).continue_with == ()
        assert house.courier.messages == []
        assert shown(await ask_link(house, "recovery")) == {None: [4010005]}


@pytest.mark.parametrize("kind", BOTH)
async def test_an_address_is_needed(kind: str) -> None:
    async with open_house(**LINKS) as house:
        flow = await house.start(kind)
        outcome = await house.engine.submit(flow.id, method="link", values={})
        assert shown(outcome) == {"email": [4000002]}
        assert (await ask_link(house, kind, flow=outcome.flow)).state == "sent_email"


@pytest.mark.parametrize("kind", BOTH)
async def test_codes_are_not_offered_where_links_are_used(kind: str) -> None:
    async with open_house(**LINKS) as house:
        await house.register()
        flow = await house.start(kind)
        outcome = await house.engine.submit(flow.id, method="code", values={"email": ADA})
        assert (outcome.state, house.types(flow)[-1]) == ("choose_method", "SubmissionDismissed")


async def test_the_links_host_is_the_methods_own_or_the_public_one() -> None:
    links = {"enabled": True, "config": {"base_url": "https://accounts.example/auth/"}}
    async with open_house(selfservice={**LINKS["selfservice"], "methods": {"link": links}}) as house:
        await house.register()
        await ask_link(house, "recovery")
        assert link_of(house).startswith("https://accounts.example/auth/self-service/recovery?flow=")


@pytest.mark.parametrize("kind", BOTH)
async def test_an_unknown_address_is_told_where_the_configuration_says_so(kind: str) -> None:
    flow = {"use": "link", "notify_unknown_recipients": True}
    async with open_house(selfservice={**LINKS["selfservice"], "flows": {kind: flow}}) as house:
        await ask_link(house, kind, "ghost@example.org")
        (mail,) = house.courier.messages
        assert (mail.to, mail.template, mail.link) == ("ghost@example.org", f"{kind}_invalid", None)


async def test_a_link_works_out_of_a_real_mail() -> None:
    async with smtp_sink() as sink:
        uri = f"smtp://127.0.0.1:{sink.port}/?disable_starttls=true"
        courier = {"smtp": {"connection_uri": uri, "from_address": "door@example.org"}}
        async with open_engine(configuration(courier=courier, **LINKS), "memory:") as engine:
            flow = await engine.start("registration")
            values = {"traits": {"email": ADA}, "password": PASSWORD}
            await engine.submit(flow.id, method="password", values=values)
            for kind in BOTH:
                await arrived(sink, 1)
                sink.received.clear()
                flow = await engine.start(kind)
                await engine.submit(flow.id, method="link", values={"email": ADA})
                mail = await arrived(sink, 1)
                assert (mail["To"], mail["From"]) == (ADA, "door@example.org")
                link = link_in(mail.get_content())
                assert flow_of(link) == str(flow.id)
                query, request = {"token": token_of(link)}, Request(method="GET", url=link)
                assert (await engine.resume(flow.id, query=query, request=request)).completed
