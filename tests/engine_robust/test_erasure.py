"""A person is taken out of the record: nothing of them can be read any more, and the log is as whole as before."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from limen.adapters import open_engine, open_log
from limen.adapters.keyring import Keys
from limen.adapters.sink import Reply, Sink
from limen.adapters.system import SystemSecrets
from limen.domain.errors import FlowNotFound, RequestRefused, StoreConflict
from limen.domain.outcome import Outcome
from limen.domain.testing import FixedClock, MemoryCourier
from tests.engine_robust.audit import audit
from tests.engine_robust.life import ADDRESS, MOVED, NEW_PASSWORD, SECRETS, WORDS, files, found, lived
from tests.support.engine import ADA, NOON, PASSWORD, House, configuration, ignore, open_house

BOB = "bob@example.org"


def whose(outcome: Outcome) -> UUID:
    """The identity that an outcome is about."""
    assert outcome.flow.identity_id is not None
    return outcome.flow.identity_id


async def opened_words(house: House) -> list[str]:
    """Whatever of the known words somebody who has the master key can still read, in log or vault."""
    store: Any = house.engine.streams.store
    keys = Keys(store, SECRETS["cipher"], SystemSecrets())
    await keys.open()
    with open_log(store, keys=keys) as log:
        entries = list(log.events())
    parts = [repr(entry.data) for entry in entries]
    for owner in {entry.stream for entry in entries}:
        if await keys.load(owner):
            rows = [row for row in await store.vault_rows(owner) if row.kind not in ("key", "token", "mention")]
            parts += [keys.decrypt(owner, row.value).decode() for row in rows]
    return found("\n".join(parts).encode(), WORDS)


async def test_nothing_of_a_person_can_be_read_any_more_whoever_has_the_key(url: str) -> None:
    async with lived(url) as life:
        engine, store = life.house.engine, life.house.engine.streams.store
        assert {ADDRESS, MOVED} <= set(await opened_words(life.house))
        before = [event for _, event in await store.log(limit=100_000)]
        deleted = await engine.erase(life.person)
        assert deleted > 20
        left = await opened_words(life.house)
        assert [word for word in left if "ada" in word or word.startswith("Zo")] == []
        log = await audit(engine)
        assert [event for _, event in log.events][: len(before)] == before, "the log is as it was"
        assert len(log.of("IdentityErased")) == 1
        assert await engine.erase(life.person) == 0, "once more does nothing"
        assert len((await audit(engine)).of("IdentityErased")) == 1
        for event in log.of("FlowInitiated"):
            if event.originator_id in {one.originator_id for one in log.of("MethodSubmitted")}:
                rows = await store.vault_rows(event.originator_id)
                assert rows == [] or event.originator_id not in hers(log)
        assert found(files(url), WORDS) == []


def hers(log: Any) -> set[UUID]:
    """The flows that came to be hers."""
    return {one.originator_id for one in log.of("FlowCompleted", "MethodAccepted") if one.identity_id}


async def test_the_bytes_of_keys_and_payloads_are_gone_from_the_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'limen.db'}"
    async with lived(url, worker=False) as life:
        store: Any = life.house.engine.streams.store
        theirs = [event.originator_id for event in (await audit(life.house.engine)).of("FlowCompleted")]
        rows = [row for owner in (*theirs, UUID(str(life.person))) for row in await store.vault_rows(owner)]
        assert {"key", "credential", "payload", "context"} <= {row.kind for row in rows}
        starts = {row.value[:24]: row.kind for row in rows}  # a long value goes on elsewhere, on pages of its own
        assert all(start in files(url) for start in starts), "before, they are there to be found"
        await life.house.engine.erase(life.person)
        data = files(url)
        assert [kind for start, kind in starts.items() if start in data] == []
        assert (tmp_path / "limen.db-wal").stat().st_size == 0


async def test_what_the_log_says_of_them_reads_as_erased(tmp_path: Path) -> None:
    async with open_house(store=f"sqlite:///{tmp_path / 'limen.db'}") as house:
        ada, bob = await house.register(), await house.register(BOB)
        await house.engine.erase(whose(ada))
        registered = house.log("IdentityRegistered")
        assert [entry.data["profile"] for entry in registered] == [{"erased": True}, {"sealed": True}]
        assert [entry.data["request"] for entry in house.log("FlowInitiated")[::3]][:1] == [{"erased": True}]
        assert (await house.sign_in(BOB)).state == "completed"
        assert await house.engine.session(bob.session_token) is None or bob.session_token is None


async def test_the_address_is_free_again_and_nothing_comes_back_with_it(url: str) -> None:
    async with open_house({"registration.after": [{"hook": "session"}]}, store=url) as house:
        first = await house.register()
        await house.engine.erase(whose(first))
        assert (await house.sign_in()).state == "choose_method"
        again = await house.register(password="quite another pass phrase")
        assert again.state == "completed"
        assert whose(again) != whose(first)
        assert (await house.sign_in()).state == "choose_method"
        assert (await house.sign_in(password="quite another pass phrase")).state == "completed"
        assert await house.engine.session(first.session_token) is None
        await audit(house.engine)


async def test_sessions_end_and_flows_can_no_longer_be_shown_or_gone_on_with(url: str) -> None:
    async with open_house({"registration.after": [{"hook": "session"}]}, store=url) as house:
        ada = await house.register()
        token = ada.session_token
        refused = await house.start("login")
        await house.engine.submit(refused.id, method="password", values={"identifier": ADA, "password": "wrong"})
        settings = await house.start("settings", session_token=token)
        flows = [refused, settings, await house.ask_code("recovery"), await house.ask_code("verification")]
        flows += [await house.ask_code("login"), ada.flow]
        twice = await house.start("registration")
        values = {"traits": {"email": ADA, "name": {"last": "Byron"}}, "password": PASSWORD}
        await house.engine.submit(twice.id, method="password", values=values)
        dotted = await house.start("registration")
        await house.engine.submit(dotted.id, method="password", values={"traits.email": ADA, "password": "short"})
        lost = await house.start("verification")
        await house.engine.submit(lost.id, method="telepathy", values={"email": ADA})
        await house.engine.erase(whose(ada))
        assert await house.engine.session(token) is None
        assert await house.engine.logout(token) is False
        for flow in (*flows, twice, dotted, lost):
            with pytest.raises(FlowNotFound):
                await house.engine.flow(flow.id)
            with pytest.raises(FlowNotFound, match="erased"):
                await house.engine.submit(flow.id, method="code", values={"code": house.code})
        with pytest.raises(RequestRefused):
            await house.start("settings", session_token=token)
        await audit(house.engine)


async def test_a_flow_in_which_two_addresses_were_typed_is_unreadable_when_either_goes(url: str) -> None:
    async with open_house(store=url) as house:
        ada, bob = await house.register(), await house.register(BOB)
        flows = []
        for first, second in ((ADA, BOB), (BOB, ADA)):
            flow = await house.start("login")
            for identifier in (first, second):
                values = {"identifier": identifier, "password": "wrong"}
                await house.engine.submit(flow.id, method="password", values=values)
            flows.append(flow)
        signed = await house.start("login")
        for identifier, password in ((ADA, "wrong"), (BOB, PASSWORD)):
            values = {"identifier": identifier, "password": password}
            await house.engine.submit(signed.id, method="password", values=values)
        codes = await house.ask_code("recovery")
        await house.engine.submit(codes.id, method="code", values={"email": BOB})
        other = await house.ask_code("login")
        await house.engine.submit(other.id, method="password", values={"identifier": BOB, "password": PASSWORD})
        await house.engine.erase(whose(ada))
        for flow in (*flows, signed, codes, other):
            with pytest.raises(FlowNotFound):
                await house.engine.flow(flow.id)
        assert (await house.engine.flow(bob.flow.id)).state == "completed"
        assert (await house.sign_in(BOB)).state == "completed"


async def test_who_had_the_address_before_takes_nothing_of_who_has_it_now(url: str) -> None:
    async with open_house({"registration.after": [{"hook": "session"}]}, store=url) as house:
        ada = await house.register()
        settings = await house.start("settings", session_token=ada.session_token)
        moved = {"traits": {"email": "ada@elsewhere.example"}}
        await house.engine.submit(settings.id, method="profile", values=moved, session_token=ada.session_token)
        bob = await house.register(ADA, "the pass phrase of bob")
        login = await house.sign_in(ADA, "the pass phrase of bob")
        await house.engine.erase(whose(ada))
        for outcome in (bob, login):
            assert (await house.engine.flow(outcome.flow.id)).state == "completed"
            assert await house.engine.session(outcome.session_token) is not None
        assert (await house.sign_in(ADA, "the pass phrase of bob")).state == "completed"
        await audit(house.engine)


async def test_what_was_still_to_be_sent_is_canceled(url: str) -> None:
    clock = FixedClock(NOON)
    hooks = {"registration.after": [ignore("/count", id="count")]}
    async with Sink() as sink:
        sink.script("/count", Reply(500))
        async with open_house(hooks, store=url, sink=sink, clock=clock) as house, second(house, url, clock) as other:
            ada = await house.register()
            await house.until("DeliveryAttempted")
            await other.engine.dispatcher.deliver(house.log("DeliveryAttempted")[0].stream)
            tried = len(sink.of("/count"))
            assert tried == 2
            await house.engine.erase(whose(ada))
            clock.advance(7200)
            waiting = house.log("DeliveryAttempted")[0].stream
            await other.engine.dispatcher.deliver(waiting)
            canceled = await house.until("DeliveryCanceled")
            assert [(entry.stream, entry.data["reason"]) for entry in canceled] == [(waiting, "erased")]
            assert len(sink.of("/count")) == tried
            assert not house.log("DeliveryParked")


def second(house: House, url: str, clock: FixedClock) -> Any:
    """Another engine on the same store, with keys of its own in memory."""
    hooks = {"registration.after": [ignore("/count", id="count")]}
    return open_house(hooks, store=url, sink=house.sink, clock=clock, worker=False, courier=MemoryCourier())


async def test_another_process_that_holds_the_keys_shows_nothing_either(url: str) -> None:
    async with open_house(store=url) as house, open_house(store=url, worker=False) as other:
        ada = await house.register()
        refused = await other.start("login")
        await other.engine.submit(refused.id, method="password", values={"identifier": ADA, "password": "wrong"})
        signed = await other.sign_in()
        assert (await other.engine.session(signed.session_token)) is not None
        await house.engine.erase(whose(ada))
        assert await other.engine.session(signed.session_token) is None
        assert (await other.sign_in()).state == "choose_method"
        for flow in (refused, signed.flow, ada.flow):
            with pytest.raises(FlowNotFound):
                await other.engine.flow(flow.id)
        with pytest.raises(FlowNotFound):
            await other.engine.submit(refused.id, method="password", values={"identifier": ADA, "password": "wrong"})


@pytest.mark.parametrize("stage", range(4))
async def test_an_erasure_that_was_cut_off_is_finished_when_it_is_asked_for_again(tmp_path: Path, stage: int) -> None:
    url = f"sqlite:///{tmp_path / 'limen.db'}"
    async with lived(url, worker=False) as life:
        cut_off(life.house.engine.streams.store, stage)
        with pytest.raises(asyncio.CancelledError):
            await life.house.engine.erase(life.person)
    async with open_house(store=url, secrets=SECRETS, worker=False) as house:
        await house.engine.erase(life.person)
        assert [word for word in await opened_words(house) if "ada" in word or word.startswith("Zo")] == []
        assert len((await audit(house.engine)).of("IdentityErased")) == 1
        assert (await house.sign_in(MOVED, NEW_PASSWORD)).state == "choose_method"
        assert (await house.register(MOVED)).state == "completed"


def cut_off(store: Any, stage: int) -> None:
    """The store does so many more things, and then the process is gone."""
    left = [stage]

    def counted(name: str) -> None:
        real = getattr(store, name)

        async def once(*args: Any) -> Any:
            if not left[0]:
                raise asyncio.CancelledError
            left[0] -= 1
            return await real(*args)

        setattr(store, name, once)

    counted("append")
    counted("forget")


async def test_logins_while_a_person_is_erased_leave_nothing_behind(url: str) -> None:
    async with open_house(store=url) as house, open_house(store=url, worker=False) as other:
        ada = await house.register()
        logins = [house.sign_in() for _ in range(8)] + [other.sign_in() for _ in range(8)]
        erasing = house.engine.erase(whose(ada))
        *answers, _ = await asyncio.gather(*logins, erasing, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, Outcome):
                assert answer.state in ("choose_method", "completed")
                assert await house.engine.session(answer.session_token) is None
            else:
                assert isinstance(answer, FlowNotFound), answer
        log = await audit(house.engine)
        assert len(log.of("IdentityErased")) == 1
        assert await house.engine.streams.store.vault_rows(whose(ada)) == []


async def test_who_is_not_there_cannot_be_erased() -> None:
    async with open_engine(configuration(), "memory:", settings={}) as engine:
        with pytest.raises(RequestRefused, match="there is no identity") as refused:
            await engine.erase("00000000-0000-4000-8000-000000000000")
        assert refused.value.id == "identity_not_found"
        assert not isinstance(refused.value, StoreConflict)
