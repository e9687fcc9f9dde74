"""What a parsing action's answer replaces in an identity, before it is stored."""

import asyncio
import json
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import ActionFailed, Outcome
from tests.support.addresses import BACKUP, addresses, arrive, own_backup
from tests.support.engine import ADA, PASSWORD, House, hook, identity, open_house, parse, person, shown, uri

ONLY = {"email": ADA, "name": {}}
"""What is stored of an address alone: objects that the schema knows are there, as in Kratos."""

PARSE = {"registration.after.password": [parse("/parse"), {"hook": "session"}]}


async def stored(house: House, email: str = ADA) -> Any:
    """The identity as a later login finds it."""
    return (await house.sign_in(email)).identity


async def changed(house: House, traits: dict[str, Any], token: str | None = None) -> Outcome:
    token = token or (await house.sign_in()).session_token
    flow = await house.start("settings", session_token=token)
    return await house.engine.submit(flow.id, method="profile", values={"traits": traits}, session_token=token)


async def test_traits_are_replaced_whole() -> None:
    async with open_house(PARSE) as house:
        house.sink.script("/parse", identity(traits={"email": ADA, "name": {"last": "King"}}))
        outcome = await house.register(traits={"age": 36, "name": {"first": "Ada"}})
        assert outcome.identity is not None
        assert outcome.identity.traits.plain() == {"email": ADA, "name": {"last": "King"}}
        assert (await stored(house)).traits.plain() == {"email": ADA, "name": {"last": "King"}}


async def test_a_changed_address_is_the_one_that_signs_in_and_is_verified() -> None:
    async with open_house(PARSE) as house:
        house.sink.script("/parse", identity(traits={"email": "countess@example.org"}))
        await house.register()
        assert not (await house.sign_in(ADA)).completed
        assert (await house.sign_in("countess@example.org")).completed
        assert [mail.to for mail in house.courier.messages] == ["countess@example.org"]


async def test_metadata_is_stored_whole_and_the_admin_part_shown_to_actions_alone() -> None:
    hooks = {**PARSE, "login.after": [parse("/login")]}
    async with open_house(hooks) as house:
        house.sink.script("/parse", identity(metadata_public={"plan": "gold"}, metadata_admin={"score": [1, 2]}))
        await house.register()
        person = await stored(house)
        assert person.metadata_public.plain() == {"plan": "gold"}
        assert "metadata_admin" not in person
        assert house.sent("/login")["identity"]["metadata_admin"] == {"score": [1, 2]}


@pytest.mark.parametrize("cleared", ["", None])
async def test_an_external_id_is_set_and_an_explicit_empty_one_clears_it(cleared: str | None) -> None:
    async with open_house({**PARSE, "settings.after": [parse("/settings")]}) as house:
        house.sink.script("/parse", identity(external_id="crm-7"))
        await house.register()
        assert (await stored(house)).external_id == "crm-7"
        house.sink.script("/settings", identity(external_id=cleared))
        await changed(house, {"email": ADA, "age": 40})
        assert (await stored(house)).external_id is None


async def test_elsewhere_an_empty_value_is_no_change() -> None:
    async with open_house({**PARSE, "settings.after": [parse("/settings")]}) as house:
        house.sink.script("/parse", identity(metadata_public={"plan": "gold"}, external_id="crm-7"))
        await house.register()
        empty = dict.fromkeys(("traits", "schema_id", "state", "metadata_public", "verifiable_addresses"))
        house.sink.script("/settings", identity(**empty))
        await changed(house, {"email": ADA, "age": 40})
        person = await stored(house)
        assert (person.metadata_public["plan"], person.external_id, person.traits["age"]) == ("gold", "crm-7", 40)


@pytest.mark.parametrize("body", [{"identity": None}, {"identity": {}}, {"messages": []}, {}, None])
async def test_an_identity_that_is_null_empty_or_not_there_changes_nothing(body: Any) -> None:
    async with open_house(PARSE) as house:
        house.sink.script("/parse", Reply(200, json.dumps(body).encode()))
        await house.register(traits={"age": 36})
        assert (await stored(house)).traits.plain() == {**ONLY, "age": 36}
        assert house.log("ActionAnswered")[0].data["verdict"] == "continue"


@pytest.mark.parametrize(
    "reply", [Reply(204, b""), Reply(200, b""), Reply(201, b"no JSON"), Reply(202, b"{"), Reply(304)]
)
async def test_answers_without_an_identity_let_it_go_on(reply: Reply) -> None:
    async with open_house(PARSE) as house:
        house.sink.script("/parse", reply)
        assert (await house.register()).completed


async def test_unknown_keys_id_and_credentials_are_ignored() -> None:
    async with open_house(PARSE) as house:
        credentials = {"password": {"config": {"hashed_password": "$2a$10$nothing"}}}
        house.sink.script(
            "/parse", identity(id="00000000-0000-4000-8000-000000000000", credentials=credentials, nickname="ada")
        )
        outcome = await house.register()
        assert outcome.identity is not None
        assert outcome.identity.id != "00000000-0000-4000-8000-000000000000"
        assert (await house.sign_in(ADA, PASSWORD)).completed


# -------------------------------------------------------------------------------------------------------- addresses


async def test_an_address_given_as_verified_counts_and_no_verification_starts() -> None:
    async with open_house(PARSE) as house:
        house.sink.script("/parse", identity(verifiable_addresses=[{"value": ADA, "via": "email", "verified": True}]))
        outcome = await house.register()
        assert outcome.identity is not None
        (address,) = outcome.identity.verifiable_addresses
        assert (address.verified, address.status) == (True, "completed")
        assert address.verified_at
        assert house.courier.messages == []
        assert (await stored(house)).verifiable_addresses[0].verified is True


def said(*values: str, **more: Any) -> list[dict[str, Any]]:
    """Addresses as an answer lists them."""
    return [{"value": value, "via": "email", **more} for value in values]


@pytest.mark.parametrize("listed", [said(BACKUP, verified=True), said(BACKUP, verified=True) + said(ADA)])
async def test_a_list_of_verifiable_addresses_is_replaced_whole(listed: list[dict[str, Any]]) -> None:
    """One that it does not give as verified is not verified any more, and is to be verified again (Kratos)."""
    async with open_house({"settings.after": [parse("/parse")]}, identity=own_backup()) as house:
        token = await arrive(house, verified=True, backup=BACKUP)
        sent = len(house.courier.messages)
        house.sink.script("/parse", identity(verifiable_addresses=listed))
        assert (await changed(house, {"email": ADA, "backup": BACKUP, "age": 30}, token)).completed
        assert await addresses(house, token) == {ADA: False, BACKUP: True}
        assert [mail.to for mail in house.courier.messages[sent:]] == [ADA]
        assert (await house.verify(ADA)).completed
        assert await addresses(house, token) == {ADA: True, BACKUP: True}


async def test_which_addresses_there_are_the_traits_say_and_the_record_what_was_replaced() -> None:
    async with open_house({"settings.after": [parse("/parse")]}, identity=own_backup()) as house:
        token = await arrive(house, verified=True)
        more = {"verifiable_addresses": said(ADA, BACKUP, verified=True), "recovery_addresses": said(BACKUP)}
        house.sink.script("/parse", identity(**more))
        assert (await changed(house, {"email": ADA, "age": 30}, token)).completed
        assert await addresses(house, token) == {ADA: True}
        house.sink.script("/parse", identity(recovery_addresses=said(BACKUP)))
        assert (await changed(house, {"email": ADA, "age": 31}, token)).completed
        answered = [(entry.data["verdict"], entry.data["modified"]) for entry in house.log("ActionAnswered")]
        assert answered == [("modify", ["verifiable_addresses"]), ("continue", [])]
        session = await house.engine.session(token)
        assert session is not None
        assert [one.value for one in session.identity.recovery_addresses] == [ADA]


async def test_what_an_answer_takes_back_stays_so_beside_what_happens_in_that_moment() -> None:
    """Another change of the same person is no reason to call an address verified again; a verification is."""
    async with open_house({"settings.after": [parse("/parse")]}, identity=own_backup()) as house:
        token = await arrive(house, verified=True, backup=BACKUP)
        code = await house.ask_code("verification", BACKUP)
        house.sink.script(
            "/parse", Reply(200, b'{"identity": {"verifiable_addresses": [{"value": "nobody"}]}}', delay=0.3)
        )
        change = asyncio.create_task(changed(house, {"email": ADA, "backup": BACKUP, "age": 30}, token))
        await house.until("ActionStarted")
        assert (await house.give_code(code)).completed
        assert (await change).completed
        assert await addresses(house, token) == {ADA: False, BACKUP: True}


# ------------------------------------------------------------------------------------------------- what is not stored


@pytest.mark.parametrize(
    ("parts", "seen"),
    [
        ({"traits": {"email": 5}}, {"traits.email": [4000026]}),
        ({"traits": {"age": 20}}, {"traits.email": [4000002]}),
        ({"traits": {"email": ADA, "age": 5}}, {"traits.age": [4000018]}),
        ({"schema_id": "nobody"}, {None: [4000001]}),
    ],
)
@pytest.mark.parametrize("kind", ["registration", "settings"])
async def test_a_result_that_breaks_the_schema_is_answered_on_its_field(
    kind: str, parts: dict[str, Any], seen: dict[str | None, list[int]]
) -> None:
    async with open_house({f"{kind}.after": [parse("/parse")]}) as house:
        house.sink.script("/parse", identity(**parts))
        if kind == "registration":
            outcome = await house.register()
            assert not house.log("IdentityRegistered")
        else:
            await house.register()
            outcome = await changed(house, {"email": ADA, "age": 50})
            assert not house.log("TraitsChanged")
        assert shown(outcome) == seen
        assert not outcome.completed


async def test_a_part_of_the_wrong_type_fails_the_action() -> None:
    async with open_house(PARSE) as house:
        for part in (
            {"state": "asleep"},
            {"traits": [1]},
            {"schema_id": 5},
            {"verifiable_addresses": [1]},
            {"metadata_admin": {"n": 10**30}},
        ):
            house.sink.script("/parse", Reply(200, json.dumps({"identity": part}).encode()))
            with pytest.raises(ActionFailed) as failed:
                await house.register()
            assert failed.value.reason == "upstream"
        assert not house.log("IdentityRegistered")


async def test_an_inactive_identity_is_stored_without_a_session_and_cannot_sign_in() -> None:
    async with open_house(PARSE) as house:
        house.sink.script("/parse", identity(state="inactive", metadata_admin={"why": "review"}))
        outcome = await house.register()
        assert (outcome.session, outcome.session_token, outcome.error) == (None, None, "identity_disabled")
        assert len(house.log("IdentityRegistered")) == 1
        assert not house.log("SessionIssued")
        refused = await house.sign_in()
        assert refused.error == "identity_disabled"
        assert refused.session is None


async def test_somebody_who_switches_themselves_off_is_signed_out() -> None:
    async with open_house({"settings.after": [parse("/parse")]}) as house:
        house.sink.script("/parse", identity(state="inactive"))
        await house.register()
        token = (await house.sign_in()).session_token
        await changed(house, {"email": ADA, "age": 50}, token)
        assert await house.engine.session(token) is None


async def test_an_address_that_somebody_else_has_is_refused() -> None:
    async with open_house({"registration.after": [parse("/parse")]}) as house:
        await house.register()
        house.sink.script("/parse", identity(traits={"email": ADA}))
        assert shown(await house.register("bob@example.org")) == {None: [4000007]}
        assert len(house.log("IdentityRegistered")) == 1


# ----------------------------------------------------------------------------------------------------- another schema


async def test_a_schema_of_the_configuration_may_be_chosen() -> None:
    other = person()
    other["properties"]["traits"]["required"] = ["email", "age"]
    identities = {
        "default_schema_id": "person",
        "schemas": [{"id": "person", "url": uri(person())}, {"id": "adult", "url": uri(other)}],
    }
    async with open_house(PARSE, identity=identities) as house:
        house.sink.script("/parse", identity(schema_id="adult"))
        assert shown(await house.register()) == {"traits.age": [4000002]}
        house.sink.script("/parse", identity(schema_id="adult", traits={"email": ADA, "age": 36}))
        assert (await house.register()).completed
        assert (await stored(house)).schema_id == "adult"


# ---------------------------------------------------------------------------------------------------------- elsewhere


@pytest.mark.parametrize("kind", ["login", "recovery", "verification"])
async def test_an_identity_in_another_flow_is_ignored_and_recorded_as_ignored(kind: str) -> None:
    async with open_house({f"{kind}.after": [parse("/parse")]}) as house:
        house.sink.script("/parse", identity(traits={"email": "other@example.org"}, metadata_public={"x": 1}))
        await house.register()
        if kind == "login":
            outcome = await house.sign_in()
        else:
            outcome = await house.give_code(await house.ask_code(kind))
        assert outcome.completed
        assert outcome.identity is not None
        assert outcome.identity.traits.plain() == ONLY
        assert [entry.data["verdict"] for entry in house.log("ActionAnswered")] == ["ignored"]


async def test_an_answer_that_is_not_parsed_changes_nothing_whatever_it_says() -> None:
    async with open_house({"registration.after": [hook("/plain")]}) as house:
        house.sink.script(
            "/plain", Reply(200, b'{"identity": {"traits": {"email": "x@example.org"}}} and not even JSON')
        )
        await house.register()
        assert (await stored(house)).traits.plain() == ONLY


async def test_a_later_action_sees_what_an_earlier_one_modified() -> None:
    async with open_house({"registration.after": [parse("/1"), parse("/2")]}) as house:
        house.sink.script("/1", identity(traits={"email": ADA, "age": 36}, metadata_public={"step": 1}))
        house.sink.script("/2", identity(metadata_public={"step": 2}))
        await house.register()
        seen = house.sent("/2")["identity"]
        assert (seen["traits"], seen["metadata_public"]) == ({**ONLY, "age": 36}, {"step": 1})
        person = await stored(house)
        assert (person.traits["age"], person.metadata_public["step"]) == (36, 2)
