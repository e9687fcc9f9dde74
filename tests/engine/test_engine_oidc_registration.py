"""Signing up through a provider: what it leaves open, what is taken already, and what comes of both."""

from typing import Any

import pytest

from limen.domain import Outcome
from limen.domain.errors import FlowOvertaken
from tests.support.engine import ADA, PASSWORD, JsonDict, hook, identity, messages, parse, shown, uri
from tests.support.provider import Abroad, abroad, buttons, methods_of

ACTIONS: dict[str, list[JsonDict]] = {
    "registration.before": [hook("/registration/before")],
    "registration.after": [parse("/registration/parse"), hook("/registration/plain")],
    "login.before": [hook("/login/before")],
    "login.after": [parse("/login/parse"), hook("/login/plain")],
}
FORM = ["traits.email", "traits.name.first", "traits.name.last", "traits.newsletter", "traits.age"]


async def fill_in(there: Abroad, outcome: Outcome, **values: Any) -> Outcome:
    """The form that a provider has left something open in."""
    brought = {"provider": "idp", "code": there.claim, **values}
    return await there.house.engine.submit(outcome.flow.id, method=None, values=brought)


async def test_whoever_signs_up_is_signed_in_without_a_session_action() -> None:
    async with abroad(ACTIONS) as there:
        flow, url = await there.leave("registration", values={"provider": "idp", "transient_payload": {"ref": "x9"}})
        outcome = await there.back(flow, await there.visit(url))
        assert (outcome.completed, methods_of(outcome)) == (True, [("oidc", "idp")])
        assert outcome.identity is not None
        assert outcome.identity.traits.plain() == {"email": ADA, "name": {"first": "Ada"}}
        assert await there.house.engine.session(outcome.session_token) is not None
        assert there.house.called() == ["/registration/before", "/registration/parse", "/registration/plain"]
        ctx = there.house.sent("/registration/parse")
        assert (ctx["flow"]["active"], ctx["flow"]["transient_payload"]) == ("oidc", {"ref": "x9"})
        assert "session" not in ctx


async def test_an_address_that_the_provider_vouches_for_needs_no_mail() -> None:
    async with abroad() as there:
        ada = await there.register("s-ada")
        assert ada.identity is not None
        assert (ada.identity.verifiable_addresses[0].verified, there.house.courier.messages) == (True, [])
        bob = await there.register("s-bob")
        assert bob.identity is not None
        assert (bob.identity.verifiable_addresses[0].verified, len(there.house.courier.messages)) == (False, 1)


async def test_metadata_come_from_the_mapper() -> None:
    mapper = """local c = std.extVar('claims');
      { identity: { traits: { email: c.email }, metadata_public: { from: 'idp' }, metadata_admin: { id: c.sub } } }"""
    async with abroad(ACTIONS, provider={"mapper_url": uri(mapper)}) as there:
        outcome = await there.register()
        assert outcome.identity is not None
        assert outcome.identity.metadata_public.plain() == {"from": "idp"}
        assert there.house.sent("/registration/parse")["identity"]["metadata_admin"] == {"id": "s-ada"}


async def test_who_is_here_already_is_signed_in_with_the_actions_of_login_alone() -> None:
    async with abroad(ACTIONS) as there:
        first, since = await there.register(), len(there.house.sink.received)
        flow, url = await there.leave("registration")
        outcome = await there.back(flow, await there.visit(url))
        assert (outcome.completed, outcome.flow.kind, methods_of(outcome)) == (True, "login", [("oidc", "idp")])
        assert first.identity is not None
        assert outcome.identity is not None
        assert outcome.identity.id == first.identity.id
        assert there.house.called()[since:] == ["/registration/before", "/login/before", "/login/parse", "/login/plain"]
        assert (await there.house.engine.flow(flow.id)).state == "turned"


async def test_a_form_may_ask_for_what_the_provider_left_open_and_nobody_is_sent_away_twice() -> None:
    async with abroad(ACTIONS) as there:
        there.idp.visitor = "s-fay"
        open_ = await there.go("registration")
        assert (open_.state, shown(open_)) == ("choose_method", {"traits.email": [4000002]})
        assert buttons(open_) == [("provider", "idp", 1040003)]
        assert [node.attributes.name for node in open_.flow.ui.nodes if node.group == "default"][1:] == FORM
        assert "/registration/parse" not in there.house.called()
        wrong = await fill_in(there, open_, **{"traits.email": "no-address", "traits.name.first": "Fay"})
        assert (wrong.state, shown(wrong)) == ("choose_method", {"traits.email": [4000040]})
        right = await fill_in(there, wrong, **{"traits.email": "fay@example.org", "traits.name.first": "Faye"})
        assert (right.completed, methods_of(right)) == (True, [("oidc", "idp")])
        assert right.identity is not None
        assert right.identity.traits.plain() == {"email": "fay@example.org", "name": {"first": "Faye"}}
        assert not right.identity.verifiable_addresses[0].verified, "nobody vouches for what was typed"
        assert len(there.visited) == 1
        assert (await there.go("login")).completed


async def test_what_is_left_open_in_a_login_is_asked_for_in_the_registration_it_becomes() -> None:
    async with abroad() as there:
        there.idp.visitor = "s-fay"
        open_ = await there.go("login")
        assert (open_.flow.kind, shown(open_)) == ("registration", {"traits.email": [4000002]})
        assert open_.flow.body.active == "oidc"
        assert (await fill_in(there, open_, traits={"email": "fay@example.org"})).completed


async def test_a_provider_that_says_no_has_not_been_heard() -> None:
    """As recorded: `active` names it in a login from when it is chosen, in a registration only once it has spoken."""
    async with abroad() as there:
        for kind, active in (("registration", None), ("login", "oidc")):
            there.idp.error = "access_denied"
            refused = await there.go(kind)
            assert (shown(refused), refused.flow.body.active) == ({None: [4000001]}, active)
        there.idp.visitor = "s-fay"
        assert (await there.go("registration")).flow.body.active == "oidc"


async def test_a_registration_is_a_provider_s_once_that_has_spoken() -> None:
    async with abroad() as there:
        there.idp.visitor = "s-fay"
        flow, _ = await there.leave("registration")
        nameless = await there.house.engine.submit(flow.id, method="oidc", values={})
        assert (shown(nameless), nameless.flow.body.active) == ({"traits.email": [4000002]}, None)
        there.idp.error = "access_denied"
        refused = await there.go("registration", flow=flow)
        assert (shown(refused), refused.flow.body.active) == ({None: [4000001]}, None)
        for open_ in (await there.go("registration", flow=flow), await there.go("login")):
            assert (shown(open_), open_.flow.body.active) == ({"traits.email": [4000002]}, "oidc")


async def test_what_was_typed_before_the_trip_is_kept_where_the_provider_says_nothing() -> None:
    async with abroad() as there:
        values = {"provider": "idp", "traits": {"name": {"first": "A.", "last": "Lovelace"}, "age": 36}}
        outcome = await there.go("registration", values=values)
        assert outcome.identity is not None
        name = {"first": "Ada", "last": "Lovelace"}
        assert outcome.identity.traits.plain() == {"email": ADA, "name": name, "age": 36}


async def test_a_refusing_action_costs_no_second_trip() -> None:
    async with abroad(ACTIONS) as there:
        there.house.sink.script("/registration/parse", messages(("#/traits/email", 1234, "not you")))
        refused = await there.go("registration")
        assert (refused.state, shown(refused)) == ("choose_method", {"traits.email": [1234]})
        assert buttons(refused) == [("provider", "idp", 1040003)]
        there.house.sink.script("/registration/parse", identity(traits={"email": "not an address"}))
        unfit = await fill_in(there, refused)
        assert (unfit.state, shown(unfit)) == ("choose_method", {"traits.email": [4000040]})
        there.house.sink.script("/registration/parse", identity(traits={"email": ADA, "age": 36}))
        outcome = await fill_in(there, refused)
        assert (outcome.completed, len(there.visited)) == (True, 1)
        assert outcome.identity is not None
        assert outcome.identity.traits.age == 36


# -- an address that is taken


async def taken(there: Abroad, kind: str = "registration") -> Outcome:
    """Somebody comes through the provider with an address that was signed up with a password."""
    await there.house.register(ADA)
    return await there.go(kind)


@pytest.mark.parametrize("kind", ["registration", "login"])
async def test_whose_address_is_taken_proves_the_account_and_has_the_provider_linked(kind: str) -> None:
    async with abroad(ACTIONS) as there:
        await there.house.register(ADA)
        since = len(there.house.sink.received)
        asked = await there.go(kind)
        came = {"registration": ["/registration/before"], "login": ["/login/before", "/registration/before"]}[kind]
        assert there.house.called()[since:] == [*came, "/registration/parse", "/login/before"]
        assert (asked.flow.kind, asked.state, shown(asked)) == ("login", "choose_method", {None: [1010016]})
        told = asked.flow.messages[0].context
        assert (told.duplicate_identifier, told.provider) == (ADA, "Example IdP")
        assert buttons(asked) == [("provider", "other", 1010018)]
        (field,) = [node.attributes for node in asked.flow.ui.nodes if node.attributes.name == "identifier"]
        assert (field.type, field.value) == ("hidden", ADA)
        since, values = len(there.house.sink.received), {"identifier": ADA, "password": PASSWORD}
        linked = await there.house.engine.submit(asked.flow.id, method="password", values=values)
        assert methods_of(linked) == [("password", None), ("oidc", "idp")]
        assert there.house.called()[since:] == ["/login/parse", "/login/plain"]
        ctx = there.house.sent("/login/parse")
        assert [one["method"] for one in ctx["session"]["authentication_methods"]] == ["password", "oidc"]
        again = await there.go("login")
        assert again.identity is not None
        assert linked.identity is not None
        assert again.identity.id == linked.identity.id


async def test_another_account_than_the_one_to_be_linked_is_refused() -> None:
    async with abroad(ACTIONS) as there:
        await there.house.register("bob@example.org")
        asked = await taken(there)
        since, values = len(there.house.sink.received), {"identifier": "bob@example.org", "password": PASSWORD}
        refused = await there.house.engine.submit(asked.flow.id, method="password", values=values)
        assert (refused.state, shown(refused), refused.session) == ("choose_method", {None: [4010009]}, None)
        assert (asked.flow.body.active, refused.flow.body.active) == ("oidc", "password")
        assert there.house.called()[since:] == [], "no action is told of it"
        values["identifier"] = ADA
        wrong = await there.house.engine.submit(asked.flow.id, method="password", values={**values, "password": "no"})
        assert shown(wrong) == {None: [4000006]}
        (field,) = [node.attributes for node in wrong.flow.ui.nodes if node.attributes.name == "identifier"]
        assert (field.type, field.value) == ("hidden", ADA)
        assert (await there.house.engine.submit(asked.flow.id, method="password", values=values)).completed


async def test_a_code_or_another_provider_proves_the_account_as_well() -> None:
    async with abroad() as there:
        there.other.visitor = "s-ada"
        first = await there.go("registration", values={"provider": "other"})
        asked = await there.go("registration")
        assert shown(asked) == {None: [1010016]}
        linked = await there.go("login", flow=asked.flow, values={"provider": "other"})
        assert methods_of(linked) == [("oidc", "other"), ("oidc", "idp")]
        assert first.identity is not None
        assert linked.identity is not None
        assert linked.identity.id == first.identity.id
        await there.house.register("bob@example.org")
        there.idp.visitor = "s-bob"
        asked = await there.go("registration")
        await there.house.engine.submit(asked.flow.id, method="code", values={"identifier": "bob@example.org"})
        assert methods_of(await there.house.give_code(asked.flow)) == [("code", None), ("oidc", "idp")]


async def test_somebody_unknown_at_another_provider_proves_nothing() -> None:
    async with abroad() as there:
        asked = await taken(there)
        there.other.visitor = "s-bob"
        refused = await there.go("login", flow=asked.flow, values={"provider": "other"})
        assert (refused.flow.id, shown(refused)) == (asked.flow.id, {None: [4000037]})


@pytest.mark.parametrize(
    ("visitor", "verified_here", "links"), [("s-ada", True, True), ("s-ada", False, False), ("s-bob", True, False)]
)
async def test_an_address_links_by_itself_only_where_both_sides_have_verified_it(
    visitor: str, verified_here: bool, links: bool
) -> None:
    async with abroad(ACTIONS, provider={"account_linking_mode": "automatic"}) as there:
        email = there.idp.people[visitor]["email"]
        await there.house.register(email)
        if verified_here:
            await there.house.verify(email)
        there.idp.visitor = visitor
        outcome = await there.go("registration")
        assert (outcome.completed, outcome.flow.kind) == (links, "login")
        if links:
            assert methods_of(outcome) == [("oidc", "idp")]
            assert there.house.called()[-3:] == ["/login/before", "/login/parse", "/login/plain"]


async def test_an_address_that_was_given_to_somebody_else_at_the_provider_does_not_link_by_itself() -> None:
    async with abroad(provider={"account_linking_mode": "automatic"}) as there:
        await there.register("s-ada")
        there.idp.people["s-new"], there.idp.visitor = there.idp.people["s-ada"], "s-new"
        asked = await there.go("registration")
        assert (asked.state, shown(asked)) == ("choose_method", {None: [1010016]})


async def test_login_s_own_actions_run_where_they_are_asked_for() -> None:
    async with abroad(ACTIONS, settings={"oidc": {"login_actions_after_registration": True}}) as there:
        outcome = await there.go("registration")
        assert (outcome.completed, outcome.flow.kind, methods_of(outcome)) == (True, "login", [("oidc", "idp")])
        listed = ["/registration/before", "/registration/parse", "/registration/plain"]
        assert there.house.called() == [*listed, "/login/before", "/login/parse", "/login/plain"]
        assert len(there.house.log("SessionIssued")) == 1


async def test_an_account_that_is_erased_can_be_made_anew() -> None:
    async with abroad() as there:
        first = await there.register()
        assert first.identity is not None
        await there.house.engine.erase(first.identity.id)
        again = await there.register()
        assert again.identity is not None
        assert again.identity.id != first.identity.id


async def test_no_provider_named_is_told_on_the_form() -> None:
    async with abroad() as there:
        flow = await there.house.start("registration")
        assert buttons(flow) == [("provider", "idp", 1040002), ("provider", "other", 1040002)]
        refused = await there.house.engine.submit(flow.id, method="oidc", values={})
        assert shown(refused) == {"traits.email": [4000002]}


async def test_an_account_that_is_linked_meanwhile_is_not_forgotten() -> None:
    """The list of accounts is written whole: who decides on an older one is sent back, and nothing is lost."""
    once = [True]
    async with abroad() as there:

        async def links_another(_: Any) -> None:
            if once:
                once.clear()
                there.other.visitor = "s-bob"
                token = (await there.house.sign_in(ADA)).session_token
                assert (await there.go("settings", values={"link": "other"}, session_token=token)).completed

        there.house.engine.after("login", method="password", id="meanwhile")(links_another)
        asked = await taken(there)
        values = {"identifier": ADA, "password": PASSWORD}
        with pytest.raises(FlowOvertaken):
            await there.house.engine.submit(asked.flow.id, method="password", values=values)
        linked = await there.house.engine.submit(asked.flow.id, method="password", values=values)
        flow = await there.house.start("settings", session_token=linked.session_token)
        assert [(name, id_) for name, id_, _ in buttons(flow)] == [("unlink", "idp"), ("unlink", "other")]
        for provider in ("idp", "other"):
            assert (await there.go("login", values={"provider": provider})).flow.kind == "login"
