"""`ctx` of every slot: exactly these keys, at every level, as the real Kratos was seen to send them.

Where limen adds a key on purpose (`transient_payload` and `previous_identity` in settings), the table says so.
"""

import json
import re
from typing import Any

import pytest

from limen.adapters.sink import Reply
from tests.support.engine import ADA, PASSWORD, House, JsonDict, hook, identity, ignore, messages, open_house, parse

TOP = {"flow", "request_headers", "request_method", "request_url", "request_cookies"}
FLOW = {"id", "type", "issued_at", "expires_at", "request_url", "ui", "state"}
LOGIN = {"requested_aal", "refresh", "created_at", "updated_at", "organization_id"}
UI = {"action", "method", "nodes"}
SAID = {"messages"}
PERSON = {
    "id", "schema_id", "schema_url", "state", "state_changed_at", "traits", "metadata_public", "organization_id",
    "verifiable_addresses", "recovery_addresses", "created_at", "updated_at",
}  # fmt: skip
RECOVERY_ADDRESS = {"id", "value", "via", "created_at", "updated_at"}
ADDRESS = {*RECOVERY_ADDRESS, "verified", "status"}
SESSION = {
    "id", "active", "expires_at", "authenticated_at", "issued_at", "authenticator_assurance_level",
    "authentication_methods", "devices", "identity",
}  # fmt: skip
METHOD = {"method", "aal", "completed_at"}
DEVICE = {"id", "ip_address", "user_agent", "location"}

TRAITS = ["traits.email", "traits.name.first", "traits.name.last", "traits.newsletter", "traits.age"]
SIGN_IN = ["csrf_token", "identifier", "method", "password", "method"]
SIGN_UP = ["csrf_token", *TRAITS, "method", "password", "method"]
SIGN_UP_CODE = ["csrf_token", *TRAITS, "method", "code", "method", "resend"]
SETTINGS = ["csrf_token", *TRAITS, "method", "password", "method"]
RECOVER = ["csrf_token", "email", "method"]
RECOVER_CODE = ["csrf_token", "code", "method", "method", "email"]
CODE = {
    "api": ["identifier", "method", "code", "method", "resend"],
    "browser": ["identifier", "method", "code", "method", "resend", "csrf_token"],
}
VERIFY = {"api": ["email", "method"], "browser": ["email", "method", "csrf_token"]}
DONE = ["csrf_token", "continue"]

# slot, method of the submission -> what is in `ctx` beside TOP; keys of `flow` beside FLOW; state; active; the ids of
# the messages; the names of the nodes (None: no nodes), where they differ by type of the flow one list for each
Row = tuple[set[str], set[str], str, str | None, list[int], Any]
AFTER = {"identity"}
SIGNED = {"identity", "session"}
CHANGED = {"identity", "session", "previous_identity"}
BEFORE: dict[str, Row] = {
    "login": (set(), LOGIN, "choose_method", None, [], SIGN_IN),
    "registration": (set(), {"organization_id"}, "choose_method", None, [], SIGN_UP),
    "recovery": (set(), {"active"}, "choose_method", "code", [], RECOVER),
    "verification": (set(), {"active"}, "choose_method", "code", [], VERIFY),
    "settings": ({"session"}, {"identity"}, "show_form", None, [], None),
}
PAID = {"transient_payload"}
TABLE: dict[tuple[str, str, str], Row] = {
    **{
        ("login", "password", timing): (SIGNED, LOGIN | PAID | {"active"}, "choose_method", "password", [], SIGN_IN)
        for timing in ("parse", "plain", "ignore")
    },
    **{
        ("login", "code", timing): (SIGNED, LOGIN | PAID | {"active"}, "passed_challenge", "code", [1010014], CODE)
        for timing in ("parse", "plain", "ignore")
    },
    **{
        ("registration", "password", timing): (
            AFTER, PAID | {"organization_id"}, "choose_method", None, [], SIGN_UP,
        )
        for timing in ("parse", "plain", "ignore")
    },
    **{
        ("registration", "code", timing): (
            AFTER, PAID | {"organization_id", "active"}, "passed_challenge", "code", [1040005], SIGN_UP_CODE,
        )
        for timing in ("parse", "plain", "ignore")
    },
    **{
        ("recovery", "code", timing): (AFTER, PAID | {"active"}, "passed_challenge", "code", [], RECOVER_CODE)
        for timing in ("parse", "plain", "ignore")
    },
    **{
        ("verification", "code", timing): (AFTER, PAID | {"active"}, "passed_challenge", "code", [1080002], DONE)
        for timing in ("parse", "plain", "ignore")
    },
    **{
        ("settings", method, timing): (
            CHANGED,
            PAID | {"identity"},
            "show_form" if timing == "parse" else "success",
            None,
            [] if timing == "parse" else [1050001],
            SETTINGS,
        )
        for method in ("profile", "password")
        for timing in ("parse", "plain", "ignore")
    },
}  # fmt: skip

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def check_person(person: JsonDict) -> None:
    verified = {"verified_at"} if person["verifiable_addresses"][0]["verified"] else set()
    assert set(person) == PERSON
    assert [set(one) for one in person["verifiable_addresses"]] == [ADDRESS | verified]
    assert [set(one) for one in person["recovery_addresses"]] == [RECOVERY_ADDRESS]
    assert person["schema_url"] == "http://127.0.0.1:4433/schemas/cGVyc29u"


def check_session(session: JsonDict) -> None:
    assert set(session) == SESSION
    assert [set(one) for one in session["authentication_methods"]] == [METHOD]
    assert [set(one) for one in session["devices"]] == [DEVICE]
    check_person(session["identity"])


def check_values(value: Any, path: str = "") -> None:
    """Times are RFC 3339 in UTC, ids UUIDs that the official clients take, and none of them is a zero."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key.endswith("_at"):
                assert STAMP.fullmatch(part), f"{path}.{key}"
                assert not part.startswith("0001"), f"{path}.{key}"
            elif key == "id" and "nodes" not in path and "messages" not in path:
                assert UUID.fullmatch(part), f"{path}.{key}"
                assert part != "00000000-0000-0000-0000-000000000000", f"{path}.{key}"
            check_values(part, f"{path}.{key}")
    elif isinstance(value, list):
        for part in value:
            check_values(part, path + "[]")


def check(ctx: JsonDict, row: Row, type_: str) -> None:
    """A context document against its row of the table."""
    beside, flow_keys, state, active, said, nodes = row
    flow = ctx["flow"]
    assert set(ctx) == TOP | beside
    assert set(flow) == FLOW | flow_keys
    assert set(flow["ui"]) == UI | (SAID if said else set())
    assert (flow["type"], flow["state"], flow.get("active")) == (type_, state, active)
    assert [one["id"] for one in flow["ui"].get("messages", [])] == said
    drawn = flow["ui"]["nodes"]
    names = drawn and [one["attributes"].get("name") or one["attributes"]["id"] for one in drawn]
    assert names == (nodes[type_] if isinstance(nodes, dict) else nodes)
    if "identity" in beside:
        check_person(ctx["identity"])
    if "session" in beside:
        check_session(ctx["session"])
    if "identity" in flow_keys:
        check_person(flow["identity"])
    if "previous_identity" in beside:
        check_person(ctx["previous_identity"])
    check_values(ctx)


async def submit(house: House, kind: str, method: str, type_: str) -> None:
    """One submission of this method, in a flow of this type, that comes to its end."""
    token = (await house.sign_in()).session_token if kind == "settings" else None
    flow = await house.start(kind, type=type_, session_token=token)
    values: Any
    if method == "code":
        new = {"traits": {"email": "bob@example.org"}}
        values = {"login": {"identifier": ADA}, "registration": new}.get(kind, {"email": ADA})
        await house.engine.submit(flow.id, method="code", values=values)
        values = {"code": house.code}
    elif kind == "settings":
        values = {"traits": {"email": ADA, "age": 50}} if method == "profile" else {"password": "another secret"}
    else:
        values = {"identifier": ADA, "traits": {"email": "bob@example.org"}, "password": PASSWORD}
    await house.engine.submit(flow.id, method=method, values=values, session_token=token)


@pytest.mark.parametrize("type_", ["api", "browser"])
@pytest.mark.parametrize("kind", sorted(BEFORE))
async def test_before(kind: str, type_: str) -> None:
    async with open_house({f"{kind}.before": [parse("/parse"), hook("/plain"), ignore("/ignore")]}) as house:
        await house.register(traits={"name": {"first": "Ada"}})
        token = (await house.sign_in()).session_token if kind == "settings" else None
        house.sink.received.clear()
        await house.start(kind, type=type_, session_token=token)
        await house.sink.wait(3)
        for path in ("/parse", "/plain", "/ignore"):
            check(house.sent(path), BEFORE[kind], type_)


@pytest.mark.parametrize("type_", ["api", "browser"])
@pytest.mark.parametrize(("kind", "method"), sorted({slot[:2] for slot in TABLE}))
async def test_after(kind: str, method: str, type_: str) -> None:
    async with open_house({f"{kind}.after": [parse("/parse"), hook("/plain"), ignore("/ignore")]}) as house:
        await house.register(traits={"name": {"first": "Ada"}})
        await house.until("DeliveryDelivered", 1)
        if kind == "registration":
            await house.sink.wait(3)
        house.sink.received.clear()
        await submit(house, kind, method, type_)
        await house.sink.wait(3)
        for timing in ("parse", "plain", "ignore"):
            check(house.sent(f"/{timing}"), TABLE[kind, method, timing], type_)


# ------------------------------------------------------------------------------------------- what is there on demand


async def test_return_to_stands_in_the_flow_where_it_was_asked_for() -> None:
    async with open_house({"login.before": [hook("/before")]}) as house:
        url = "http://127.0.0.1:4455/after"
        await house.start("login", return_to=url)
        assert house.sent("/before")["flow"]["return_to"] == url


async def test_metadata_and_external_id_stand_where_they_are_set() -> None:
    async with open_house({"registration.after": [parse("/parse")], "login.after": [hook("/login")]}) as house:
        parts: JsonDict = {"metadata_public": {"a": 1}, "metadata_admin": {"b": 2}, "external_id": "crm-1"}
        house.sink.script("/parse", identity(**parts))
        await house.register()
        await house.sign_in()
        seen = house.sent("/login")
        for person in (seen["identity"], seen["session"]["identity"]):
            assert {name: person[name] for name in parts} == parts
        assert set(seen["identity"]) == PERSON | {"metadata_admin", "external_id"}


async def test_a_form_filled_in_wrongly_before_shows_as_it_stood() -> None:
    """Kratos leaves the refused fields and their messages in the `ui` that a later action is given."""
    async with open_house({"registration.after": [parse("/parse")]}) as house:
        flow = await house.start("registration")
        bad = {"traits": {"email": ADA, "age": 5}, "password": PASSWORD}
        await house.engine.submit(flow.id, method="password", values=bad)
        good = {"traits": {"email": ADA}, "password": PASSWORD}
        await house.engine.submit(flow.id, method="password", values=good)
        nodes = {node["attributes"]["name"]: node for node in house.sent("/parse")["flow"]["ui"]["nodes"]}
        assert nodes["traits.age"]["attributes"]["value"] == 5
        assert [message["id"] for message in nodes["traits.age"]["messages"]] == [4000018]


async def test_what_is_submitted_at_once_stands_in_no_field_of_a_registration() -> None:
    """It is in `identity`; in the form Kratos keeps what was refused, or carried over from an earlier step."""
    async with open_house({"registration.after": [parse("/parse"), hook("/plain")]}) as house:
        await house.register(traits={"name": {"first": "Ada"}})
        for path in ("/parse", "/plain"):
            nodes = [node["attributes"] for node in house.sent(path)["flow"]["ui"]["nodes"]]
            assert not [node for node in nodes if node["name"].startswith("traits.") and "value" in node]


async def test_settings_that_were_refused_before_show_what_is_stored_now() -> None:
    hooks = {"settings.after": [parse("/parse"), hook("/plain")]}
    async with open_house(hooks) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        for age in ("old", 50):
            values = {"traits": {"email": ADA, "age": age}}
            await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        for path in ("/parse", "/plain"):
            nodes = {node["attributes"]["name"]: node for node in house.sent(path)["flow"]["ui"]["nodes"]}
            assert (nodes["traits.age"]["attributes"]["value"], nodes["traits.age"]["messages"]) == (50, [])


async def test_the_form_of_who_confirms_that_it_is_them_is_theirs_before_it_opens() -> None:
    by_password = {"methods": {"code": {"passwordless_enabled": False}}}
    async with open_house({"login.before": [hook("/before")]}, selfservice=by_password) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.start("login", refresh=True, session_token=token)
        nodes = house.sent("/before")["flow"]["ui"]["nodes"]
        assert nodes == flow.ui.plain()["nodes"]
        assert [node["attributes"].get("value") for node in nodes][1] == ADA


# ---------------------------------------------------------------------------------------------------- whose it is


@pytest.mark.parametrize("kind", ["login", "recovery", "verification"])
async def test_an_address_that_a_code_proves_is_shown_verified_and_is_it_after_the_commit(kind: str) -> None:
    """As Kratos sends it; else a check for verified addresses could never let anybody prove one by signing in."""
    async with open_house({f"{kind}.after": [parse("/parse"), hook("/plain"), ignore("/ignore")]}) as house:
        await house.register()
        flow = await house.ask_code(kind)
        house.sink.script("/parse", messages(("#/", 7, "not now")))
        await house.give_code(flow)
        assert not house.log("AddressVerified")
        house.sink.script("/parse", Reply(204))
        assert (await house.give_code(flow)).completed
        await house.sink.wait(4)
        for received in house.sink.received:
            ctx = json.loads(received.body)
            for person in (ctx["identity"], *([ctx["session"]["identity"]] if kind == "login" else [])):
                (address,) = person["verifiable_addresses"]
                assert (address["verified"], address["status"]) == (True, "completed"), received.path
                assert STAMP.fullmatch(address["verified_at"])


async def test_settings_show_in_their_flow_and_session_who_the_person_was() -> None:
    """Kratos shows the change in `identity` alone, so a target can compare."""
    hooks = {"settings.after": [parse("/parse"), hook("/plain")], "settings.before": [hook("/before")]}
    async with open_house(hooks) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        values = {"traits": {"email": "ada@new.example"}}
        await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        before = house.sent("/before")
        assert (
            before["flow"]["identity"]["traits"]
            == before["session"]["identity"]["traits"]
            == {"email": ADA, "name": {}}
        )
        for path in ("/parse", "/plain"):
            ctx = house.sent(path)
            was = ctx["previous_identity"]
            assert ctx["identity"]["traits"]["email"] == "ada@new.example"
            assert ctx["flow"]["identity"] == ctx["session"]["identity"] == was
            assert (was["traits"]["email"], was["verifiable_addresses"][0]["value"]) == (ADA, ADA)


async def test_the_first_change_after_a_recovery_shows_that_it_comes_after_one() -> None:
    hooks = {"settings.after": [parse("/parse"), hook("/plain")]}
    async with open_house(hooks) as house:
        await house.register()
        for passwords, said in ((["a new beginning"], [1060001]), (["short", "another beginning"], [])):
            outcome = await house.give_code(await house.ask_code("recovery"))
            settings, token = outcome.continue_with[-1]["flow"]["id"], outcome.session_token
            for password in passwords:
                values = {"password": password}
                await house.engine.submit(settings, method="password", values=values, session_token=token)
            shown = [
                [one["id"] for one in house.sent(path)["flow"]["ui"].get("messages", [])]
                for path in ("/parse", "/plain")
            ]
            assert shown == [said, [1050001]]
