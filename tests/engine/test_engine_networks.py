"""Where a flow is asked for and submitted from goes on the record as a keyed hash; and whom it was about, unseen."""

from typing import Any

import pytest

from limen.adapters.log import LogEntry
from limen.domain import Outcome, Request
from limen.domain.network import hashed
from tests.support.engine import ADA, PASSWORD, House, open_house

HOME = Request(client_ip="203.0.113.7")
PROXIED = Request(headers={"true-client-ip": "198.51.100.4"}, client_ip="10.0.0.1")
WRONG = {"identifier": ADA, "password": "not the one"}


def networks(house: House, named: str) -> list[str | None]:
    return [entry.data["network"] for entry in house.log(named)]


def keyed(house: House, network: str) -> str:
    return str(hashed(house.engine.tools.keyring, network))


async def test_the_address_is_the_one_that_sessions_show() -> None:
    async with open_house() as house:
        flow = await house.start("login", request=PROXIED)
        await house.engine.submit(flow.id, method="password", values=WRONG, request=PROXIED)
        await house.engine.submit(flow.id, method="none", values={}, request=HOME)
        assert networks(house, "FlowInitiated") == [keyed(house, "198.51.100.0/24")]
        assert networks(house, "MethodSubmitted") == [keyed(house, "198.51.100.0/24")]
        assert networks(house, "SubmissionDismissed") == [keyed(house, "203.0.113.0/24")]


async def test_neighbours_share_a_hash_and_others_do_not() -> None:
    async with open_house() as house:
        for address in ("203.0.113.7", "203.0.113.250", "::ffff:203.0.113.9", "203.0.114.7", "2001:db8::1"):
            await house.start("login", request=Request(client_ip=address))
        one, two, mapped, other, six = networks(house, "FlowInitiated")
        assert one == two == mapped
        assert len({one, other, six}) == 3


@pytest.mark.parametrize("address", [None, "", "unix:", "203.0.113.7:443", "999.1.1.1"])
async def test_what_is_no_address_leaves_no_hash_and_stops_nothing(address: str | None) -> None:
    async with open_house() as house:
        await house.register(request=Request(client_ip=address))
        assert (await house.sign_in(request=Request(client_ip=address))).completed
        assert set(networks(house, "MethodSubmitted")) == {None}


async def test_a_verification_that_starts_by_itself_comes_from_where_its_flow_came_from() -> None:
    async with open_house() as house:
        flow = await house.start("registration", request=HOME)
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        await house.engine.submit(flow.id, method="password", values=values, request=PROXIED)
        assert networks(house, "FlowInitiated") == [keyed(house, "203.0.113.0/24")] * 2


async def test_a_change_of_master_key_leaves_the_hashes_as_they_were(tmp_path: Any) -> None:
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    old, new = "an-old-secret-of-32-characters-x", "a-new-secret-of-32-characters-xx"
    for ciphers in ([old], [new, old]):
        async with open_house(store=store, secrets={"cipher": ciphers}) as house:
            await house.start("login", request=HOME)
            first, *more = networks(house, "FlowInitiated")
    assert more == [first]


# ---------------------------------------------------------------------------------------------------- whom it was about


def refusals(house: House) -> list[LogEntry]:
    return house.log("MethodRefused")


async def test_a_refusal_names_whose_identifier_was_given_and_nobody_for_a_strangers() -> None:
    async with open_house() as house:
        ada = (await house.register()).flow.identity_id
        await house.sign_in(password="not the one")
        await house.sign_in("nobody@example.org", "not the one")
        await house.register()
        code = await house.ask_code("login")
        await house.give_code(code, "000000")
        assert [(one.data["reason"], one.data["identity_id"]) for one in refusals(house)] == [
            ("credentials", str(ada)),
            ("credentials", None),
            ("duplicate", str(ada)),
            ("wrong_code", str(ada)),
        ]


async def test_what_was_typed_that_nobody_holds_leaves_nothing_in_the_log_that_it_could_be_compared_with() -> None:
    async with open_house() as house:
        await house.sign_in("correct horse battery", "not the one")
        reservation = house.engine.tools.keyring.derive("identifier", "correct horse battery")
        assert str(reservation) not in str(house.log())


async def test_a_challenge_names_to_whom_its_code_went() -> None:
    async with open_house() as house:
        ada = (await house.register()).flow.identity_id
        await house.ask_code("recovery")
        await house.ask_code("recovery", "nobody@example.org")
        assert [one.data["identity_id"] for one in house.log("ChallengeSent")] == [str(ada), None]


async def test_a_client_is_shown_the_same_for_a_known_and_an_unknown_identifier() -> None:
    async with open_house() as house:
        ada = (await house.register()).flow.identity_id
        known, unknown = (
            await house.sign_in(password="not the one"),
            await house.sign_in("adb@example.org", "not the one"),
        )
        assert seen(known) == seen(unknown).replace("adb@", "ada@")
        assert str(ada) not in seen(known)
        asked = [await house.ask_code("recovery", one) for one in (ADA, "adb@example.org")]
        assert str(asked[0].body.plain()["ui"]["nodes"]).replace("ada@", "adb@") == str(
            asked[1].body.plain()["ui"]["nodes"]
        )
        for view in (known.flow, *asked):
            assert view.identity_id is None
            assert str(ada) not in str(view.body.plain())


def seen(outcome: Outcome) -> str:
    """The form as a client gets it, without what names the flow."""
    body = outcome.flow.body.plain()
    return str({"state": body.get("state"), **body["ui"], "action": ""})
