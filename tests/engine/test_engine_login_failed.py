"""`after login failed`: told of each failed login, by method, after the fact. Nothing secret is in it."""

import json
import logging
from base64 import b64encode
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from limen.adapters import open_simulation
from limen.adapters.sink import Reply
from limen.domain import ActionContext, Actions, Request
from limen.domain.errors import ActionFailed
from tests.engine_robust.life import found
from tests.simulation.house import foresee, store_of
from tests.support.counting import Counting
from tests.support.engine import (
    ADA,
    PASSWORD,
    SINK,
    House,
    JsonDict,
    configuration,
    hook,
    messages,
    open_house,
    parse,
    shown,
)
from tests.support.factors import FACTORS, keep_codes, link_totp, prove

WRONG = "quite another pass phrase"
NOBODY = "nobody@example.org"
CONTEXT = {
    "flow",
    "identity",
    "method",
    "reason",
    "request_cookies",
    "request_headers",
    "request_method",
    "request_url",
}


def failed(*hooks: JsonDict, **methods: list[JsonDict]) -> JsonDict:
    """limen's own settings with these triggers."""
    lists = {name: {"hooks": listed} for name, listed in methods.items()}
    return {"triggers": {"login_failed": {"hooks": list(hooks), **lists}}}


def bare(path: str, **config: Any) -> JsonDict:
    """A web hook without a template."""
    return {"hook": "web_hook", "config": {"url": SINK + path, **config}}


async def told(house: House, path: str = "/failed", count: int = 1) -> JsonDict:
    """What the sink was told last, when it has been told that often and no more is due."""
    await house.sink.wait(count)
    await house.until("DeliveryDelivered", len(house.log("DeliveryScheduled")) - mails(house))
    assert len(house.sink.of(path)) == count
    return house.sent(path)


def mails(house: House) -> int:
    """Messages to people, which the courier takes at once."""
    scheduled = [one for one in house.log("DeliveryScheduled") if one.data["channel"] == "message"]
    delivered = {one.stream for one in house.log("DeliveryDelivered")}
    return sum(one.stream not in delivered for one in scheduled)


# ------------------------------------------------------------------------------------------------------- what is told


async def test_a_wrong_password_is_told_with_its_reason_and_whose_identifier_it_was() -> None:
    async with open_house(settings=failed(hook("/failed", id="alarm"))) as house:
        ada = await house.register()
        request = Request(
            url="http://127.0.0.1:4433/login?a=1", headers={"User-Agent": "a browser"}, client_ip="192.0.2.7"
        )
        refused = await house.sign_in(password=WRONG, request=request)
        assert (refused.state, shown(refused)) == ("choose_method", {None: [4000006]})
        ctx = await told(house)
        assert set(ctx) == CONTEXT
        assert (ctx["method"], ctx["reason"]) == ("password", "credentials")
        assert (ctx["identity"]["id"], ctx["identity"]["traits"]["email"]) == (str(ada.flow.identity_id), ADA)
        assert ctx["request_headers"] == {"True-Client-Ip": ["192.0.2.7"], "User-Agent": ["a browser"]}
        assert ctx["request_url"] == "http://127.0.0.1:4433/login?a=1"
        assert (ctx["flow"]["id"], ctx["flow"]["state"]) == (str(refused.flow.id), "choose_method")
        assert [one["id"] for one in ctx["flow"]["ui"]["messages"]] == [4000006]


async def test_who_is_not_known_is_told_too_without_an_identity() -> None:
    async with open_house(settings=failed(hook("/failed"))) as house:
        await house.sign_in(NOBODY)
        ctx = await told(house)
        assert set(ctx) == CONTEXT - {"identity"}
        assert ctx["reason"] == "credentials"
        (scheduled,) = house.log("DeliveryScheduled")
        assert scheduled.data["identity_id"] is None


async def test_without_a_template_the_type_names_the_method() -> None:
    async with open_house(settings=failed(bare("/failed", id="alarm"))) as house:
        ada = await house.register()
        refused = await house.sign_in(password=WRONG)
        payload = await told(house)
        assert payload["type"] == "login.failed.password"
        assert payload["data"] == {
            "flow_id": str(refused.flow.id),
            "flow_type": "api",
            "method": "password",
            "identity_id": str(ada.flow.identity_id),
            "reason": "credentials",
        }


async def test_every_method_says_its_own_reason() -> None:
    """Password, code and its last try, an authenticator's code, a code on paper that was used before."""
    async with open_house(settings=failed(hook("/failed")), selfservice={"methods": FACTORS}) as house:
        await house.register()
        await house.sign_in(password=WRONG)
        flow = await house.ask_code("login")
        for _ in range(6):
            outcome = await house.give_code(flow, "not it")
        assert outcome.state == "failed"
        token = (await house.sign_in()).session_token
        app, codes = await link_totp(house, token), await keep_codes(house, token)
        token = (await house.sign_in()).session_token
        await prove(house, token, totp_code=app.wrong(house.clock.now()))
        assert (await prove(house, token, lookup_secret=codes[0])).completed
        await prove(house, token, refresh=True, lookup_secret=codes[0])
        await told(house, count=9)
        bodies = [json.loads(one.body) for one in house.sink.received]
        assert {one["identity"]["traits"]["email"] for one in bodies} == {ADA}
        assert Counter((one["method"], one["reason"]) for one in bodies) == {
            ("password", "credentials"): 1,
            ("code", "wrong_code"): 5,
            ("code", "too_many_codes"): 1,
            ("totp", "wrong_code"): 1,
            ("lookup_secret", "replayed_code"): 1,
        }
        assert {one["flow"]["state"] for one in bodies if one["method"] == "totp"} == {"choose_method"}


async def test_nothing_that_is_no_failed_login_is_told() -> None:
    """An empty field, another flow, what an action interrupts or breaks, and a login that succeeds."""
    async with open_house({"login.after": [parse("/check")]}, settings=failed(hook("/failed"))) as house:
        await house.register()
        await house.register()
        await house.sign_in(password="")
        flow = await house.ask_code("recovery")
        await house.give_code(flow, "000000")
        house.sink.script("/check", [messages(("#/", 1, "no")), Reply(204), *[Reply(500)] * 3])
        assert (await house.sign_in()).state == "choose_method"
        assert (await house.sign_in()).completed
        house.sink.script("/check", Reply(200, b"not json"))
        with pytest.raises(ActionFailed):
            await house.sign_in()
        assert house.sink.of("/failed") == []
        assert [one for one in house.log("DeliveryScheduled") if one.data["channel"] != "message"] == []


async def test_a_person_who_is_switched_off_has_failed_to_sign_in() -> None:
    off = Reply(200, json.dumps({"identity": {"state": "inactive"}}).encode())
    async with open_house({"registration.after": [parse("/off")]}, settings=failed(hook("/failed"))) as house:
        house.sink.script("/off", off)
        await house.register()
        await house.sign_in()
        await house.sink.wait(2)
        assert house.sent("/failed")["reason"] == "identity_disabled"


# ------------------------------------------------------------------------------------------------------- which list


@pytest.mark.parametrize(
    ("default", "own", "ran"),
    [
        ([], None, []),
        (["default"], None, ["default"]),
        (["default"], [], ["default"]),
        ([], ["own"], ["own"]),
        (["default"], ["own"], ["own"]),
        (["a", "b"], ["c", "d"], ["c", "d"]),
    ],
)
async def test_the_list_of_the_method_overrides_the_default_one(
    default: list[str], own: list[str] | None, ran: list[str]
) -> None:
    lists = {} if own is None else {"password": [bare(f"/{name}", id=name) for name in own]}
    settings = failed(*(bare(f"/{name}", id=name) for name in default), **lists)
    async with open_house(settings=settings) as house:
        await house.register()
        await house.sign_in(password=WRONG)
        await house.until("DeliveryDelivered", len(ran) + 1)
        assert sorted(house.called()) == [f"/{name}" for name in ran]
        scheduled = [one.data for one in house.log("DeliveryScheduled") if one.data["channel"] == "web_hook"]
        assert [(one["action"], one["phase"], one["method"]) for one in scheduled] == [
            (name, "failed", "password") for name in ran
        ]
        rule = "method" if own else "default"
        keys = "login_failed/password" if own else "login_failed"
        assert [(one["rule"], one["source"]) for one in scheduled] == [
            (rule, f"limen.yml#/triggers/{keys}/hooks/{position}") for position in range(len(ran))
        ]


async def test_a_handler_is_told_by_the_same_rule_beside_what_is_configured() -> None:
    actions, told_of = Actions(), list[tuple[str, str, str]]()

    def note(name: str) -> Any:
        async def handler(context: ActionContext) -> None:
            told_of.append((name, context.method, context.reason))

        return handler

    actions.after("login_failed", id="any")(note("any"))
    actions.after("login_failed", method="code", id="code", when="delivery")(note("code"))
    actions.named("alarm", slots=["login.failed", "logout"], when="delivery")(note("named"))
    async with open_house(settings=failed({"hook": "alarm"}), actions=actions) as house:
        await house.register()
        await house.sign_in(password=WRONG)
        await house.give_code(await house.ask_code("login"), "000000")
        await house.until("DeliveryDelivered", 6)
        assert sorted(told_of) == [
            ("any", "password", "credentials"),
            ("code", "code", "wrong_code"),
            ("named", "code", "wrong_code"),
            ("named", "password", "credentials"),
        ]


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
def test_a_handler_that_would_be_waited_for_is_refused(when: Any) -> None:
    with pytest.raises(ValueError, match="when='delivery'"):
        Actions().after("login_failed", when=when)
    with pytest.raises(ValueError, match="when='delivery'"):
        Actions().named("alarm", slots=["login.after", "login.failed.password"], when=when)
    with pytest.raises(ValueError, match="knows no method 'profile'"):
        Actions().after("login_failed", method="profile")
    with pytest.raises(ValueError, match="nothing runs before it"):
        Actions().before("logout")


# ------------------------------------------------------------------------------------------------------- the record


async def test_it_is_scheduled_with_the_refusal_and_stands_on_the_record_of_the_flow() -> None:
    async with open_house(settings=failed(bare("/failed", id="alarm")), worker=False) as house:
        await house.register()
        refused = await house.sign_in(password=WRONG)
        (entry,) = house.log("MethodRefused")
        (delivery,) = [one for one in house.log("DeliveryScheduled") if one.data["channel"] == "web_hook"]
        assert entry.data["deliveries"] == [str(delivery.stream)]
        assert delivery.position == entry.position + 1, "one append"
        assert delivery.data["configuration"] == house.log("FlowInitiated")[0].data["configuration"]
        assert delivery.data["flow_id"] == str(refused.flow.id)


async def test_a_template_that_cancels_or_fails_leaves_the_login_alone_and_is_on_record() -> None:
    cancel = "base64://" + b64encode(b'function(ctx) error "cancel"').decode()
    broken = "base64://" + b64encode(b"function(ctx) ctx.nonesuch").decode()
    settings = failed(hook("/a", id="a", body=cancel), hook("/b", id="b", body=broken), hook("/c", id="c"))
    async with open_house(settings=settings) as house:
        assert (await house.sign_in()).state == "choose_method"
        await house.sink.wait(1)
        assert house.called() == ["/c"]
        (canceled,), (parked,) = house.log("DeliveryCanceled"), house.log("DeliveryParked")
        assert canceled.data["reason"] == "template"
        assert parked.data["reason"] == "template"
        assert parked.data["detail"] == "RUNTIME ERROR (Field does not exist) at b:1"


async def test_no_secret_is_sent_or_stored_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with open_house(settings=failed(hook("/failed")), selfservice={"methods": FACTORS}) as house:
        await house.register()
        await house.sign_in(password=WRONG)
        flow = await house.ask_code("login")
        await house.give_code(flow, "718293")
        token = (await house.sign_in()).session_token
        app, paper = await link_totp(house, token), await keep_codes(house, token)
        token = (await house.sign_in()).session_token
        digits = app.wrong(house.clock.now())
        await prove(house, token, totp_code=digits)
        await prove(house, token, lookup_secret="nonesuch")
        await told(house, count=4)
        secrets = [WRONG, PASSWORD, "718293", house.code, digits, "nonesuch", app.secret, *paper, str(token)]
        sent = b"\n".join(one.body + repr(one.headers).encode() for one in house.sink.received)
        logged = "\n".join(record.getMessage() for record in caplog.records).encode()
        recorded = "\n".join(json.dumps(entry.body(), default=str) for entry in house.log()).encode()
        for place in (sent, logged, recorded):
            assert found(place, secrets) == []


async def test_the_same_configuration_would_have_done_the_same() -> None:
    settings = failed(hook("/failed", id="alarm"), password=[hook("/own", id="own")])
    hooks = {"login.before": [hook("/before")], "login.after": [parse("/check", id="check")]}
    async with open_house(hooks, settings=settings | {"contexts": "all"}) as house:
        await house.register()
        flow = await house.start("login")
        for password in (WRONG, PASSWORD):
            values = {"identifier": ADA, "password": password}
            await house.engine.submit(flow.id, method="password", values=values)
        again = await foresee(house, hooks, settings=_at(house, settings))
        assert [(one.flow, one.outcome, one.differs, one.unknown) for one in again] == [
            ("registration", "same", False, False),
            ("login", "same", False, False),
            ("verification", "same", False, False),
        ]


async def test_what_a_simulation_does_not_decide_anew_it_names() -> None:
    settings = failed(hook("/failed", id="alarm")) | {"lockout": {}}
    async with open_house(settings=settings) as house:
        await house.sign_in(NOBODY)
        await house.until("DeliveryDelivered")
        for others, unweighed in (({}, {"/limen/triggers", "/limen/lockout"}), (_at(house, settings), set[str]())):
            async with open_simulation(configuration(), store_of(house), settings=others) as simulation:
                assert [one.differs async for one in simulation.flows()] == [False]
                assert simulation.unweighed == unweighed


def _at(house: House, settings: JsonDict) -> JsonDict:
    parsed: JsonDict = json.loads(json.dumps(settings).replace(SINK, house.sink.url))
    return parsed


async def test_erasing_somebody_takes_what_is_not_sent_yet_and_the_flows_that_spoke_of_them() -> None:
    async with open_house(settings=failed(hook("/failed")), worker=False) as house:
        ada = await house.register()
        await house.sign_in(password=WRONG)
        (delivery,) = [one for one in house.log("DeliveryScheduled") if one.data["channel"] == "web_hook"]
        await house.engine.erase(str(ada.flow.identity_id))
        await house.engine.dispatcher.deliver(delivery.stream)
        assert house.sink.received == []
        (canceled,) = house.log("DeliveryCanceled")
        assert canceled.data["reason"] == "erased"
        assert await house.engine.streams.store.vault_rows(UUID(delivery.data["flow_id"])) == []


# ------------------------------------------------------------------------------------------------------- enumeration


async def test_the_answer_and_the_work_it_takes_say_nothing_of_an_account() -> None:
    """What is asked of the store, one by one; tests/engine_robust/test_enumeration.py takes the time."""
    async with open_house(settings=failed(hook("/failed")), worker=False) as house:
        await house.register()
        store, work, answers = Counting(house), list[list[Any]](), list[str]()
        for who in (ADA, "ann@example.org") * 2:
            house.engine.streams._kept.clear()  # as after a restart
            flow = await house.start("login")
            store.calls.clear()
            values = {"identifier": who, "password": WRONG}
            outcome = await house.engine.submit(flow.id, method="password", values=values)
            work.append(list(store.calls))
            answers.append(json.dumps(outcome.flow.ui.plain()).replace(who, "").replace(str(flow.id), ""))
        assert work[0] == work[1] == work[2] == work[3]
        assert len(set(answers)) == 1
