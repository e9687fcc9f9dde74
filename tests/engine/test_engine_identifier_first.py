"""Login by identifier first (`style: identifier_first`): who it is, then the ways in. Nobody learns who is there."""

from typing import Any

import pytest

from limen.domain import FlowView, Outcome
from limen.domain.errors import RequestRefused
from tests.simulation.house import all_same, foresee
from tests.support.authenticator import Authenticator
from tests.support.engine import ADA, PASSWORD, House, hook, open_house, parse, shown
from tests.support.factors import node
from tests.support.keys import ALONE, PASSKEY, SIGNS_IN, Keyring, methods

FIRST: dict[str, Any] = {"flows": {"login": {"style": "identifier_first"}}}
TELLS: dict[str, Any] = {"account_enumeration": {"mitigate": False}}
HIDES: dict[str, Any] = {"account_enumeration": {"mitigate": True}}
GHOST = "ghost@example.org"
ASKED = ["identifier_first identifier", "identifier_first method=identifier_first", "default csrf_token"]
KNOWN = ["identifier_first identifier", "default csrf_token"]
BY_PASSWORD = ["password password", "password method=password"]
BY_CODE = ["code method=code"]
SCRIPT = "webauthn None"
PASSKEYS = ["passkey_login_trigger", "passkey_login", "passkey_challenge"]


def nodes(shown: Outcome | FlowView) -> list[str]:
    flow = shown.flow if isinstance(shown, Outcome) else shown
    buttons = [(one, one.attributes) for one in flow.ui.nodes]
    return [f"{one.group} {at.name}{f'={at.value}' if at.type == 'submit' else ''}" for one, at in buttons]


def who(shown: Outcome | FlowView) -> tuple[str, str]:
    """Input type and value of the identifier."""
    flow = shown.flow if isinstance(shown, Outcome) else shown
    (field,) = [one.attributes for one in flow.ui.nodes if one.attributes.name == "identifier"]
    return field.type, field.value


async def identify(house: House, flow: FlowView, identifier: Any = ADA, **more: Any) -> Outcome:
    values = {"identifier": identifier, **more}
    return await house.engine.submit(flow.id, method="identifier_first", values=values)


async def by_password(house: House, flow: FlowView, **values: Any) -> Outcome:
    return await house.engine.submit(flow.id, method="password", values={"password": PASSWORD, **values})


async def test_a_login_exchange_by_exchange() -> None:
    """As Kratos was recorded: start, the identifier, a wrong password, the right one.

    But for `active`: Kratos says `identifier_first` there, which its own client refuses as no value of the field.
    """
    async with open_house(selfservice=FIRST) as house:
        await house.register()
        flow = await house.start("login")
        assert (nodes(flow), shown(flow), who(flow), flow.active) == (ASKED, {}, ("text", ""), None)
        field, button = flow.ui.nodes[0], flow.ui.nodes[1]
        assert (field.attributes.autocomplete, field.attributes.required) == ("username webauthn", True)
        assert (field.meta.label.id, button.meta.label.id) == (1070002, 1070009)

        known = await identify(house, flow)
        assert (known.state, known.flow.active, shown(known)) == ("choose_method", None, {})
        assert (nodes(known), who(known)) == ([*KNOWN, *BY_PASSWORD, *BY_CODE], ("hidden", ADA))
        assert [one.meta.label.id for one in known.flow.ui.nodes[3:]] == [1010022, 1010015]

        wrong = await by_password(house, flow, identifier=ADA, password="nope-nope")
        assert (wrong.flow.active, shown(wrong)) == (None, {None: [4000006]})
        assert (nodes(wrong), who(wrong)) == ([*KNOWN, *BY_CODE, *BY_PASSWORD], ("hidden", ADA))

        done = await by_password(house, flow, identifier=ADA)
        assert (done.completed, done.flow.active) == (True, "password")
        assert house.log("FormAdvanced", flow)[0].data["step"] == "identified"


async def test_the_form_knows_the_identifier() -> None:
    async with open_house(selfservice=FIRST) as house:
        await house.register()
        flow = await house.start("login")
        refused = await by_password(house, flow)
        assert shown(refused) == {"identifier": [4000002]}, "before anybody said who it is"
        await identify(house, flow)
        assert (await by_password(house, flow)).completed


async def test_by_a_code_and_as_somebody_else_after_all() -> None:
    async with open_house(selfservice=FIRST) as house:
        await house.register()
        await house.register("bea@example.org")
        flow = await house.start("login")
        await identify(house, flow)
        sent = await house.engine.submit(flow.id, method="code", values={})
        assert (sent.state, sent.flow.active, house.courier.messages[-1].to) == ("sent_email", "code", ADA)
        code = house.code
        other = await identify(house, flow, "bea@example.org")
        assert (other.state, other.flow.active, who(other)) == (
            "choose_method",
            None,
            ("hidden", "bea@example.org"),
        )
        again = await house.give_code(flow, code)
        assert (again.state, house.courier.messages[-1].to) == ("sent_email", "bea@example.org")
        done = await house.give_code(flow)
        assert done.identity is not None
        assert done.identity.traits.email == "bea@example.org"


async def test_by_a_security_key_of_whom_the_form_knows() -> None:
    async with open_house(selfservice={**FIRST, "methods": {"webauthn": ALONE}}) as house:
        flow = await house.start("login", type="browser")
        await identify(house, flow)
        asked = await house.engine.submit(flow.id, method="webauthn", values={})
        assert (asked.error, asked.flow.ui.messages[0].id) == ("browser_location_change_required", 1010012)


@pytest.mark.parametrize("identifier", [None, "", "  ", 7, ["x"], {"a": 1}])
async def test_nobody_named_is_a_missing_field(identifier: object) -> None:
    async with open_house(selfservice=FIRST) as house:
        flow = await house.start("login")
        refused = await identify(house, flow, identifier)
        assert (nodes(refused), shown(refused)) == (ASKED, {"identifier": [4000002]})


# -------------------------------------------------------------------------------------------------------- enumeration


def seen(outcome: Outcome, identifier: str) -> str:
    """All that a client gets, but for the ids and times of its flow, and the identifier it gave."""
    body = outcome.flow.body.plain()
    for name in ("id", "issued_at", "expires_at", "created_at", "updated_at"):
        body.pop(name)
    body["ui"].pop("action")
    return f"{outcome.state} {outcome.error} {body}".replace(identifier, "<identifier>")


@pytest.mark.parametrize("security", [{}, HIDES])
async def test_nobody_learns_from_any_step_whether_there_is_an_account(security: dict[str, Any]) -> None:
    """Better than Kratos by default."""
    async with open_house(selfservice=FIRST, security=security) as house:
        await house.register()
        answers: dict[str, list[str]] = {}
        for identifier in (ADA, GHOST):
            flow = await house.start("login")
            steps = [await identify(house, flow, identifier)]
            steps.append(await by_password(house, flow, password="nope-nope"))
            steps.append(await house.engine.submit(flow.id, method="code", values={}))
            steps.append(await house.give_code(flow, "000000"))
            answers[identifier] = [seen(one, identifier) for one in steps]
        assert answers[ADA] == answers[GHOST]
        assert {mail.to for mail in house.courier.messages} == {ADA}


async def test_told_outright_it_tells_as_kratos_does() -> None:
    """`security.account_enumeration.mitigate: false`, Kratos' default, recorded: 4000037, and an account's own ways."""
    async with open_house(selfservice=FIRST, security=TELLS) as house:
        await house.register()
        flow = await house.start("login")
        ghost = await identify(house, flow, GHOST)
        assert (nodes(ghost), shown(ghost), who(ghost)) == (ASKED, {"identifier": [4000037]}, ("text", GHOST))
        assert nodes(await identify(house, flow)) == [*KNOWN, *BY_PASSWORD, *BY_CODE]

        asked = await house.ask_code("registration", "bea@example.org")
        assert (await house.give_code(asked)).completed
        other = await identify(house, await house.start("login"), "bea@example.org")
        assert nodes(other) == [*KNOWN, *BY_CODE], "who signed up by a code has no password"


async def test_of_keys_too_an_account_is_offered_its_own() -> None:
    both: dict[str, Any] = {**FIRST, **methods(webauthn=ALONE, passkey=PASSKEY)}
    by_key, by_passkey = ["webauthn method=webauthn"], [f"passkey {name}" for name in PASSKEYS]
    async with open_house(SIGNS_IN, selfservice=both, security=TELLS) as house:
        await house.register()
        flow = await house.start("login", type="browser")
        assert nodes(await identify(house, flow)) == [*KNOWN, *BY_PASSWORD]
        await (one := Keyring(house, "bea@example.org")).try_register_key(Authenticator())
        await one.sign_out()
        assert nodes(await identify(house, flow, one.email)) == [*KNOWN, *by_key]
        await (other := Keyring(house, "cyd@example.org")).register()
        await other.sign_out()
        assert nodes(await identify(house, flow, other.email)) == [*KNOWN, SCRIPT, *by_passkey]
    async with open_house(selfservice=both) as house:
        flow = await house.start("login", type="browser")
        assert nodes(await identify(house, flow)) == [*KNOWN, *by_key, SCRIPT, *by_passkey, *BY_PASSWORD]


@pytest.mark.parametrize("type", ["api", "browser"])
async def test_the_first_step_has_what_a_browser_needs_to_propose_passkeys(type: str) -> None:
    """Beside names: `autocomplete` says `webauthn` there. Kratos' source has these fields in it, and no button."""
    async with open_house(SIGNS_IN, selfservice={**FIRST, **methods(passkey=PASSKEY)}) as house:
        person = Keyring(house, type=type)
        key = await person.register()
        await person.sign_out()
        flow = await person.start("login")
        fields = [f"passkey {name}" for name in PASSKEYS[1:]]
        assert nodes(flow) == [*ASKED, *([SCRIPT] if type == "browser" else []), *fields]
        assert node(flow, "passkey_login").attributes.onloadTrigger == "oryPasskeyLoginAutocompleteInit"
        assert (await person.sign_in(key, flow)).completed


async def test_in_one_step_a_code_tells_nobody_either_where_that_is_asked_for() -> None:
    async with open_house(security=HIDES) as house:
        await house.register()
        answers = []
        for identifier in (ADA, GHOST):
            flow = await house.start("login")
            values = {"identifier": identifier}
            answers.append(seen(await house.engine.submit(flow.id, method="code", values=values), identifier))
        assert answers[0] == answers[1]
        assert len([one for one in house.courier.messages if one.template == "login_code_valid"]) == 1


# -------------------------------------------------------------------------------------------------- what goes with it


async def test_actions_run_once_before_and_after_with_the_method_that_signed_in() -> None:
    hooks = {
        "login.before": [hook("/before")],
        "login.after": [hook("/default")],
        "login.after.password": [parse("/p")],
    }
    async with open_house(hooks, selfservice=FIRST) as house:
        await house.register()
        flow = await house.start("login")
        await identify(house, flow, transient_payload={"ref": 1})
        assert house.called() == ["/before"]
        assert (await by_password(house, flow)).completed
        assert house.called() == ["/before", "/p"]
        before, after = (house.sent(path)["flow"] for path in ("/before", "/p"))
        assert [one["attributes"]["name"] for one in before["ui"]["nodes"]] == ["identifier", "method", "csrf_token"]
        assert (after["active"], after["transient_payload"]) == ("password", {"ref": 1})
        assert [one["attributes"]["name"] for one in after["ui"]["nodes"]] == [
            "identifier",
            "csrf_token",
            "password",
            "method",
            "method",
        ]


async def test_whoever_confirms_that_it_is_them_is_not_asked_who_they_are() -> None:
    async with open_house(selfservice=FIRST) as house:
        await house.register()
        flow = await house.start("login")
        await identify(house, flow)
        token = (await by_password(house, flow)).session_token
        again = await house.start("login", refresh=True, session_token=token)
        assert "password password" in nodes(again)
        assert "identifier_first identifier" not in nodes(again)
        with pytest.raises(RequestRefused, match="sign out"):
            await house.engine.submit(
                (await house.start("login")).id, method="identifier_first", values={}, session_token=token
            )


async def test_it_is_a_method_only_where_the_style_says_so() -> None:
    async with open_house() as house:
        flow = await house.start("login")
        assert shown(await identify(house, flow)) == {None: [4010002]}


async def test_a_simulation_with_the_same_configuration_tells_no_difference() -> None:
    hooks = {"login.before": [hook("/before", id="b")], "login.after": [parse("/after", id="a")]}
    async with open_house(hooks, selfservice=FIRST) as house:
        await house.register()
        flow = await house.start("login")
        await identify(house, flow)
        await by_password(house, flow, password="nope-nope")
        await by_password(house, flow)
        assert all_same(await foresee(house, hooks, selfservice=FIRST))
