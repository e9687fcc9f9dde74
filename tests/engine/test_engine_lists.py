"""Which list of actions runs, in which order, and when around the commit: seen from the targets."""

import pytest

from limen.adapters.sink import Received, Reply
from limen.domain import ActionContext, Actions, FlowRejected, Outcome
from tests.support.engine import ADA, House, hook, ignore, messages, open_house, parse
from tests.support.service import Service, ask

SESSION = {"hook": "session"}


async def by_password(house: House, kind: str) -> Outcome:
    return await (house.register() if kind == "registration" else house.sign_in())


async def by_code(house: House, kind: str) -> Outcome:
    return await house.give_code(await house.ask_code(kind))


# ------------------------------------------------------------------------------------------------------- precedence


async def test_the_example_of_the_rules() -> None:
    hooks = {"login.before": [hook("/1")], "login.after": [hook("/2")], "login.after.password": [hook("/3")]}
    async with open_house(hooks) as house:
        await house.register()
        await house.sign_in()
        assert house.called() == ["/1", "/3"]
        await by_code(house, "login")
        assert house.called() == ["/1", "/3", "/1", "/2"]


@pytest.mark.parametrize("kind", ["login", "registration"])
async def test_an_empty_method_list_counts_as_none(kind: str) -> None:
    async with open_house({f"{kind}.after": [hook("/default")], f"{kind}.after.password": []}) as house:
        if kind == "login":
            await house.register()
        await by_password(house, kind)
        assert house.called() == ["/default"]


async def test_settings_resolve_by_method() -> None:
    hooks = {"settings.after": [hook("/default")], "settings.after.password": [hook("/password")]}
    async with open_house(hooks) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        for method, values in (("profile", {"traits": {"email": ADA}}), ("password", {"password": "another secret"})):
            flow = await house.start("settings", session_token=token)
            await house.engine.submit(flow.id, method=method, values=values, session_token=token)
        assert house.called() == ["/default", "/password"]


@pytest.mark.parametrize("kind", ["registration", "settings"])
async def test_a_parsing_action_of_the_default_list_runs_before_the_commit(kind: str) -> None:
    """Kratos looks only at the method's list there, and lets it pass."""
    async with open_house({f"{kind}.after": [parse("/default")]}) as house:
        house.sink.script("/default", messages(("#/traits/email", 7, "no")))
        if kind == "registration":
            outcome = await house.register()
        else:
            await house.register()
            token = (await house.sign_in()).session_token
            flow = await house.start("settings", session_token=token)
            values = {"traits": {"email": ADA, "age": 50}}
            outcome = await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        assert [message.id for message in outcome.flow.messages] == [7]
        assert not house.log("TraitsChanged")
        assert len(house.log("IdentityRegistered")) == (kind == "settings")


# ------------------------------------------------------------------------------------------------------------ order


async def test_session_runs_last_wherever_it_stands() -> None:
    async with open_house({"registration.after.password": [SESSION, hook("/one"), hook("/two")]}) as house:
        outcome = await house.register()
        assert outcome.session is not None
        assert house.called() == ["/one", "/two"]
        (plan,) = house.log("ActionsPlanned")
        assert [action["hook"] for action in plan.data["actions"]] == ["web_hook", "web_hook", "session"]


def handlers() -> tuple[Actions, list[str]]:
    actions, ran = Actions(), []

    @actions.after("login", id="default")
    async def default(_: ActionContext) -> None:
        ran.append("default")

    @actions.after("login", method="password", id="own")
    async def own(_: ActionContext) -> None:
        ran.append("password")

    return actions, ran


async def test_python_handlers_resolve_among_themselves_and_run_after_the_configured_actions() -> None:
    actions, ran = handlers()
    async with open_house({"login.after": [hook("/configured")]}, actions=actions) as house:
        await house.register()

        def answered(_: Received) -> Reply:
            ran.append("configured")
            return Reply()

        house.sink.script("/configured", answered)
        await house.sign_in()
        assert ran == ["configured", "password"], "the handler of a method never switches off a configured action"
        await by_code(house, "login")
        assert ran[2:] == ["configured", "default"]


# ----------------------------------------------------------------------------------------------------------- timing

THREE = [parse("/parse"), hook("/plain"), ignore("/ignore")]


async def stored(house: House) -> list[tuple[str, int]]:
    """Who was called, and how many identities there were in the log at that moment."""
    seen: list[tuple[str, int]] = []
    for path in ("/parse", "/plain", "/ignore"):

        def script(request: Received) -> Reply:
            seen.append((request.path, len(house.log("IdentityRegistered"))))
            return Reply()

        house.sink.script(path, script)
    return seen


async def test_registration_asks_before_the_commit_and_tells_after_it() -> None:
    async with open_house({"registration.after": THREE}) as house:
        seen = await stored(house)
        await house.register()
        await house.until("DeliveryDelivered", 3)
        assert [one for one in seen if one[0] != "/ignore"] == [("/parse", 0), ("/plain", 1)]
        assert ("/ignore", 1) in seen


@pytest.mark.parametrize("kind", ["settings", "recovery", "verification"])
async def test_settings_recovery_and_verification_ask_before_the_commit_and_tell_after_it(kind: str) -> None:
    done = {"settings": "TraitsChanged", "recovery": "FlowCompleted", "verification": "AddressVerified"}[kind]
    async with open_house({f"{kind}.after": THREE}) as house:
        await house.register()
        seen: list[tuple[str, bool]] = []
        known = len(house.log(done))

        def script(request: Received) -> Reply:
            seen.append((request.path, len(house.log(done)) > known))
            return Reply()

        for path in ("/parse", "/plain", "/ignore"):
            house.sink.script(path, script)
        if kind == "settings":
            token = (await house.sign_in()).session_token
            flow = await house.start("settings", session_token=token)
            known = len(house.log(done))
            values = {"traits": {"email": ADA, "age": 50}}
            await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        else:
            await by_code(house, kind)
        await house.sink.wait(3)
        assert sorted(seen) == [("/ignore", True), ("/parse", False), ("/plain", True)]


async def test_a_plain_action_of_login_runs_before_the_session_is_issued() -> None:
    async with open_house({"login.after": [hook("/plain")]}) as house:
        await house.register()
        seen: list[int] = []

        def answered(_: Received) -> Reply:
            seen.append(len(house.log("SessionIssued")))
            return Reply()

        house.sink.script("/plain", answered)
        outcome = await house.sign_in()
        assert seen == [0]
        assert outcome.session is not None
        assert len(house.log("SessionIssued")) == 1


async def test_an_ignored_action_of_a_before_list_is_scheduled_with_the_append_that_opens_the_flow() -> None:
    async with open_house({"login.before": [ignore("/ignore")]}, worker=False) as house:
        flow = await house.start("login")
        (scheduled,) = house.log("DeliveryScheduled")
        (opened,) = house.log("FlowOpened", flow)
        assert opened.data["deliveries"] == [str(scheduled.stream)]
        assert house.called() == [], "nothing has gone out yet"


async def test_an_ignored_action_behind_a_refusing_one_never_leaves() -> None:
    async with open_house({"login.before": [ignore("/ignore"), parse("/refuses")]}) as house:
        house.sink.script("/refuses", messages(("#/", 1, "no")))
        with pytest.raises(FlowRejected):
            await house.start("login")
        assert house.called() == ["/refuses"]
        assert not house.log("DeliveryScheduled")


async def test_an_ignored_action_neither_delays_nor_fails_the_flow() -> None:
    async with open_house({"login.after": [ignore("/slow"), ignore("/fails")]}) as house:
        house.sink.script("/slow", Reply(delay=0.5))
        house.sink.script("/fails", Reply(500))
        await house.register()
        assert (await house.sign_in()).state == "completed"
        slow = house.log("DeliveryScheduled")[-2].stream
        assert slow not in [entry.stream for entry in house.log("DeliveryDelivered")], "it is still on its way"


async def test_before_settings_is_called_once_per_flow() -> None:
    """Kratos calls it again on every successful submission."""
    async with open_house({"settings.before": [hook("/before")]}) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        values = {"traits": {"email": ADA, "age": 50}}
        await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        assert house.called() == ["/before"]


# ------------------------------------------------------------------------------------------------------- the record


async def test_the_plan_says_for_each_kind_of_its_own_which_list_was_chosen() -> None:
    service = Service()
    for id_ in ("usual", "risk"):
        service.on(f"ask.{id_}")
    actions = Actions()

    @actions.after("login", id="mine")
    def mine(context: ActionContext) -> None:
        """The default one, whatever the method."""

    @actions.after("login", method="code", id="by_code")
    def by_code(context: ActionContext) -> None:
        """The one of the method `code`."""

    hooks = {"login.after": [parse("/first")], "login.after.totp": [parse("/other")]}
    settings = {"hooks": [ask("login.after", "usual"), ask("login.after.password", "risk")]}
    async with open_house(hooks, settings=settings, bus=service.bus, actions=actions) as house:
        await house.register()
        await house.sign_in()
        await house.give_code(await house.ask_code("login"))
        by_password, by_code_ = house.log("ActionsPlanned")
        for plan in (by_password, by_code_):
            assert plan.data["rule"] == "default", "that of the configured list"
        assert [(one["id"], one["origin"], one["rule"]) for one in by_password.data["actions"]] == [
            ("login.after.0", "configured", "default"),
            ("risk", "bus", "method"),
            ("mine", "python", "default"),
        ]
        assert [(one["id"], one["origin"], one["rule"]) for one in by_code_.data["actions"]] == [
            ("login.after.0", "configured", "default"),
            ("usual", "bus", "default"),
            ("by_code", "python", "method"),
        ]
