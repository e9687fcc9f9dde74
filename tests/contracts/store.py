"""What every store does: one suite, run on memory, SQLite and a real PostgreSQL."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest

from limen.adapters.store import LogStore, open_store
from limen.domain.errors import StoreConflict, StoreUnusable
from limen.domain.event import DomainEvent
from limen.domain.ports import Step, VaultKey, VaultRow

NOW = datetime(2026, 5, 17, 10, 30, 15, 123456, tzinfo=UTC)


class StoreProbe(DomainEvent):
    """An event of no aggregate: stores do not care what they keep."""

    stream: ClassVar[str] = "probe"

    text: str = ""


def probe(stream: UUID, version: int, text: str = "") -> StoreProbe:
    return StoreProbe(originator_id=stream, originator_version=version, timestamp=NOW, text=text)


def row(owner: UUID, kind: str = "code", name: str = "", value: bytes = b"v", subject: UUID | None = None) -> VaultRow:
    return VaultRow(owner, kind, name, value, subject)


class StoreContract:
    """Subclasses give the fixture `url`."""

    @pytest.fixture
    def store(self, url: str) -> Iterator[LogStore]:
        store = open_store(url)
        yield store
        store.close()

    # ---------------------------------------------------------------------------------------------------- the log

    async def test_a_stream_is_read_back_as_it_was_written(self, store: LogStore) -> None:
        stream = uuid4()
        events = [probe(stream, 1, "Grüße \N{SNOWMAN} \0"), probe(stream, 2), probe(stream, 3)]
        await store.append(Step(events=[*events]))
        assert await store.events(stream) == events
        assert await store.events(stream, after=2) == events[2:]
        assert await store.events(uuid4()) == []

    async def test_one_step_writes_to_many_streams_in_the_order_of_its_events(self, store: LogStore) -> None:
        first, second = uuid4(), uuid4()
        events = [probe(first, 1), probe(second, 1), probe(first, 2)]
        await store.append(Step(events=[*events]))
        assert [event for _, event in await store.log()] == events
        assert [event for _, event in await store.log(after=(await store.log(limit=2))[-1][0])] == events[2:]
        assert await store.log(types=["StoreProbeThatIsNot"]) == []
        assert await store.log(types=[]) == []

    async def test_positions_rise_in_the_order_of_the_appends(self, store: LogStore) -> None:
        for text in "abc":
            await store.append(Step(events=[probe(uuid4(), 1, text), probe(uuid4(), 1, text)]))
        log = await store.log()
        assert [position for position, _ in log] == sorted({position for position, _ in log})
        assert [event.text for _, event in log if isinstance(event, StoreProbe)] == list("aabbcc")

    async def test_a_version_that_is_taken_is_a_conflict_naming_the_stream_and_nothing_is_written(
        self, store: LogStore
    ) -> None:
        taken, other = uuid4(), uuid4()
        await store.append(Step(events=[probe(taken, 1, "first")], put=[row(taken, value=b"first")]))
        late = Step(
            events=[probe(other, 1), probe(taken, 1, "late")],
            put=[row(taken, value=b"late"), row(other)],
            drop=[VaultKey(taken)],
            due=[(other, NOW)],
        )
        with pytest.raises(StoreConflict) as conflict:
            await store.append(late)
        assert conflict.value.streams == {taken}
        assert await store.events(taken) == [probe(taken, 1, "first")]
        assert await store.events(other) == []
        assert await store.vault(taken, "code") == row(taken, value=b"first")
        assert await store.vault(other, "code") is None
        assert await store.next_due() is None

    async def test_a_step_that_clashes_with_itself_is_refused(self, store: LogStore) -> None:
        stream = uuid4()
        with pytest.raises(StoreConflict) as conflict:
            await store.append(Step(events=[probe(stream, 1, "a"), probe(stream, 1, "b")]))
        assert conflict.value.streams == {stream}
        assert await store.events(stream) == []

    # ------------------------------------------------------------------------------------- many steps at one time

    async def test_of_many_steps_at_once_only_those_that_conflict_are_refused(self, store: LogStore) -> None:
        contested = uuid4()
        free = [uuid4() for _ in range(40)]
        steps = [Step(events=[probe(stream, 1)], put=[row(stream)]) for stream in free]
        rivals = [Step(events=[probe(contested, 1, str(n))], put=[row(contested, value=b"%d" % n)]) for n in range(3)]
        steps[10:10], steps[20:20], steps[30:30] = rivals[:1], rivals[1:2], rivals[2:]
        answers = await asyncio.gather(*map(store.append, steps), return_exceptions=True)
        refused = [answer for answer in answers if answer is not None]
        assert len(refused) == 2
        assert all(isinstance(answer, StoreConflict) and answer.streams == {contested} for answer in refused)
        assert len(await store.events(contested)) == 1
        won = (await store.events(contested))[0]
        assert isinstance(won, StoreProbe)
        assert await store.vault(contested, "code") == row(contested, value=won.text.encode())
        for stream in free:
            assert len(await store.events(stream)) == 1
            assert await store.vault(stream, "code") == row(stream)

    async def test_steps_at_once_for_one_place_happen_in_their_order(self, store: LogStore) -> None:
        owner, subject = uuid4(), uuid4()
        await asyncio.gather(
            store.append(Step(put=[row(owner, value=b"1"), row(owner, name="kept")])),
            store.append(Step(bind=[(owner, subject)])),
            store.append(Step(put=[row(owner, value=b"2")], due=[(owner, NOW)])),
            store.append(Step(drop=[VaultKey(owner, "code", "kept")], done=[owner])),
            store.append(Step(unique=[row(owner, value=b"3"), row(owner, name="kept", value=b"4")])),
        )
        assert await store.vault_rows(owner) == [row(owner, value=b"2"), row(owner, name="kept", value=b"4")]
        assert await store.next_due() is None

    async def test_keys_are_read_many_at_a_time(self, store: LogStore) -> None:
        owners = [uuid4() for _ in range(1203)]
        keys = [VaultRow(owner, "key", "", owner.bytes, uuid4()) for owner in owners[:-1]]
        await store.append(Step(put=[*keys, row(owners[0]), row(owners[-1])]))
        found = store.application.vault.key_rows(owners)
        assert sorted(found, key=lambda one: one.owner) == sorted(keys, key=lambda one: one.owner)
        assert list(store.application.vault.key_rows([])) == []

    async def test_a_step_that_cannot_be_written_harms_no_other(self, store: LogStore) -> None:
        good, bad = uuid4(), uuid4()
        impossible = [
            Step(events=[probe(bad, 1)], due=[(bad, NOW.replace(tzinfo=None))]),
            Step(events=[probe(bad, 1)], put=[row(bad, name="nul \0")]),
            Step(events=[probe(bad, 1)], put=[row(bad, value="text")]),  # type: ignore[arg-type]  # wrong on purpose
        ]
        answers = await asyncio.gather(
            *map(store.append, [*impossible, Step(events=[probe(good, 1)])]), return_exceptions=True
        )
        assert [isinstance(answer, Exception) for answer in answers] == [True, True, True, False]
        assert await store.events(bad) == []
        assert len(await store.events(good)) == 1

    def test_several_loops_in_several_threads_share_a_store(self, store: LogStore) -> None:
        streams = [[uuid4() for _ in range(50)] for _ in range(4)]

        async def all_of(mine: list[UUID]) -> None:
            await asyncio.gather(*(store.append(Step(events=[probe(one, 1), probe(one, 2)])) for one in mine))
            assert [len(await store.events(one)) for one in mine] == [2] * len(mine)

        threads = [threading.Thread(target=lambda mine=mine: asyncio.run(all_of(mine))) for mine in streams]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(asyncio.run(store.log(limit=1000))) == 400

    async def test_a_caller_that_is_cancelled_disturbs_nobody(self, store: LogStore) -> None:
        cancelled = asyncio.ensure_future(store.append(Step(events=[probe(uuid4(), 1)])))
        other = uuid4()
        waiting = asyncio.ensure_future(store.append(Step(events=[probe(other, 1)])))
        await asyncio.sleep(0)
        cancelled.cancel()
        await waiting
        assert len(await store.events(other)) == 1

    async def test_closing_writes_what_is_waiting_and_then_refuses(self, url: str) -> None:
        store = open_store(url)
        waiting = [asyncio.ensure_future(store.append(Step(events=[probe(uuid4(), 1)]))) for _ in range(20)]
        await asyncio.sleep(0)
        store.close()
        await asyncio.gather(*waiting)
        store.close()
        with pytest.raises(StoreUnusable, match="closed"):
            await store.append(Step(events=[probe(uuid4(), 1)]))

    async def test_a_closed_store_says_so_whatever_it_is_asked(self, url: str) -> None:
        store, one = open_store(url), uuid4()
        store.close()
        asked = [
            store.append(Step(due=[(one, NOW)])), store.events(one), store.log(), store.vault(one, "key"),
            store.vault_rows(one), store.due(NOW, 1), store.next_due(), store.forget([one]), store.sweep(NOW),
        ]  # fmt: skip
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert {(type(answer), str(answer)) for answer in answers} == {
            (StoreUnusable, "the store has been closed; open it again to use it")
        }
        with pytest.raises(StoreUnusable, match="has been closed"):
            store.vault_now(one, "key")

    async def test_closing_waits_for_the_reads_under_way(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        store, owner = open_store(url), uuid4()
        await store.append(Step(put=[row(owner)]))
        recorder, inside, leave = store.application.vault, threading.Event(), threading.Event()
        read = recorder.vault_row

        def slow(*place: Any) -> VaultRow | None:
            inside.set()
            leave.wait(10)
            return read(*place)

        monkeypatch.setattr(recorder, "vault_row", slow)
        found: list[VaultRow | None] = []
        reader = threading.Thread(target=lambda: found.append(store.vault_now(owner, "code")))
        closer = threading.Thread(target=store.close)
        reader.start()
        inside.wait(10)
        closer.start()
        closer.join(0.1)
        assert closer.is_alive()
        leave.set()
        closer.join(10)
        reader.join(10)
        assert found == [row(owner)]

    async def test_reads_do_not_wait_for_the_threads_of_the_loop(self, store: LogStore) -> None:
        owner, leave = uuid4(), threading.Event()
        await store.append(Step(put=[row(owner)]))
        crowd = [asyncio.ensure_future(asyncio.to_thread(leave.wait, 20)) for _ in range(40)]
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert await store.vault(owner, "code") == row(owner)
            assert await store.sweep(NOW) == 0
            assert await store.forget([owner]) == 1
        leave.set()
        await asyncio.gather(*crowd)

    def test_closing_leaves_no_thread_behind(self, url: str) -> None:
        before = set(threading.enumerate())
        store = open_store(url)
        asyncio.run(store.vault(uuid4(), "key"))
        store.close()
        assert set(threading.enumerate()) <= before

    # -------------------------------------------------------------------------------------------------- the vault

    async def test_put_replaces_and_unique_leaves_what_is_there(self, store: LogStore) -> None:
        owner = uuid4()
        whole = VaultRow(owner, "code", "a", b"\0old\xff", uuid4(), NOW + timedelta(days=1))
        await store.append(Step(put=[whole]))
        assert await store.vault(owner, "code", "a") == whole
        await store.append(Step(unique=[row(owner, name="a", value=b"no"), row(owner, name="b", value=b"yes")]))
        assert await store.vault_rows(owner) == [whole, row(owner, name="b", value=b"yes")]
        await store.append(Step(put=[row(owner, name="a", value=b"new")]))
        assert await store.vault(owner, "code", "a") == row(owner, name="a", value=b"new")
        assert await store.vault(owner, "code") is None

    async def test_within_a_step_removals_come_first(self, store: LogStore) -> None:
        owner = uuid4()
        await store.append(Step(put=[row(owner, name="1"), row(owner, name="2")], due=[(owner, NOW)]))
        later = NOW + timedelta(seconds=5)
        await store.append(Step(put=[row(owner, name="3")], drop=[VaultKey(owner)], due=[(owner, later)], done=[owner]))
        assert await store.vault_rows(owner) == [row(owner, name="3")]
        assert await store.next_due() == later

    async def test_of_two_values_for_one_place_the_last_stays(self, store: LogStore) -> None:
        owner = uuid4()
        await store.append(Step(put=[row(owner, value=b"1"), row(owner, value=b"2")], due=[(owner, NOW), (owner, NOW)]))
        assert await store.vault_rows(owner) == [row(owner, value=b"2")]

    async def test_an_empty_kind_or_name_drops_all_of_them(self, store: LogStore) -> None:
        owner, other = uuid4(), uuid4()
        rows = [row(owner, kind, name) for kind in ("code", "key", "payload") for name in ("", "a", "b")]
        await store.append(Step(put=[*rows, row(other)]))
        await store.append(Step(drop=[VaultKey(owner, "code", "a"), VaultKey(owner, "key")]))
        left = [one for one in rows if one.kind != "key" and (one.kind, one.name) != ("code", "a")]
        assert await store.vault_rows(owner) == left
        assert await store.vault_rows(owner, "payload") == [one for one in left if one.kind == "payload"]
        await store.append(Step(drop=[VaultKey(owner, name="b")]))
        assert {one.name for one in await store.vault_rows(owner)} == {"", "a"}
        await store.append(Step(drop=[VaultKey(owner)]))
        assert await store.vault_rows(owner) == []
        assert await store.vault_rows(other) == [row(other)]

    async def test_bind_gives_every_row_of_an_owner_its_subject(self, store: LogStore) -> None:
        owner, other, subject = uuid4(), uuid4(), uuid4()
        await store.append(Step(put=[row(owner, "key"), row(other)]))
        await store.append(Step(put=[row(owner, "code")], bind=[(owner, subject)]))
        assert [one.subject for one in await store.vault_rows(owner)] == [subject, subject]
        assert await store.vault_rows(other) == [row(other)]

    async def test_forgetting_takes_all_that_belongs_to_a_person_and_no_more(self, store: LogStore) -> None:
        identity, flow, reservation, stranger = uuid4(), uuid4(), uuid4(), uuid4()
        await store.append(
            Step(
                events=[probe(identity, 1)],
                put=[
                    row(identity, "key"),
                    row(identity, "credential"),
                    row(flow, "key", subject=identity),
                    row(flow, "payload"),
                    row(reservation, "code", subject=identity),
                    row(reservation, "other"),
                    row(stranger, "key"),
                ],
            )
        )
        forgotten: set[UUID] = set()
        store.on_forget(forgotten.update)
        assert await store.forget([identity]) == 5
        assert forgotten == {identity, flow, reservation}
        assert await store.vault_rows(identity) == await store.vault_rows(flow) == []
        assert await store.vault_rows(reservation) == [row(reservation, "other")]
        assert await store.vault_rows(stranger) == [row(stranger, "key")]
        assert len(await store.events(identity)) == 1
        assert await store.forget([identity]) == 0
        assert await store.forget([]) == 0

    async def test_rows_go_when_their_time_has_come(self, store: LogStore) -> None:
        owner = uuid4()
        old = VaultRow(owner, "payload", "old", b"", expires_at=NOW)
        new = VaultRow(owner, "payload", "new", b"", expires_at=NOW + timedelta(microseconds=1))
        await store.append(Step(put=[old, new, row(owner, "key")]))
        assert await store.sweep(NOW) == 1
        assert await store.vault_rows(owner) == [row(owner, "key"), new]

    # ------------------------------------------------------------------------------------------------- deliveries

    async def test_deliveries_become_due_the_longest_waiting_first(self, store: LogStore) -> None:
        first, second, third = uuid4(), uuid4(), uuid4()
        assert await store.next_due() is None
        times = [(third, NOW + timedelta(hours=1)), (second, NOW), (first, NOW - timedelta(microseconds=1))]
        await store.append(Step(due=times))
        assert await store.next_due() == NOW - timedelta(microseconds=1)
        assert await store.due(NOW, 10) == [first, second]
        assert await store.due(NOW, 1) == [first]
        await store.append(Step(done=[first], due=[(second, NOW + timedelta(hours=2))]))
        assert await store.due(NOW, 10) == []
        assert await store.due(NOW + timedelta(hours=3), 10) == [third, second]
