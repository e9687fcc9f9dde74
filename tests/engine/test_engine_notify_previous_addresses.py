"""`notify_previous_addresses`: the addresses from before a change are told of it."""

from typing import Any

import pytest

from limen.adapters import open_engine
from limen.domain import ConfigurationInvalid
from limen.domain.testing import FixedClock, MemoryCourier
from tests.support.addresses import (
    NEW,
    PROFILE,
    RESCUE,
    VERIFY_NEW,
    arrive,
    awaited,
    change,
    notify,
    own_rescue,
    traits,
    two_addresses,
)
from tests.support.engine import ADA, NOON, PASSWORD, House, configuration, hook, open_house, parse
from tests.support.engine import messages as said
from tests.support.smtp import smtp_sink

TEMPLATE = "verifiable_address_changed"
SECOND = "second@example.org"


def told(house: House) -> list[str]:
    """Who was told of a change."""
    return sorted(mail.to for mail in house.courier.messages if mail.template == TEMPLATE)


@pytest.mark.parametrize(
    ("recipients", "expected"),
    [(None, [ADA]), ("removed", [ADA]), ("all_verified", [SECOND]), ("all", [ADA, SECOND])],
)
async def test_who_is_told_when_one_address_takes_the_place_of_another(
    recipients: str | None, expected: list[str]
) -> None:
    """Of two addresses the second was verified; the first is given up."""
    async with open_house({PROFILE: [notify(recipients)]}, identity=two_addresses()) as house:
        token = await arrive(house, second=SECOND)
        assert (await house.verify(SECOND)).completed
        assert (await change(house, token, NEW, second=SECOND)).completed
        assert told(house) == expected
        assert NEW not in told(house)


@pytest.mark.parametrize("recipients", ["removed", "all_verified", "all"])
async def test_nobody_is_told_where_no_address_changed(recipients: str) -> None:
    async with open_house({PROFILE: [notify(recipients)]}, identity=two_addresses()) as house:
        token = await arrive(house, verified=True)
        assert (await change(house, token, ADA, age=36)).completed
        assert told(house) == []


@pytest.mark.parametrize(("recipients", "expected"), [("removed", []), ("all_verified", [ADA]), ("all", [ADA])])
async def test_a_further_address_is_a_change_too(recipients: str, expected: list[str]) -> None:
    async with open_house({PROFILE: [notify(recipients)]}, identity=two_addresses()) as house:
        token = await arrive(house, verified=True)
        assert (await change(house, token, ADA, second=SECOND)).completed
        assert told(house) == expected


async def test_a_phone_is_told_nothing() -> None:
    async with open_house({PROFILE: [notify("all")]}, identity=two_addresses()) as house:
        token = await arrive(house, phone="+4930123456")
        assert (await change(house, token, ADA)).completed
        assert told(house) == [ADA]


@pytest.mark.parametrize(
    ("recipients", "when_it_comes", "when_it_goes"),
    [(None, [], [RESCUE]), ("all_verified", [ADA], [ADA]), ("all", [ADA], [ADA, RESCUE])],
)
async def test_an_address_that_only_recovers_is_one_too(
    recipients: str | None, when_it_comes: list[str], when_it_goes: list[str]
) -> None:
    """Who has it may take the account over, so its owner is told that it came, and that it went."""
    async with open_house({PROFILE: [notify(recipients)]}, identity=own_rescue()) as house:
        token = await arrive(house, verified=True)
        assert (await change(house, token, ADA, rescue=RESCUE)).completed
        assert told(house) == when_it_comes
        assert (await change(house, token, ADA, rescue="other@example.org")).completed
        assert told(house) == sorted([*when_it_comes, *when_it_goes])
        assert (await change(house, token, ADA, rescue="OTHER@example.org", age=36)).completed
        assert told(house) == sorted([*when_it_comes, *when_it_goes]), "nothing changed but a name"


async def test_a_change_that_waits_is_told_when_it_comes_true() -> None:
    async with open_house({PROFILE: [VERIFY_NEW, notify()]}) as house:
        token = await arrive(house, verified=True)
        verification = await awaited(house, await change(house, token))
        assert told(house) == []
        assert (await house.give_code(verification)).completed
        assert told(house) == [ADA]
        assert (await house.sign_in(NEW)).completed


async def test_the_message_goes_out_though_the_process_that_promised_it_is_gone(tmp_path: Any) -> None:
    """It is a delivery, written with the change."""
    store = f"sqlite:///{tmp_path}/limen.db"
    async with open_house({PROFILE: [notify()]}, store=store, courier=Silent(), worker=False) as house:
        token = await arrive(house)
        assert (await change(house, token)).completed
        assert await traits(house, token) == {"email": NEW}
    clock = FixedClock(NOON)
    clock.advance(3600)
    async with open_house({PROFILE: [notify()]}, store=store, clock=clock) as house:
        await house.until("DeliveryDelivered", 3)
        assert told(house) == [ADA]


class Silent(MemoryCourier):
    """A courier that breaks off at a notice."""

    async def send(self, mail: Any, *, id: Any) -> None:
        if mail.template == TEMPLATE:
            raise ConnectionError
        await super().send(mail, id=id)


async def test_a_server_gets_it_and_it_says_nothing_that_is_nobodys_business() -> None:
    async with smtp_sink() as sink:
        courier = {"smtp": {"connection_uri": f"smtp://127.0.0.1:{sink.port}/?disable_starttls=true"}}
        config = configuration({PROFILE: [notify()], "registration.after": [{"hook": "session"}]}, courier=courier)
        config["selfservice"]["flows"]["verification"]["enabled"] = False
        async with open_engine(config, "memory:") as engine:
            flow = await engine.start("registration")
            values = {"traits": {"email": ADA}, "password": PASSWORD}
            token = (await engine.submit(flow.id, method="password", values=values)).session_token
            flow = await engine.start("settings", session_token=token)
            changed = {"traits": {"email": NEW, "name": {"first": "Augusta"}}}
            outcome = await engine.submit(flow.id, method="profile", values=changed, session_token=token)
            while not sink.received:
                await engine.tools.clock.sleep(0.02)
        (message,) = sink.received
        assert message["To"] == ADA
        text = message.get_content()
        assert outcome.identity is not None
        assert str(outcome.identity.id) in text
        assert not [word for word in (NEW, ADA, "Augusta", str(token)) if word in text]


async def test_an_action_before_it_may_still_say_no() -> None:
    async with open_house({PROFILE: [notify(), parse("/check"), hook("/told")]}) as house:
        token = await arrive(house)
        house.sink.script("/check", said(("#/", 1234, "no")))
        await change(house, token)
        assert (told(house), house.called()) == ([], ["/check"])


@pytest.mark.parametrize(
    ("slot", "entry", "place"),
    [
        (PROFILE, notify("everybody"), "/settings/after/profile/hooks/0/config/recipients"),
        (PROFILE, {**notify(), "config": {"who": "all"}}, "/settings/after/profile/hooks/0/config/who"),
        ("settings.after", notify(), "/settings/after/hooks/0/hook"),
        ("settings.after.password", notify(), "/settings/after/password/hooks/0/hook"),
        ("login.after", notify(), "/login/after/hooks/0/hook"),
    ],
)
async def test_a_wrong_entry_is_refused(slot: str, entry: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        async with open_house({slot: [entry]}):
            pass
    assert [fault.path for fault in refused.value.faults] == [f"/selfservice/flows{place}"]
