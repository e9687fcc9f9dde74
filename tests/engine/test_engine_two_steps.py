"""Registration in two steps (`style: profile_first`): the traits first, then how to sign up."""

from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import FlowView, Outcome
from tests.simulation.house import all_same, foresee
from tests.support.authenticator import Authenticator, options_of
from tests.support.engine import ADA, PASSWORD, House, configuration, hook, messages, open_house, parse, shown, uri
from tests.support.keys import PASSKEY

STEPS: dict[str, Any] = {"flows": {"registration": {"enable_legacy_one_step": False, "style": "profile_first"}}}
TRAITS: dict[str, Any] = {"email": ADA, "name": {"first": "Ada"}}
FIELDS = ["traits.email", "traits.name.first", "traits.name.last", "traits.newsletter", "traits.age"]
FIRST = ["default csrf_token", *(f"default {name}" for name in FIELDS), "profile method=profile"]
SECOND = [
    *FIRST[:-1],
    "code method=code",
    "password password",
    "password method=password",
    "profile screen=previous",
]


def nodes(shown: Outcome | FlowView) -> list[str]:
    flow = shown.flow if isinstance(shown, Outcome) else shown
    buttons = [(one, one.attributes) for one in flow.ui.nodes]
    return [f"{one.group} {at.name}{f'={at.value}' if at.type == 'submit' else ''}" for one, at in buttons]


def traits_of(shown: Outcome | FlowView) -> dict[str, tuple[str, Any]]:
    """Input type and value of each trait."""
    flow = shown.flow if isinstance(shown, Outcome) else shown
    fields = [one.attributes for one in flow.ui.nodes if one.attributes.name.startswith("traits.")]
    return {one.name.removeprefix("traits."): (one.type, one.value) for one in fields}


async def tell(house: House, flow: FlowView, **values: Any) -> Outcome:
    """The first step: who it is."""
    return await house.engine.submit(flow.id, method="profile", values={"traits": TRAITS, **values})


async def by_password(house: House, flow: FlowView, **values: Any) -> Outcome:
    return await house.engine.submit(flow.id, method="password", values={"password": PASSWORD, **values})


async def test_a_registration_exchange_by_exchange() -> None:
    """As Kratos was recorded: a bad trait, the profile, back, the profile again, a weak password, the password."""
    async with open_house(selfservice=STEPS) as house:
        flow = await house.start("registration")
        assert (nodes(flow), shown(flow), flow.body.state) == (FIRST, {}, "choose_method")
        assert flow.ui.nodes[-1].meta.label.id == 1040001

        bad = await tell(house, flow, traits={"email": "no-address"})
        assert (bad.state, nodes(bad), shown(bad)) == ("choose_method", FIRST, {"traits.email": [4000040]})
        assert traits_of(bad)["email"] == ("email", "no-address")

        told = await tell(house, flow)
        assert (told.state, nodes(told), shown(told)) == ("choose_method", SECOND, {None: [1040009]})
        assert traits_of(told)["email"] == ("hidden", ADA)
        assert traits_of(told)["name.first"] == ("hidden", "Ada")
        assert traits_of(told)["age"] == ("hidden", None)
        assert (told.flow.active, told.flow.ui.nodes[-1].meta.label.id) == (None, 1040008)

        # the button names no method; what is not sent with it is not there any more
        back = await house.engine.submit(flow.id, method=None, values={"screen": "previous", "traits": {"email": ADA}})
        assert (back.state, nodes(back), shown(back)) == ("choose_method", FIRST, {})
        assert (traits_of(back)["email"], traits_of(back)["name.first"]) == (("email", ADA), ("text", None))

        assert nodes(await tell(house, flow)) == SECOND
        weak = await by_password(house, flow, traits=TRAITS, password="short")
        assert (nodes(weak), shown(weak)) == (SECOND, {"password": [4000032]})
        done = await by_password(house, flow, traits=TRAITS)
        assert done.identity is not None
        assert (done.completed, done.identity.traits.name.first) == (True, "Ada")
        steps = [entry.data["step"] for entry in house.log("FormAdvanced", flow)]
        assert steps == ["credentials", "profile", "credentials"]


async def test_a_providers_button_stands_in_both_steps() -> None:
    """As Kratos was recorded: before everything else."""
    client = {"client_id": "app", "client_secret": "secret", "mapper_url": uri("function(claims) claims")}
    provider = {"id": "idp", "provider": "generic", "issuer_url": "https://idp.example", **client}
    steps = {**STEPS, "methods": {"oidc": {"enabled": True, "config": {"providers": [provider]}}}}
    async with open_house(selfservice=steps) as house:
        flow = await house.start("registration")
        assert nodes(flow) == ["oidc provider=idp", *FIRST]
        assert nodes(await tell(house, flow)) == ["oidc provider=idp", *SECOND]
        assert nodes(await by_password(house, flow, password="short")) == ["oidc provider=idp", *SECOND]


async def test_what_is_cleared_in_the_first_step_does_not_come_back() -> None:
    """Else a field that was refused would be refused again in the second step, where it is hidden (as in Kratos)."""
    async with open_house(selfservice=STEPS) as house:
        flow = await house.start("registration")
        assert shown(await tell(house, flow, traits={"email": ADA, "age": 5})) == {"traits.age": [4000018]}
        told = await tell(house, flow, traits={"email": ADA})
        assert (nodes(told), traits_of(told)["age"]) == (SECOND, ("hidden", None))
        # as an HTML form sends the second step
        done = await by_password(house, flow, **{"traits.email": ADA})
        assert done.identity is not None
        assert done.identity.traits.plain() == {"email": ADA, "name": {}}

        flow = await house.start("registration")
        await tell(house, flow, traits={"email": "bea@example.org", "name": {"first": "Bea"}})
        await house.engine.submit(flow.id, method="profile", values={"screen": "previous"})
        await tell(house, flow, traits={"email": "bea@example.org"})
        done = await by_password(house, flow)
        assert done.identity is not None
        assert done.identity.traits.plain() == {"email": "bea@example.org", "name": {}}


async def test_in_the_first_step_only_what_is_sent_is_there() -> None:
    """Its fields are there to be seen, before and after going back: none is carried."""
    async with open_house(selfservice=STEPS) as house:
        flow = await house.start("registration")
        await tell(house, flow)
        back = await house.engine.submit(flow.id, method=None, values={"screen": "previous"})
        assert traits_of(back)["name.first"] == ("text", "Ada"), "going back clears nothing by itself"
        for method in ("profile", "password"):
            refused = await house.engine.submit(flow.id, method=method, values={"password": PASSWORD})
            assert shown(refused) == {"traits.email": [4000002]}
            await tell(house, flow)
            await house.engine.submit(flow.id, method=None, values={"screen": "previous"})


async def test_the_form_carries_the_traits_and_what_is_sent_with_the_credential_counts() -> None:
    async with open_house(selfservice=STEPS) as house:
        flow = await house.start("registration")
        await tell(house, flow)
        done = await by_password(house, flow)
        assert done.identity is not None
        assert (done.identity.traits.email, done.identity.traits.name.first) == (ADA, "Ada")

        flow = await house.start("registration")
        await tell(house, flow, traits={"email": "bea@example.org", "age": 40})
        bad = await by_password(house, flow, traits={"email": "cleo@example.org", "age": 4})
        assert shown(bad) == {"traits.age": [4000018]}
        # as an HTML form sends them
        form = {"traits.email": "cleo@example.org", "traits.age": "41"}
        done = await by_password(house, flow, **form)
        assert done.identity is not None
        assert done.identity.traits.plain() == {"email": "cleo@example.org", "age": 41, "name": {}}


async def test_by_a_code_and_back_from_it() -> None:
    """The code that was sent counts no more once one has gone back; another way to sign up may be taken."""
    async with open_house(selfservice=STEPS) as house:
        flow = await house.start("registration")
        await tell(house, flow)
        sent = await house.engine.submit(flow.id, method="code", values={})
        assert (sent.state, sent.flow.active, house.courier.messages[-1].to) == ("sent_email", "code", ADA)
        assert nodes(sent)[-2:] == ["code resend=code", "profile screen=credential-selection"]
        assert traits_of(sent)["name.first"] == ("hidden", "Ada")
        code = house.code

        # the button stands in a form that names the method
        selection = {"screen": "credential-selection", "traits": TRAITS}
        chosen = await house.engine.submit(flow.id, method="code", values=selection)
        assert (chosen.state, chosen.flow.body.state, chosen.flow.active) == ("choose_method", "choose_method", None)
        assert (nodes(chosen), shown(chosen)) == (SECOND, {None: [1040009]})
        sent = await house.give_code(flow, code)
        assert (sent.state, house.code != code) == ("sent_email", True), "it asks for a new one"

        done = await house.give_code(flow)
        assert done.identity is not None
        assert (done.completed, done.identity.traits.name.first) == (True, "Ada")
        assert [one.verified for one in done.identity.verifiable_addresses] == [True]


async def test_by_a_passkey_whose_form_carries_the_traits() -> None:
    steps = {**STEPS, "methods": {"passkey": PASSKEY}}
    async with open_house(selfservice=steps) as house:
        flow = await house.start("registration")
        assert nodes(flow) == FIRST
        told = await tell(house, flow)
        values = {"passkey_register": Authenticator().create(options_of(told, "passkey_create_data"))}
        done = await house.engine.submit(flow.id, method="passkey", values=values)
        assert done.identity is not None
        assert (done.completed, done.identity.traits.name.first) == (True, "Ada")


async def test_one_may_go_two_screens_back_and_sign_up_as_somebody_else() -> None:
    async with open_house(selfservice=STEPS) as house:
        flow = await house.start("registration")
        await tell(house, flow)
        await house.engine.submit(flow.id, method="code", values={})
        back = await house.engine.submit(flow.id, method="profile", values={"screen": "previous"})
        assert (back.state, nodes(back), traits_of(back)["email"]) == ("choose_method", FIRST, ("email", ADA))
        await tell(house, flow, traits={"email": "bea@example.org"})
        done = await by_password(house, flow, traits={"email": "bea@example.org"})
        assert done.identity is not None
        assert done.identity.traits.email == "bea@example.org"


async def test_actions_run_once_before_and_at_the_end_with_the_method_that_finished_it() -> None:
    """What was sent along with the first step is there at the end; `ctx.flow.ui` is the form as it stands."""
    hooks = {
        "registration.before": [hook("/before")],
        "registration.after": [hook("/default")],
        "registration.after.password": [parse("/check"), hook("/plain")],
    }
    async with open_house(hooks, selfservice=STEPS) as house:
        flow = await house.start("registration")
        before = house.sent("/before")["flow"]["ui"]["nodes"]
        assert [one["attributes"]["name"] for one in before] == ["csrf_token", *FIELDS, "method"]
        await tell(house, flow, transient_payload={"ref": 1})
        await house.engine.submit(flow.id, method=None, values={"screen": "previous"})
        await tell(house, flow)
        assert house.called() == ["/before"]
        house.sink.script("/check", messages(("#/traits/email", 7, "not you")))
        refused = await by_password(house, flow)
        assert (nodes(refused), shown(refused)) == (SECOND, {"traits.email": [7]})
        house.sink.script("/check", Reply(204))
        assert (await by_password(house, flow)).completed
        assert house.called() == ["/before", "/check", "/check", "/plain"]
        ctx = house.sent("/plain")
        assert ctx["flow"]["transient_payload"] == {"ref": 1}
        assert [one["attributes"]["name"] for one in ctx["flow"]["ui"]["nodes"]][-1] == "screen"
        assert PASSWORD not in str(ctx)


async def test_a_later_payload_replaces_an_earlier_one() -> None:
    async with open_house({"registration.after": [hook("/after")]}, selfservice=STEPS) as house:
        flow = await house.start("registration")
        await tell(house, flow, transient_payload={"ref": 1})
        await by_password(house, flow, transient_payload={"ref": 2})
        assert house.sent("/after")["flow"]["transient_payload"] == {"ref": 2}


async def test_whoever_knows_both_at_once_may_say_both_at_once() -> None:
    """As in Kratos: native applications need no screens."""
    async with open_house(selfservice=STEPS) as house:
        assert (await house.register()).completed


async def test_the_last_step_finds_the_address_taken() -> None:
    async with open_house(selfservice=STEPS) as house:
        await house.register()
        flow = await house.start("registration")
        assert nodes(await tell(house, flow)) == SECOND, "the first step tells nobody who has an account"
        taken = await by_password(house, flow)
        assert (nodes(taken), shown(taken)) == (SECOND, {None: [4000007]})


@pytest.mark.parametrize("traits", [None, [], "x", 7, {"email": {"a": 1}}, {"email": ADA, "more": 1}])
async def test_traits_that_are_none_lead_nowhere(traits: Any) -> None:
    async with open_house(selfservice=STEPS) as house:
        flow = await house.start("registration")
        refused = await tell(house, flow, traits=traits)
        assert (refused.state, nodes(refused)[-1]) == ("choose_method", "profile method=profile")
        assert not house.log("FormAdvanced")
        await tell(house, flow)
        refused = await by_password(house, flow, traits=traits)
        assert (refused.state, nodes(refused)[-1]) == ("choose_method", SECOND[-1])
        back = await house.engine.submit(flow.id, method=None, values={"screen": "previous", "traits": traits})
        assert (back.state, nodes(back), shown(back)) == ("choose_method", FIRST, {})
        assert (await tell(house, flow)).flow.ui.messages[0].id == 1040009


@pytest.mark.parametrize(
    ("registration", "first"),
    [
        ({"enable_legacy_one_step": True}, "traits"),
        ({"enable_legacy_one_step": True, "style": "profile_first"}, "traits"),
        ({"enable_legacy_one_step": False, "style": "unified"}, "traits"),
        ({"enable_legacy_one_step": False}, "steps"),
        ({"enable_legacy_one_step": False, "style": "profile_first"}, "steps"),
    ],
)
async def test_which_style_it_is(registration: dict[str, Any], first: str) -> None:
    """In two steps unless told not to; the older key counts before the newer one (Kratos)."""
    async with open_house(selfservice={"flows": {"registration": registration}}) as house:
        flow = await house.start("registration")
        assert (nodes(flow) == FIRST) is (first == "steps")
        if first == "traits":
            assert shown(await tell(house, flow)) == {None: [4010003]}
            back = await house.engine.submit(flow.id, method=None, values={"screen": "previous"})
            assert shown(back) == {None: [4010003]}


async def test_without_the_profile_method_there_is_one_step() -> None:
    off = STEPS | {"methods": {"profile": {"enabled": False}}}
    async with open_house(selfservice=off) as house:
        flow = await house.start("registration")
        assert "password password" in nodes(flow)
        assert shown(await tell(house, flow)) == {None: [4010003]}


async def test_a_simulation_with_the_same_configuration_tells_no_difference() -> None:
    hooks = {"registration.before": [hook("/before", id="b")], "registration.after": [parse("/after", id="a")]}
    async with open_house(hooks, selfservice=STEPS) as house:
        flow = await house.start("registration")
        await tell(house, flow)
        await house.engine.submit(flow.id, method=None, values={"screen": "previous"})
        await tell(house, flow)
        await by_password(house, flow)
        assert all_same(await foresee(house, hooks, selfservice=STEPS))
        assert configuration(hooks)["selfservice"]["flows"]["registration"]["enable_legacy_one_step"] is True
        changed = [one for one in await foresee(house, hooks) if one.flow == "registration"]
        assert not all_same(changed), "in one step no profile would have been taken"
