"""Codes and the ends of flows: single use, six tries, replacement, expiry; and what an ended flow says."""

import pytest

from limen.domain import FlowExpired, FlowFinished, FlowNotFound, Request
from tests.support.engine import ADA, PASSWORD, UI, House, hook, open_house, shown

WRONG = {"login": 4010008, "registration": 4040003, "recovery": 4060006, "verification": 4070006}


def wrong(house: House, n: int = 0) -> str:
    """A code that was not mailed."""
    return str((int(house.code) + 1 + n) % 10**6).zfill(6)


@pytest.mark.parametrize("kind", sorted(WRONG))
async def test_a_wrong_code_is_refused_and_the_right_one_still_counts(kind: str) -> None:
    async with open_house() as house:
        if kind != "registration":
            await house.register()
        flow = await house.ask_code(kind)
        outcome = await house.give_code(flow, wrong(house))
        assert (outcome.state, shown(outcome)) == ("sent_email", {None: [WRONG[kind]]})
        assert (await house.give_code(flow)).completed


@pytest.mark.parametrize("kind", sorted(WRONG))
async def test_the_sixth_wrong_code_ends_the_flow(kind: str) -> None:
    async with open_house() as house:
        if kind != "registration":
            await house.register()
        flow = await house.ask_code(kind)
        right = house.code
        for n in range(5):
            assert (await house.give_code(flow, wrong(house, n))).state == "sent_email"
        outcome = await house.give_code(flow, wrong(house, 6))
        assert outcome.state == "failed"
        with pytest.raises(FlowFinished):
            await house.give_code(flow, right)
        assert not house.log("SessionIssued")
        if kind in ("recovery", "verification"):
            (step,) = outcome.continue_with
            assert step["action"] == f"show_{kind}_ui"
            new = await house.engine.flow(step["flow"]["id"])
            assert (new.kind, new.state) == (kind, "choose_method")
            assert shown(new) == {None: [4000001]}, "it says why"
            assert house.called() == []


async def test_the_flow_that_takes_an_exhausted_ones_place_runs_no_before_action() -> None:
    async with open_house({"recovery.before": [hook("/before")]}) as house:
        await house.register()
        flow = await house.ask_code("recovery")
        for n in range(6):
            await house.give_code(flow, wrong(house, n))
        assert house.called() == ["/before"]


@pytest.mark.parametrize("kind", sorted(WRONG))
async def test_another_code_replaces_the_earlier_one(kind: str) -> None:
    async with open_house() as house:
        if kind != "registration":
            await house.register()
        flow = await house.ask_code(kind)
        earlier = house.code
        again = {"email": ADA} if kind in ("recovery", "verification") else {"resend": "code"}
        sent = await house.engine.submit(flow.id, method="code", values=again)
        assert sent.state == "sent_email"
        assert house.code != earlier
        assert shown(await house.give_code(flow, earlier)) == {None: [WRONG[kind]]}
        assert (await house.give_code(flow)).completed


async def test_in_recovery_the_address_asks_for_another_code_whatever_was_typed_beside_it() -> None:
    """The button of the form is called `email`, and a browser sends the field of the code along (Kratos)."""
    async with open_house() as house:
        await house.register()
        flow, earlier = await house.ask_code("recovery"), house.code
        values = {"code": wrong(house), "email": ADA}
        sent = await house.engine.submit(flow.id, method="code", values=values)
        assert (sent.state, shown(sent)) == ("sent_email", {None: [1060003]})
        assert house.code != earlier


async def test_in_verification_a_code_counts_even_where_the_address_stands_beside_it() -> None:
    async with open_house() as house:
        await house.register()
        flow = await house.ask_code("verification")
        values = {"code": house.code, "email": ADA}
        assert (await house.engine.submit(flow.id, method="code", values=values)).completed


@pytest.mark.parametrize("kind", ["recovery", "verification"])
async def test_a_code_that_was_sent_needs_no_method_beside_it(kind: str) -> None:
    async with open_house() as house:
        await house.register()
        flow = await house.ask_code(kind)
        refused = await house.engine.submit(flow.id, method=None, values={"code": wrong(house)})
        assert shown(refused) == {None: [WRONG[kind]]}
        assert (await house.engine.submit(flow.id, method=None, values={"code": house.code})).completed


BRIEF = {"methods": {"code": {"config": {"lifespan": "5m"}}}}


@pytest.mark.parametrize("kind", ["login", "registration"])
async def test_a_code_that_signs_in_or_up_is_too_old_after_its_lifespan(kind: str) -> None:
    async with open_house(selfservice=BRIEF) as house:
        if kind != "registration":
            await house.register()
        flow = await house.ask_code(kind)
        house.clock.advance(5 * 60)
        assert shown(await house.give_code(flow)) == {None: [WRONG[kind]]}


@pytest.mark.parametrize(("kind", "late"), [("recovery", 4060005), ("verification", 4070005)])
async def test_where_a_code_is_too_old_a_new_flow_says_so(kind: str, late: int) -> None:
    async with open_house({f"{kind}.before": [hook("/before")]}, selfservice=BRIEF) as house:
        await house.register()
        flow = await house.ask_code(kind)
        code, calls = house.code, house.called()
        house.clock.advance(5 * 60)
        outcome = await house.give_code(flow)
        assert (outcome.state, shown(outcome)) == ("choose_method", {None: [late]})
        assert outcome.error == "self_service_flow_expired"
        (step,) = outcome.continue_with
        assert (step["action"], step["flow"]["id"]) == (f"show_{kind}_ui", str(outcome.flow.id))
        assert (outcome.flow.id != flow.id, outcome.flow.type, house.called()) == (True, "api", calls)
        assert shown(await house.give_code(flow, wrong(house))) == {None: [WRONG[kind]]}, "only the right one is late"
        await house.engine.submit(flow.id, method="code", values={"email": ADA})
        assert shown(await house.give_code(flow, code)) == {None: [WRONG[kind]]}, "it was replaced"
        assert (await house.give_code(flow)).completed


async def test_a_code_of_another_flow_is_wrong() -> None:
    async with open_house() as house:
        await house.register()
        first = await house.ask_code("recovery")
        code = house.code
        second = await house.ask_code("recovery")
        assert shown(await house.give_code(second, code)) == {None: [4060006]}
        assert (await house.give_code(first, code)).completed


@pytest.mark.parametrize("kind", ["recovery", "verification"])
async def test_an_unknown_address_looks_the_same_and_gets_no_mail(kind: str) -> None:
    async with open_house() as house:
        flow = await house.ask_code(kind, "ghost@example.org")
        assert flow.state == "sent_email"
        assert house.courier.messages == []
        assert shown(await house.give_code(flow, "123456")) == {None: [WRONG[kind]]}


@pytest.mark.parametrize("kind", ["recovery", "verification"])
async def test_an_unknown_address_is_told_where_the_configuration_says_so(kind: str) -> None:
    async with open_house(selfservice={"flows": {kind: {"notify_unknown_recipients": True}}}) as house:
        await house.ask_code(kind, "ghost@example.org")
        (mail,) = house.courier.messages
        assert (mail.to, mail.template, mail.code) == ("ghost@example.org", f"{kind}_code_invalid", None)


async def test_a_login_code_for_nobody_says_so() -> None:
    async with open_house() as house:
        flow = await house.ask_code("login", "ghost@example.org")
        assert (flow.state, shown(flow)) == ("choose_method", {None: [4000035]})


async def test_a_login_code_is_sent_to_nobody_who_is_not_named_again() -> None:
    async with open_house() as house:
        flow = await house.ask_code("login", "ghost@example.org")
        for values in ({}, {"identifier": ""}):
            outcome = await house.engine.submit(flow.id, method="code", values=values)
            assert shown(outcome) == {"identifier": [4000002]}
            assert [node.attributes.value for node in outcome.flow.ui.nodes if node.messages] == [""]


async def test_traits_that_are_left_out_beside_a_registrations_code_stay_as_they_were() -> None:
    async with open_house() as house:
        flow = await house.engine.start("registration")
        traits = {"email": ADA, "age": 36, "name": {"first": "Ada"}}
        await house.engine.submit(flow.id, method="code", values={"traits": traits})
        for other in ({"email": ADA, "age": 37}, {"email": ADA, "newsletter": True}, {"name": {"first": "Eda"}}):
            wrong = await house.engine.submit(flow.id, method="code", values={"traits": other, "code": "000000"})
            assert shown(wrong) == {None: [4000036]}
        values = {"traits": {"email": ADA, "name": {}}, "code": house.code}
        outcome = await house.engine.submit(flow.id, method="code", values=values)
        assert outcome.identity is not None
        assert outcome.identity.traits.plain() == traits


async def test_a_registration_by_code_stores_only_what_its_code_was_sent_for() -> None:
    async with open_house() as house:
        flow = await house.ask_code("registration")
        other = {"traits": {"email": ADA, "age": 36}, "code": house.code}
        refused = await house.engine.submit(flow.id, method="code", values=other)
        assert shown(refused) == {None: [4000036]}
        bad = {"traits": {"email": ADA, "age": 5}, "resend": "code"}
        refused = await house.engine.submit(flow.id, method="code", values=bad)
        assert shown(refused) == {"traits.age": [4000018]}
        outcome = await house.give_code(flow)
        assert outcome.identity is not None
        assert outcome.identity.traits.plain() == {"email": ADA, "name": {}}


async def test_recovery_signs_in_and_opens_settings_with_their_before_actions() -> None:
    async with open_house({"settings.before": [hook("/settings")]}) as house:
        await house.register()
        outcome = await house.give_code(await house.ask_code("recovery"))
        assert outcome.session is not None
        assert [one.method for one in outcome.session.authentication_methods] == ["code_recovery"]
        assert house.called() == ["/settings"]
        token, settings = outcome.continue_with
        assert token == {"action": "set_ory_session_token", "ory_session_token": outcome.session_token}
        assert settings["flow"]["url"] == f"{UI}/settings?flow={settings['flow']['id']}"
        opened = await house.engine.flow(settings["flow"]["id"])
        assert (opened.state, shown(opened)) == ("show_form", {None: [1060001]})
        values = {"password": "a new beginning"}
        done = await house.engine.submit(
            opened.id, method="password", values=values, session_token=outcome.session_token
        )
        assert shown(done) == {None: [1050001]}
        assert (await house.sign_in(ADA, "a new beginning")).completed


async def test_recovery_shows_that_the_address_is_theirs() -> None:
    async with open_house() as house:
        await house.register()
        outcome = await house.give_code(await house.ask_code("recovery"))
        assert outcome.identity is not None
        assert outcome.identity.verifiable_addresses[0].verified is True


@pytest.mark.parametrize(("way", "said"), [("completed", 4070002), ("failed", 4070002), ("expired", 4070005)])
async def test_where_that_form_is_over_the_mail_leads_to_a_new_one(way: str, said: int) -> None:
    async with open_house() as house:
        await house.register()
        flow = await house.ask_code("verification")
        link = house.courier.messages[-1].link
        assert link is not None
        if way == "completed":
            await house.give_code(flow)
        for n in range(6 if way == "failed" else 0):
            await house.give_code(flow, wrong(house, n))
        house.clock.advance(3600 if way == "expired" else 0)
        outcome = await house.engine.resume(flow.id, request=Request(method="GET", url=link))
        assert (outcome.state, shown(outcome), outcome.flow.id != flow.id) == ("choose_method", {None: [said]}, True)
        assert "code=" not in outcome.flow.request_url
        (step,) = outcome.continue_with
        assert (step["action"], step["flow"]["id"]) == ("show_verification_ui", str(outcome.flow.id))


@pytest.mark.parametrize(
    ("asked", "url", "goes_on"),
    [
        (None, None, None),
        (None, "https://elsewhere.example/new", "https://elsewhere.example/new"),
        (f"{UI}/asked", "https://elsewhere.example/new", f"{UI}/asked"),
    ],
)
async def test_the_settings_that_a_recovery_opens_go_on_to_where_it_would(
    asked: str | None, url: str | None, goes_on: str | None
) -> None:
    after = {"default_browser_return_url": url} if url else {}
    async with open_house(selfservice={"flows": {"recovery": {"after": after}}}) as house:
        await house.register()
        flow = await house.start("recovery", type="browser", return_to=asked)
        await house.engine.submit(flow.id, method="code", values={"email": ADA})
        (step,) = (await house.give_code(flow)).continue_with
        assert (await house.engine.flow(step["flow"]["id"])).return_to == goes_on


async def test_the_mail_of_a_verification_leads_to_its_form_and_proves_nothing() -> None:
    """Whoever registers has no other way there where `show_verification_ui` is not listed; mail scanners may follow."""
    async with open_house() as house:
        await house.register()
        for flow_id in (None, (await house.ask_code("verification")).id):
            mail = house.courier.messages[-1]
            assert mail.link is not None
            assert mail.link in mail.body
            request = Request(method="GET", url=mail.link)
            id_, size = request.query.pop("flow"), house.size
            outcome = await house.engine.resume(id_, request=request)
            assert (outcome.state, shown(outcome), house.size) == ("sent_email", {None: [1080003]}, size)
            url = f"{UI}/verification?flow={id_}"
            assert outcome.continue_with == ({"action": "show_verification_ui", "flow": {"id": id_, "url": url}},)
            assert flow_id is None or str(flow_id) == id_
        assert (await house.give_code(outcome.flow)).completed
        await house.ask_code("recovery")
        assert house.courier.messages[-1].link is None


# ------------------------------------------------------------------------------------------------------- ended flows


@pytest.mark.parametrize("kind", ["login", "registration", "recovery", "verification"])
async def test_a_finished_flow_submitted_again_does_nothing_and_says_so(kind: str) -> None:
    async with open_house({f"{kind}.after": [hook("/after")]}) as house:
        if kind != "registration":
            await house.register()
        flow = await house.ask_code(kind)
        await house.give_code(flow)
        events, calls, mails = house.size, house.called(), len(house.courier.messages)
        for values in ({"code": house.code}, {"traits": {"email": "b@example.org"}, "password": PASSWORD}):
            with pytest.raises(FlowFinished):
                await house.engine.submit(flow.id, method="code", values=values)
        assert (house.size, house.called(), len(house.courier.messages)) == (events, calls, mails)


@pytest.mark.parametrize("kind", ["login", "registration", "recovery", "verification"])
async def test_an_expired_flow_says_so_and_nothing_is_tried(kind: str) -> None:
    async with open_house({f"{kind}.after": [hook("/after")]}) as house:
        await house.register()
        flow = await house.ask_code(kind, ADA if kind != "registration" else "bob@example.org")
        calls = house.called()
        house.clock.advance(3600)
        for _ in range(2):
            with pytest.raises(FlowExpired):
                await house.give_code(flow)
        assert house.called() == calls
        assert house.types(flow)[-1] == "FlowExpired"
        assert house.types(flow).count("FlowExpired") == 1


async def test_a_lifespan_is_the_configurations() -> None:
    async with open_house(selfservice={"flows": {"login": {"lifespan": "10m"}}}) as house:
        flow = await house.start("login")
        assert (flow.expires_at - flow.issued_at).total_seconds() == 600
        house.clock.advance(599)
        values = {"identifier": ADA, "password": PASSWORD}
        assert shown(await house.engine.submit(flow.id, method="password", values=values)) == {None: [4000006]}
        house.clock.advance(1)
        with pytest.raises(FlowExpired):
            await house.engine.submit(flow.id, method="password", values=values)


@pytest.mark.parametrize(
    "flow_id", ["", "no-uuid", "00000000-0000-4000-8000-000000000000", "x" * 10_000, None, 5, "\ud800", "\x00"]
)
async def test_a_flow_that_does_not_exist_is_not_found(flow_id: str) -> None:
    async with open_house() as house:
        with pytest.raises(FlowNotFound):
            await house.engine.flow(flow_id)
        with pytest.raises(FlowNotFound):
            await house.engine.submit(flow_id, method="password", values={})
        assert house.size <= 1


# ---------------------------------------------------------------------------------------------------- methods by name

NO_METHOD = {
    "login": 4010002,
    "registration": 4010003,
    "settings": 4010004,
    "recovery": 4010005,
    "verification": 4010006,
}


@pytest.mark.parametrize("kind", sorted(NO_METHOD))
@pytest.mark.parametrize("method", ["telepathy", None, "", "totp", "link"])
async def test_a_method_that_is_not_of_this_flow_is_said_on_the_flow(kind: str, method: str | None) -> None:
    async with open_house({f"{kind}.after": [hook("/after")]}) as house:
        await house.register()
        token = (await house.sign_in()).session_token if kind == "settings" else None
        calls = house.called()
        flow = await house.start(kind, session_token=token)
        outcome = await house.engine.submit(flow.id, method=method, values={"password": PASSWORD}, session_token=token)
        assert shown(outcome) == {None: [NO_METHOD[kind]]}
        assert outcome.state == flow.state
        assert house.called() == calls
        assert house.types(flow)[-1] == "SubmissionDismissed"


async def test_a_method_that_is_switched_off_is_not_of_the_flow() -> None:
    methods = {"code": {"passwordless_enabled": False}}
    async with open_house(selfservice={"methods": methods}) as house:
        await house.register()
        assert shown(await house.ask_code("login")) == {None: [4010002]}
        assert (await house.ask_code("recovery")).state == "sent_email", "recovery does not need it passwordless"
