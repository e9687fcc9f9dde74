"""Which identity schema a flow goes by, what stands in whose view of an identity, and which ids are one person's."""

from typing import Any

import pytest

from limen.adapters.configuration import read
from limen.adapters.sink import Reply
from limen.domain import FlowView, Outcome, Request, RequestRefused, SchemaGone, SubmissionInvalid
from tests.simulation.house import all_same, foresee
from tests.support.engine import (
    ADA,
    PASSWORD,
    House,
    JsonDict,
    configuration,
    hook,
    identity,
    messages,
    open_house,
    parse,
    person,
    shown,
    uri,
)

ACME = "5f0e2f0a-9d3c-4c70-9d1d-0d4f3b1a2c11"


def robot() -> JsonDict:
    """Signs in by a serial number, and by a code to its owner's address."""
    serial = {"type": "string", "title": "Serial", "ory.sh/kratos": {"credentials": {"password": {"identifier": True}}}}
    kratos = {
        "credentials": {"code": {"identifier": True, "via": "email"}},
        "verification": {"via": "email"},
        "recovery": {"via": "email"},
    }
    owner = {"type": "string", "format": "email", "ory.sh/kratos": kratos}
    traits = {"serial": serial, "owner": owner, "arms": {"type": "integer"}}
    inner = {"type": "object", "properties": traits, "required": ["serial"], "additionalProperties": False}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"traits": inner}}


IDENTITY: JsonDict = {
    "default_schema_id": "person",
    "schemas": [
        {"id": "person", "url": uri(person())},
        {"id": "robot", "url": uri(robot()), "selfservice_selectable": True},
        {"id": "staff", "url": uri(person())},
    ],
}
MARVIN = {"serial": "HG-42", "owner": "marvin@example.org", "arms": 2}


def fields(shown: FlowView | Outcome) -> list[str]:
    """The fields of a form that are traits, in order."""
    flow = shown.flow if isinstance(shown, Outcome) else shown
    named = [node.attributes.name for node in flow.ui.nodes]
    return [name for name in named if name.startswith("traits.")]


async def build(house: House, **traits: Any) -> Outcome:
    """A robot is registered by password."""
    flow = await house.start("registration", query={"identity_schema": "robot"})
    values = {"traits": {**MARVIN, **traits}, "password": PASSWORD}
    return await house.engine.submit(flow.id, method="password", values=values)


# ------------------------------------------------------------------------------------------------------------- choosing


async def test_a_schema_that_may_be_chosen_makes_the_form_and_stays_with_the_flow() -> None:
    async with open_house({"registration.before": [hook("/before")]}, identity=IDENTITY) as house:
        usual = await house.start("registration")
        assert "identity_schema" not in usual.body
        flow = await house.start("registration", query={"identity_schema": "robot"})
        assert flow.body.identity_schema == "robot"
        assert fields(flow) == ["traits.serial", "traits.owner", "traits.arms"]
        again = await house.engine.flow(flow.id)
        assert (again.body.identity_schema, fields(again)) == ("robot", fields(flow))
        assert house.sent("/before")["flow"]["identity_schema"] == "robot"
        assert [entry.data["identity_schema"] for entry in house.log("FlowInitiated")] == [None, "robot"]


async def test_it_may_come_as_a_keyword_in_the_query_or_in_the_address() -> None:
    async with open_house(identity=IDENTITY) as house:
        address = Request(method="GET", url="http://127.0.0.1:4433/self-service/registration/api?identity_schema=robot")
        for options in ({"identity_schema": "robot"}, {"query": {"identity_schema": "robot"}}, {"request": address}):
            assert (await house.start("registration", **options)).body.identity_schema == "robot"
        assert (await house.start("registration", identity_schema="person", request=address)).body.identity_schema == (
            "person"
        )


@pytest.mark.parametrize("kind", ["login", "registration"])
@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ("staff", "identity_schema_not_selectable"),
        ("nobody", "identity_schema_unknown"),
        ("PERSON", "identity_schema_unknown"),
        ("\ud800", "submission_invalid"),
    ],
)
async def test_any_other_is_refused_and_no_flow_begins(kind: str, wanted: str, error: str) -> None:
    async with open_house({f"{kind}.before": [hook("/before")]}, identity=IDENTITY) as house:
        with pytest.raises((RequestRefused, SubmissionInvalid)) as refused:
            await house.start(kind, query={"identity_schema": wanted})
        assert refused.value.id == error
        assert wanted not in str(refused.value)
        assert (house.log("FlowInitiated"), house.called()) == ([], [])


@pytest.mark.parametrize("kind", ["recovery", "verification", "settings"])
async def test_other_flows_do_not_look(kind: str) -> None:
    async with open_house(identity=IDENTITY) as house:
        await house.register()
        token = (await house.sign_in()).session_token if kind == "settings" else None
        flow = await house.start(kind, query={"identity_schema": "nobody", "organization": ACME}, session_token=token)
        assert not {"identity_schema", "organization_id"} & set(flow.body)


async def test_the_default_is_not_among_the_selectable_ones_and_may_be_chosen_all_the_same() -> None:
    assert read(configuration(identity=IDENTITY), env={}).selectable_schemas == {"robot"}
    async with open_house(identity=IDENTITY) as house:
        assert (await house.start("registration", identity_schema="person")).body.identity_schema == "person"


async def test_one_that_is_gone_while_somebody_goes_by_it_is_named_and_may_come_back(tmp_path: Any) -> None:
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    name = str(MARVIN["serial"])
    async with open_house(identity=IDENTITY, store=store) as house:
        assert (await build(house)).completed
        token = (await house.sign_in(name)).session_token
    async with open_house(store=store) as house:
        for kind, options in (("settings", {}), ("login", {"refresh": True})):
            with pytest.raises(SchemaGone, match="no identity schema 'robot'"):
                await house.start(kind, session_token=token, **options)
        assert shown(await house.sign_in(name)) == {None: [4000006]}, "a name that no schema calls one is nobody's"
    async with open_house(identity=IDENTITY, store=store) as house:
        assert fields(await house.start("settings", session_token=token))
        assert (await house.sign_in(name)).completed


# ---------------------------------------------------------------------------------------------------------- registering


async def test_who_registers_is_validated_and_found_by_the_schema_that_was_chosen() -> None:
    async with open_house(identity=IDENTITY) as house:
        flow = await house.start("registration", query={"identity_schema": "robot"})
        refused = await house.engine.submit(
            flow.id, method="password", values={"traits": {"email": ADA}, "password": PASSWORD}
        )
        assert not refused.completed
        assert shown(refused)["traits.serial"] == [4000002]
        typed = {"traits.serial": "HG-42", "traits.owner": "marvin@example.org", "traits.arms": "2"}
        done = await house.engine.submit(flow.id, method="password", values={**typed, "password": PASSWORD})
        assert done.identity is not None
        assert (done.identity.schema_id, done.identity.traits.plain()) == ("robot", MARVIN)
        assert [one.value for one in done.identity.verifiable_addresses] == ["marvin@example.org"]
        assert done.flow.body.identity_schema == "robot"
        assert (await house.sign_in("hg-42")).completed
        assert not (await house.sign_in("marvin@example.org")).completed


async def test_who_registers_by_code_too() -> None:
    async with open_house(identity=IDENTITY) as house:
        flow = await house.start("registration", query={"identity_schema": "robot"})
        sent = await house.engine.submit(flow.id, method="code", values={"traits": MARVIN})
        assert (sent.state, fields(sent)) == ("sent_email", ["traits.serial", "traits.owner", "traits.arms"])
        done = await house.give_code(sent.flow)
        assert done.identity is not None
        assert (done.identity.schema_id, done.identity.traits.serial) == ("robot", "HG-42")


async def test_login_shows_the_label_of_the_schema_and_takes_everybody() -> None:
    async with open_house(identity=IDENTITY) as house:
        await house.register()
        await build(house)
        titles = []
        for wanted in (None, "robot"):
            flow = await house.start("login", identity_schema=wanted)
            label = next(node for node in flow.ui.nodes if node.attributes.name == "identifier").meta.label
            titles.append((flow.body.plain().get("identity_schema"), label.context.title if label.context else None))
        assert titles[0] == (None, "E-Mail")
        assert titles[1][0] == "robot"
        values = {"identifier": ADA, "password": PASSWORD}
        assert (await house.engine.submit(flow.id, method="password", values=values)).completed


async def test_settings_go_by_the_person_s_own_schema() -> None:
    async with open_house(identity=IDENTITY) as house:
        await build(house)
        token = (await house.sign_in("HG-42")).session_token
        flow = await house.start("settings", session_token=token)
        assert fields(flow) == ["traits.serial", "traits.owner", "traits.arms"]
        values = {"traits.serial": "HG-43", "traits.owner": "marvin@example.org", "traits.arms": "3"}
        done = await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        assert done.identity is not None
        assert (done.identity.schema_id, done.identity.traits.arms) == ("robot", 3)


async def test_an_interrupting_action_leaves_the_schema_with_the_flow() -> None:
    async with open_house({"registration.after": [parse("/risk")]}, identity=IDENTITY) as house:
        house.sink.script("/risk", [messages(("#/traits/serial", 7, "no")), Reply(204)])
        flow = await house.start("registration", query={"identity_schema": "robot"})
        values = {"traits": MARVIN, "password": PASSWORD}
        refused = await house.engine.submit(flow.id, method="password", values=values)
        assert (shown(refused), refused.flow.body.identity_schema) == ({"traits.serial": [7]}, "robot")
        assert (await house.engine.submit(flow.id, method="password", values=values)).completed
        assert house.sent("/risk")["identity"]["schema_id"] == "robot"


async def test_what_was_typed_is_found_when_its_owner_is_erased() -> None:
    """The traits of a refused registration, too, are remembered by the identifiers of the schema that was chosen."""
    async with open_house(identity=IDENTITY) as house:
        outcome = await build(house)
        flow = await house.start("registration", query={"identity_schema": "robot"})
        await house.engine.submit(flow.id, method="password", values={"traits": MARVIN, "password": "short"})
        assert outcome.identity is not None
        await house.engine.erase(outcome.identity.id)
        (entry,) = [entry for entry in house.log("FlowInitiated") if entry.stream == flow.id]
        assert entry.data["request"] == {"erased": True}


async def test_a_simulation_knows_what_may_be_chosen() -> None:
    narrower = {**IDENTITY, "schemas": [{**one, "selfservice_selectable": False} for one in IDENTITY["schemas"]]}
    async with open_house({"registration.after": [hook("/after")]}, identity=IDENTITY) as house:
        await build(house)
        await house.register()
        hooks = {"registration.after": [hook("/after")]}
        assert all_same(await foresee(house, hooks, identity=IDENTITY))
        found = [flow for flow in await foresee(house, hooks, identity=narrower) if flow.flow == "registration"]
        assert [flow.turns[0].end for flow in found] == ["refused", "opened"]


# -------------------------------------------------------------------------------------------------- who sees which part

SET: JsonDict = {"metadata_public": {"plan": "gold"}, "metadata_admin": {"score": 7}, "external_id": "crm-7"}


async def test_the_admin_s_metadata_is_for_actions_alone() -> None:
    hooks = {"registration.after": [parse("/parse"), {"hook": "session"}], "settings.after": [hook("/settings")]}
    async with open_house(hooks, identity=IDENTITY) as house:
        house.sink.script("/parse", identity(**SET))
        outcome = await house.register()
        token = outcome.session_token
        settings = await house.start("settings", session_token=token)
        values = {"traits": {"email": ADA, "age": 40}}
        done = await house.engine.submit(settings.id, method="profile", values=values, session_token=token)
        whoami = await house.engine.session(token)
        assert outcome.identity is not None
        assert outcome.session is not None
        assert done.identity is not None
        assert whoami is not None
        public = [
            *(outcome.identity, outcome.session.identity, whoami.identity, settings.body.identity),
            *(done.identity, done.flow.body.identity),
        ]
        for seen in public:
            assert (seen.metadata_public.plain(), seen.external_id) == ({"plan": "gold"}, "crm-7")
            assert (seen.organization_id, "metadata_admin" in seen) == (None, False)
        ctx = house.sent("/settings")
        for seen in (ctx["identity"], ctx["previous_identity"], ctx["session"]["identity"]):
            assert {name: seen[name] for name in SET} == SET


# -------------------------------------------------------------------------------------------------------- external ids


async def test_an_external_id_is_one_person_s() -> None:
    hooks = {"registration.after": [parse("/parse")], "settings.after": [parse("/settings")]}
    async with open_house(hooks) as house:
        house.sink.script("/parse", [identity(external_id="crm-7"), identity(external_id="crm-7"), Reply(204)])
        await house.register()
        taken = await house.register("bob@example.org")
        assert (taken.completed, shown(taken)) == (False, {None: [4000007]})
        assert len(house.log("IdentityRegistered")) == 1
        await house.register("bob@example.org")
        token = (await house.sign_in("bob@example.org")).session_token
        house.sink.script("/settings", identity(external_id="crm-7"))
        flow = await house.start("settings", session_token=token)
        values = {"traits": {"email": "bob@example.org", "age": 20}}
        refused = await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        assert (refused.completed, shown(refused)) == (False, {None: [4000007]})
        house.sink.script("/settings", identity(external_id="CRM-7"))  # another one: it is compared letter for letter
        assert (await house.engine.submit(flow.id, method="profile", values=values, session_token=token)).completed


@pytest.mark.parametrize("how", ["cleared", "replaced", "erased"])
async def test_an_external_id_that_was_given_up_is_free(how: str) -> None:
    hooks = {"registration.after": [parse("/parse")], "settings.after": [parse("/settings")]}
    async with open_house(hooks) as house:
        house.sink.script("/parse", identity(external_id="crm-7"))
        outcome = await house.register()
        assert outcome.identity is not None
        if how == "erased":
            await house.engine.erase(outcome.identity.id)
        else:
            house.sink.script("/settings", identity(external_id="" if how == "cleared" else "crm-8"))
            token = (await house.sign_in()).session_token
            flow = await house.start("settings", session_token=token)
            values = {"traits": {"email": ADA, "age": 20}}
            assert (await house.engine.submit(flow.id, method="profile", values=values, session_token=token)).completed
        assert (await house.register("bob@example.org")).completed


async def test_an_external_id_signs_nobody_in_and_is_nowhere_in_clear() -> None:
    async with open_house({"registration.after": [parse("/parse")]}) as house:
        house.sink.script("/parse", identity(external_id=f"{ADA}.crm"))
        await house.register()
        assert not (await house.sign_in(f"{ADA}.crm")).completed
        assert not (await house.sign_in("crm-7")).completed
        assert f"{ADA}.crm" not in str([entry.data for entry in house.log() if entry.kind != "flow"])


# ------------------------------------------------------------------------------------------------------- organizations


async def test_an_organization_asked_for_stands_in_the_flow_and_is_told_to_actions() -> None:
    hooks = {f"{kind}.before": [hook("/before")] for kind in ("login", "registration")}
    async with open_house(hooks) as house:
        for kind in ("login", "registration"):
            flow = await house.start(kind, query={"organization": ACME})
            assert flow.body.organization_id == ACME
            assert house.sent("/before")["flow"]["organization_id"] == ACME
            assert (await house.engine.flow(flow.id)).body.organization_id == ACME
        assert [entry.data["organization_id"] for entry in house.log("FlowInitiated")] == [ACME] * 2


@pytest.mark.parametrize("wanted", ["acme", "", "' OR 1=1", "5f0e2f0a"])
async def test_what_is_no_id_asks_for_no_organization(wanted: str) -> None:
    async with open_house() as house:
        assert (await house.start("login", query={"organization": wanted})).body.organization_id is None


async def test_asking_for_an_organization_makes_nobody_its_member() -> None:
    async with open_house({"registration.after": [parse("/parse")]}) as house:
        house.sink.script("/parse", identity(organization_id=ACME))
        flow = await house.start("registration", query={"organization": ACME})
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        done = await house.engine.submit(flow.id, method="password", values=values)
        assert done.identity is not None
        assert done.identity.organization_id is None
