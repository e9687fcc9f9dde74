"""What a new password has to be (NIST SP 800-63B §5.1.1.2, Kratos' policy), and that a list of breached ones is asked.

The list is a real server over TLS on loopback.
"""

import hashlib
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from limen.adapters.sink import Reply
from limen.domain import Outcome, RequestRefused
from limen.domain.ports import Step
from tests.support.breaches import BreachList, breach_list
from tests.support.engine import ADA, PASSWORD, House, open_house, shown

LEAKED = "correct horse staple"


@pytest.fixture
async def breached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BreachList]:
    async with breach_list(tmp_path, monkeypatch) as opened:
        opened.leaked[LEAKED] = 3
        yield opened


def house_of(config: dict[str, Any], **sections: Any) -> AbstractAsyncContextManager[House]:
    """A house with this policy."""
    return open_house(selfservice={"methods": {"password": {"config": config}}}, **sections)


@asynccontextmanager
async def asking(listed: BreachList, **config: Any) -> AsyncIterator[House]:
    async with house_of({**listed.config, **config}) as house:
        yield house


async def change(house: House, password: Any, token: str | None = None) -> Outcome:
    """A password is set in settings."""
    token = token or (await house.sign_in()).session_token
    flow = await house.start("settings", session_token=token)
    return await house.engine.submit(flow.id, method="password", values={"password": password}, session_token=token)


# ----------------------------------------------------------------------------------------------------------- the policy

REFUSED: dict[str, tuple[Any, list[int]]] = {
    "too short": ("abcdefg", [4000032]),
    "too short in characters, not in bytes": ("пароль", [4000032]),
    "too long": ("a b" * 2000, [4000033]),
    "too much like the identifier": (ADA, [4000031]),
    "the identifier and a little": (f"{ADA}1", [4000031]),
    "the identifier, in wide letters": ("".join(chr(ord(letter) + 0xFEE0) for letter in ADA), [4000031]),
    "too short once it is composed": ("e\u0301" * 7, [4000032]),
    "none": ("", [4000002]),
    "no text": (12345678, [4000026]),
}
TAKEN = ["aaaaaaaa", "12345678", "пароль мой", "        x", "eight 👍👍👍", "\u0001\u0002 control", "x" * 4096]
"""No composition rules: any character, spaces and signs from outside ASCII among them, and none is asked for."""


@pytest.mark.parametrize("kind", ["registration", "settings"])
@pytest.mark.parametrize("why", REFUSED)
async def test_what_is_refused_is_refused_wherever_a_password_is_set(kind: str, why: str) -> None:
    password, ids = REFUSED[why]
    async with open_house() as house:
        if kind == "settings":
            await house.register()
        outcome = await (house.register(password=password) if kind == "registration" else change(house, password))
        assert (outcome.completed, shown(outcome)) == (False, {"password": ids})


@pytest.mark.parametrize("password", TAKEN)
async def test_whatever_is_long_enough_is_taken(password: str) -> None:
    async with open_house() as house:
        assert (await house.register(password=password)).completed
        assert (await house.sign_in(password=password)).completed
        assert not (await house.sign_in(password=f"{password[:-1]}y")).completed


async def test_length_and_similarity_are_as_configured() -> None:
    async with house_of({"min_password_length": 12, "identifier_similarity_check_enabled": False}) as house:
        assert shown(await house.register(password="elevenchars")) == {"password": [4000032]}
        assert (await house.register(password=ADA)).completed


async def test_bcrypt_takes_72_bytes_and_says_so_on_the_field() -> None:
    async with open_house(hashers={"algorithm": "bcrypt", "bcrypt": {"cost": 4}}) as house:
        refused = await house.register(password="é" * 37)
        (message,) = next(node for node in refused.flow.ui.nodes if node.attributes.name == "password").messages
        assert (message.id, message.context.plain()) == (4000033, {"max_length": 72, "actual_length": 74})
        assert (await house.register(password="é" * 36)).completed


async def test_the_password_in_force_is_no_new_one() -> None:
    async with open_house() as house:
        await house.register()
        assert shown(await change(house, PASSWORD)) == {"password": [4000039]}
        assert (await change(house, "another horse battery")).completed


async def test_an_old_session_learns_nothing_of_the_password_in_force() -> None:
    """Else whoever holds a session could guess at it here, however often."""
    async with open_house(session={"lifespan": "100h"}) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        house.clock.advance(3601)
        for password in (PASSWORD, "another horse battery", "short"):
            with pytest.raises(RequestRefused) as refused:
                await change(house, password, token)
            assert refused.value.id == "session_refresh_required"


# ---------------------------------------------------------------------------------------------------------- one Unicode


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
async def test_it_does_not_matter_which_keyboard_composed_a_letter(form: str) -> None:
    """NIST SP 800-63B §5.1.1.2: normalized before it is hashed."""
    async with open_house() as house:
        password = "größer als Ångström"
        await house.register(password=normalize("NFD", password))
        typed = normalize(form, password)  # type: ignore[arg-type]  # a form by its name
        assert (await house.sign_in(password=typed)).completed


async def test_a_hash_of_what_was_typed_still_counts() -> None:
    """Hashes made by Kratos, or before passwords were normalized."""
    async with open_house() as house:
        typed = normalize("NFD", "größer als Ångström")
        outcome = await house.register()
        assert outcome.identity is not None
        desk = await house.engine.current()
        method: Any = desk.methods["password"]
        identity = await desk.people.holder(ADA)
        assert identity is not None
        row = desk.people.credential_row(identity.id, "password", await method.hasher.hash(typed))
        await house.engine.streams.store.append(Step(put=[row]))
        assert (await house.sign_in(password=typed)).completed
        assert not (await house.sign_in(password=PASSWORD)).completed


# -------------------------------------------------------------------------------------------------- breached passwords


@pytest.mark.parametrize("kind", ["registration", "settings"])
async def test_a_breached_password_is_refused_wherever_one_is_set(kind: str, breached: BreachList) -> None:
    async with asking(breached) as house:
        if kind == "settings":
            await house.register()
        outcome = await (house.register(password=LEAKED) if kind == "registration" else change(house, LEAKED))
        (message,) = next(node for node in outcome.flow.ui.nodes if node.attributes.name == "password").messages
        assert (message.id, message.context.plain()) == (4000034, {"breaches": 3})
        assert not outcome.completed
        assert [entry.data["reason"] for entry in house.log("MethodRefused")] == ["password"]


async def test_five_characters_of_a_hash_are_all_that_leaves_and_padding_is_asked_for(breached: BreachList) -> None:
    async with asking(breached) as house:
        assert (await house.register()).completed
        (request,) = breached.received
        digest = hashlib.sha1(PASSWORD.encode()).hexdigest().upper()
        assert (request.method, request.target, request.body) == ("GET", f"/range/{digest[:5]}", b"")
        assert request.header("Add-Padding") == "true"
        sent = str(request.headers)
        assert digest[5:10] not in sent
        assert "Ory-" not in sent
        assert {name.lower() for name, _ in request.headers} <= {
            *("host", "user-agent", "add-padding", "accept", "accept-encoding", "connection"),
        }


async def test_it_is_asked_about_fit_passwords_alone_and_never_at_login(breached: BreachList) -> None:
    async with asking(breached, min_password_length=10) as house:
        await house.register(password="short")
        await house.register(password=ADA)
        await house.register("x", password=PASSWORD)
        assert breached.asked == []
        await house.register()
        assert len(breached.asked) == 1
        breached.leaked[PASSWORD] = 1000
        assert (await house.sign_in()).completed
        assert not (await house.sign_in(password=LEAKED)).completed
        assert len(breached.asked) == 1


@pytest.mark.parametrize(("count", "most", "taken"), [(3, 2, False), (3, 3, True), (1, 0, False), (0, 0, True)])
async def test_as_often_as_max_breaches_is_forgiven(count: int, most: int, taken: bool, breached: BreachList) -> None:
    breached.leaked[LEAKED] = count
    async with asking(breached, max_breaches=most) as house:
        assert (await house.register(password=LEAKED)).completed is taken


async def test_switched_off_nobody_is_asked(breached: BreachList) -> None:
    async with asking(breached, haveibeenpwned_enabled=False) as house:
        assert (await house.register(password=LEAKED)).completed
        assert breached.asked == []


async def test_private_addresses_are_refused_as_for_web_hooks(breached: BreachList) -> None:
    host = breached.config["haveibeenpwned_host"]
    for exceptions, taken in (([], True), ([f"https://{host}/range/"], False)):
        http = {"disallow_private_ip_ranges": True, "private_ip_exception_urls": exceptions}
        async with house_of(breached.config, clients={"http": http}) as house:
            assert (await house.register(password=LEAKED)).completed is taken
    assert len(breached.asked) == 1


OTHER = "F" * 35


@pytest.mark.parametrize(
    ("body", "breaches"), [("{}:1,234\r\n", 1234), ("{}\n", 1), (f"\n{OTHER}:5\n", None), ("", None)]
)
async def test_answers_are_read_as_they_are_given(body: str, breaches: int | None, breached: BreachList) -> None:
    breached.broken = Reply(200, body.format(hashlib.sha1(LEAKED.encode()).hexdigest()[5:]).encode())
    async with asking(breached, ignore_network_errors=False) as house:
        outcome = await house.register(password=LEAKED)
        assert outcome.completed is (breaches is None)
        if breaches:
            (message,) = next(node for node in outcome.flow.ui.nodes if node.attributes.name == "password").messages
            assert message.context.plain() == {"breaches": breaches}


# ------------------------------------------------------------------------------------------- where it cannot be asked

BROKEN: dict[str, Reply] = {
    "an error": Reply(503),
    "a redirect": Reply(302, headers=(("Location", "https://elsewhere.example/"),)),
    "nothing": Reply(fault="close"),
    "no HTTP": Reply(fault="garbage"),
    "half an answer": Reply(200, b"0" * 35 + b":1", fault="halfway"),
    "a log-in page": Reply(200, b"<html>Welcome to our network</html>"),
    "a count that is none": Reply(200, b"0" * 35 + b":many"),
    "without an end": Reply(200, fault="flood"),
}


@pytest.mark.parametrize("why", BROKEN)
async def test_an_unusable_answer_lets_a_password_pass_or_refuses_it_as_configured(
    why: str, breached: BreachList, caplog: pytest.LogCaptureFixture
) -> None:
    breached.broken = BROKEN[why]
    with caplog.at_level(logging.WARNING):
        async with asking(breached) as house:
            assert (await house.register(password=LEAKED)).completed
    (record,) = [record for record in caplog.records if record.name == "limen.password"]
    digest = hashlib.sha1(LEAKED.encode()).hexdigest().upper()
    assert "localhost" in record.getMessage()
    assert not re.search(f"{digest[:5]}|{LEAKED}", record.getMessage(), re.IGNORECASE)
    async with asking(breached, ignore_network_errors=False) as house:
        refused = await house.register(password=LEAKED)
        assert (refused.completed, shown(refused)) == (False, {"password": [4000005]})
        assert digest[:5] not in str(refused.flow.body.plain())
        breached.broken, breached.leaked = None, {}
        assert (await house.register(password=LEAKED)).completed


async def test_a_certificate_nobody_trusts_is_no_answer(breached: BreachList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    async with asking(breached, ignore_network_errors=False) as house:
        assert shown(await house.register()) == {"password": [4000005]}
    assert breached.asked == []


async def test_a_list_that_does_not_answer_holds_up_one_and_nobody_after_it(breached: BreachList) -> None:
    breached.broken = Reply(fault="hang")
    async with asking(breached) as house:
        began = time.monotonic()
        assert (await house.register(password=LEAKED)).completed
        assert 1.5 < time.monotonic() - began < 8
        began = time.monotonic()
        assert (await house.register("bob@example.org", password=LEAKED)).completed
        assert time.monotonic() - began < 1.5
        assert len(breached.asked) == 1


async def test_what_cannot_be_reached_is_left_alone_for_longer_each_time(breached: BreachList) -> None:
    breached.broken = Reply(503)
    async with asking(breached) as house:
        for number, pause in enumerate([0, 10, 20, 40, 80, 160, 300, 300]):
            if pause:
                house.clock.advance(pause - 1)
                assert (await house.register(f"early{number}@example.org", LEAKED)).completed
                house.clock.advance(1)
            assert (await house.register(f"late{number}@example.org", LEAKED)).completed
            assert len(breached.asked) == number + 1
        house.clock.advance(300)
        breached.broken = None
        for _ in range(2):
            assert shown(await house.register("last@example.org", LEAKED)) == {"password": [4000034]}


async def test_where_nothing_passes_unchecked_every_password_is_asked_about(breached: BreachList) -> None:
    async with asking(breached, ignore_network_errors=False) as house:
        breached.broken = Reply(503)
        for _ in range(3):
            assert shown(await house.register()) == {"password": [4000005]}
        breached.broken = None
        assert (await house.register()).completed
        assert len(breached.asked) == 4
