"""The test kit does what other people's tests rely on."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from limen.domain.errors import FlowBusy, IllegalTrigger, LimenError
from limen.domain.flow import Flow
from limen.domain.flow_events import FlowInitiated, FlowOpened, MethodSubmitted
from limen.domain.ports import Clock, Courier, Ids, Mail, Secrets
from limen.domain.reservation import IdentifierReleased, IdentifierReserved, Reservation
from limen.domain.sealed import Sealed
from limen.domain.testing import (
    FixedClock,
    MemoryCourier,
    SequentialIds,
    SequentialSecrets,
    event,
    given,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADA, BOB, STREAM = UUID(int=1, version=4), UUID(int=2, version=4), UUID(int=3, version=4)
INITIATED = event(
    FlowInitiated,
    kind="login",
    type="api",
    configuration=UUID(int=7),
    expires_at=NOON + timedelta(hours=1),
    request=Sealed(sealed="", key=STREAM),
)


async def settle() -> None:
    """Lets everybody run who was woken."""
    for _ in range(5):
        await asyncio.sleep(0)


class TestFixedClock:
    def test_it_stands_still_until_it_is_advanced(self) -> None:
        clock: Clock = FixedClock(NOON)
        assert clock.now() == clock.now() == NOON

    def test_it_moves_by_what_it_is_told(self) -> None:
        clock = FixedClock(NOON)
        clock.advance(90.5)
        assert clock.now() == NOON + timedelta(seconds=90.5)

    def test_it_speaks_utc_whatever_it_was_given(self) -> None:
        clock = FixedClock(datetime(2026, 1, 1, 14, tzinfo=timezone(timedelta(hours=2))))
        assert (clock.now(), clock.now().utcoffset()) == (NOON, timedelta(0))

    def test_it_wants_a_time_zone(self) -> None:
        with pytest.raises(ValueError, match="aware"):
            FixedClock(datetime(2026, 1, 1))

    def test_time_does_not_run_backwards(self) -> None:
        clock = FixedClock(NOON)
        with pytest.raises(ValueError, match="backwards"):
            clock.advance(-1)
        assert clock.now() == NOON

    async def test_sleepers_wake_when_their_time_has_come_and_in_its_order(self) -> None:
        clock, woken = FixedClock(NOON), list[int]()

        async def sleeper(seconds: int) -> None:
            await clock.sleep(seconds)
            woken.append(seconds)

        async with asyncio.TaskGroup() as group:
            for seconds in (30, 10, 20):
                group.create_task(sleeper(seconds))
            await settle()
            assert clock.waiting == 3
            clock.advance(9.999)
            await settle()
            assert woken == []
            clock.advance(0.001)
            await settle()
            assert woken == [10]
            clock.advance(3600)
            await settle()
            assert (woken, clock.waiting) == ([10, 20, 30], 0)

    async def test_steps_add_up_for_one_sleeper(self) -> None:
        clock = FixedClock(NOON)
        sleeping = asyncio.ensure_future(clock.sleep(1))
        for _ in range(10):
            await settle()
            assert not sleeping.done()
            clock.advance(0.1)
        await asyncio.wait_for(sleeping, 1)

    @pytest.mark.parametrize("seconds", [0, -1])
    async def test_no_sleep_gives_way_once(self, seconds: float) -> None:
        clock, order = FixedClock(NOON), list[str]()
        asyncio.get_running_loop().call_soon(order.append, "others")
        await clock.sleep(seconds)
        assert (order, clock.waiting) == (["others"], 0)

    async def test_a_cancelled_sleeper_is_forgotten(self) -> None:
        clock = FixedClock(NOON)
        sleeping = asyncio.ensure_future(clock.sleep(10))
        await settle()
        sleeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeping
        assert clock.waiting == 0
        clock.advance(10)

    async def test_cancelled_between_waking_and_running_nothing_breaks(self) -> None:
        clock = FixedClock(NOON)
        sleeping = asyncio.ensure_future(clock.sleep(10))
        await settle()
        clock.advance(10)
        sleeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeping
        await settle()

    async def test_another_thread_may_advance_it(self) -> None:
        clock = FixedClock(NOON)
        sleeping = asyncio.ensure_future(clock.sleep(60))
        await settle()
        thread = threading.Thread(target=clock.advance, args=(60,))
        thread.start()
        await asyncio.wait_for(sleeping, 5)
        thread.join()

    def test_it_drives_sleepers_in_the_loops_of_other_threads(self) -> None:
        clock, woken = FixedClock(NOON), list[datetime]()

        async def sleeper() -> None:
            await clock.sleep(60)
            woken.append(clock.now())

        threads = [threading.Thread(target=asyncio.run, args=(sleeper(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        while clock.waiting < 3:
            threading.Event().wait(0.001)
        clock.advance(60)
        for thread in threads:
            thread.join(5)
        assert woken == [NOON + timedelta(seconds=60)] * 3

    def test_a_loop_that_is_gone_is_left_alone(self) -> None:
        clock, loop = FixedClock(NOON), asyncio.new_event_loop()
        sleeping = loop.create_task(clock.sleep(5))
        loop.run_until_complete(settle())
        loop.close()
        clock.advance(5)
        assert not sleeping.done()
        sleeping.get_coro().close()
        sleeping._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's


class TestSequentialIds:
    def test_they_count_up_and_are_of_version_4(self) -> None:
        ids: Ids = SequentialIds()
        first, second = ids.new(), ids.new()
        assert str(first) == "00000000-0000-4000-8000-000000000001"
        assert str(second) == "00000000-0000-4000-8000-000000000002"
        assert (first.version, first.variant) == (4, UUID(int=0, version=4).variant)

    def test_another_start_gives_others(self) -> None:
        ids = SequentialIds(start=0x1000)
        assert str(ids.new()) == "00000000-0000-4000-8000-000000001000"


class TestSequentialSecrets:
    def test_every_run_draws_the_same(self) -> None:
        one, other = SequentialSecrets(), SequentialSecrets()
        for count in (1, 16, 32):
            assert one.bytes(count) == other.bytes(count)
            assert one.digits(6) == other.digits(6)

    def test_nothing_comes_twice(self) -> None:
        secrets: Secrets = SequentialSecrets()
        drawn = [secrets.bytes(12) for _ in range(1000)]
        assert {len(one) for one in drawn} == {12}
        assert len(set(drawn)) == 1000

    @pytest.mark.parametrize("count", [1, 3, 4])
    def test_all_codes_come_before_one_comes_again(self, count: int) -> None:
        secrets = SequentialSecrets()
        codes = [secrets.digits(count) for _ in range(10**count)]
        assert {len(code) for code in codes} == {count}
        assert len(set(codes)) == 10**count
        assert secrets.digits(count) == codes[0]

    def test_another_seed_gives_others(self) -> None:
        assert SequentialSecrets("a").bytes(16) != SequentialSecrets("b").bytes(16)
        assert SequentialSecrets("a").digits(6) != SequentialSecrets("b").digits(6)


async def test_the_memory_courier_keeps_what_it_is_given() -> None:
    memory = MemoryCourier()
    courier: Courier = memory
    mail = Mail("ada@example.org", "Hello", "text", "verification_code_valid", "123456")
    await courier.send(mail, id=ADA)
    await courier.send(mail, id=ADA)
    assert memory.messages == [mail, mail]
    assert memory.ids == [ADA, ADA]
    assert courier.local


def reserve(identity_id: UUID) -> Callable[[Reservation], None]:
    """A command as an application might write it: it refuses what is taken."""

    def command(reservation: Reservation) -> None:
        if reservation.holder is not None:
            raise FlowBusy(reservation.id)
        reservation.record(IdentifierReserved, NOON, identity_id=identity_id)

    return command


class TestGivenWhenThen:
    def test_a_command_gives_events(self) -> None:
        given(event(IdentifierReserved, identity_id=ADA), event(IdentifierReleased, identity_id=ADA)).when(
            reserve(BOB)
        ).then(event(IdentifierReserved, identity_id=BOB))

    def test_a_command_raises_an_error_and_nothing_happens(self) -> None:
        error = given(event(IdentifierReserved, identity_id=ADA)).when(reserve(BOB)).then_raises(FlowBusy)
        assert error.until is None

    def test_a_flow_runs_by_its_machine(self) -> None:
        flow = (
            given(INITIATED, event(FlowOpened), of=Flow)
            .when(lambda flow: flow.fire("submit", NOON, method="password"))
            .then(event(MethodSubmitted, method="password"))
        )
        assert flow.state == "authenticating"
        given(INITIATED).when(lambda flow: flow.fire("complete", NOON)).then_raises(IllegalTrigger, match="'complete'")

    def test_without_events_the_aggregate_is_named(self) -> None:
        reservation = (
            given(of=Reservation, id=STREAM)
            .when(reserve(ADA))
            .then(IdentifierReserved(originator_id=STREAM, originator_version=1, timestamp=NOON, identity_id=ADA))
        )
        assert reservation.holder == ADA

    def test_nothing_may_be_what_is_expected(self) -> None:
        given(event(IdentifierReserved, identity_id=ADA)).when(lambda reservation: None).then()

    def test_a_class_stands_for_any_event_of_it(self) -> None:
        given(of=Reservation).when(reserve(ADA)).then(IdentifierReserved)
        with pytest.raises(AssertionError, match="expected any IdentifierReleased"):
            given(of=Reservation).when(reserve(ADA)).then(IdentifierReleased)

    def test_what_an_expected_event_says_of_its_envelope_is_compared(self) -> None:
        when = given(of=Reservation, id=STREAM).when
        when(reserve(ADA)).then(event(IdentifierReserved, identity_id=ADA, timestamp=NOON, originator_version=1))
        for wrong in ({"timestamp": NOON + timedelta(seconds=1)}, {"originator_version": 2}, {"originator_id": ADA}):
            with pytest.raises(AssertionError, match="events differ"):
                when(reserve(ADA)).then(event(IdentifierReserved, identity_id=ADA, **wrong))

    def test_defaults_are_compared_too(self) -> None:
        opened = event(FlowOpened)
        given(INITIATED).when(lambda flow: flow.fire("open", NOON)).then(opened)
        with pytest.raises(AssertionError, match=r"deliveries=\(UUID"):
            given(INITIATED).when(lambda flow: flow.fire("open", NOON, deliveries=(ADA,))).then(opened)

    @pytest.mark.parametrize(
        "expected",
        [
            (),
            (event(IdentifierReserved, identity_id=BOB),),
            (event(IdentifierReleased, identity_id=ADA),),
            (event(IdentifierReserved, identity_id=ADA), event(IdentifierReleased, identity_id=ADA)),
        ],
    )
    def test_other_events_than_expected_fail_the_test(self, expected: tuple[IdentifierReserved, ...]) -> None:
        with pytest.raises(AssertionError, match="events differ"):
            given(of=Reservation).when(reserve(ADA)).then(*expected)

    def test_the_difference_is_shown_event_by_event(self) -> None:
        def twice(reservation: Reservation) -> None:
            reservation.record(IdentifierReserved, NOON, identity_id=ADA)
            reservation.record(IdentifierReleased, NOON, identity_id=ADA)

        with pytest.raises(AssertionError) as caught:
            given(of=Reservation).when(twice).then(
                event(IdentifierReserved, identity_id=ADA), event(IdentifierReleased, identity_id=BOB)
            )
        assert str(caught.value).splitlines() == [
            "the events differ",
            f"1. expected IdentifierReserved(identity_id={ADA!r}) - as recorded",
            f"2. expected IdentifierReleased(identity_id={BOB!r})",
            f"   recorded IdentifierReleased(identity_id={ADA!r})",
        ]

    def test_an_error_that_does_not_come_fails_the_test(self) -> None:
        with pytest.raises(AssertionError, match="no FlowBusy was raised; recorded: IdentifierReserved"):
            given(of=Reservation).when(reserve(ADA)).then_raises(FlowBusy)

    def test_an_error_nobody_expected_comes_through(self) -> None:
        taken = given(event(IdentifierReserved, identity_id=ADA))
        with pytest.raises(FlowBusy):
            taken.when(reserve(BOB)).then(IdentifierReserved)
        with pytest.raises(FlowBusy):
            taken.when(reserve(BOB)).then_raises(IllegalTrigger)

    def test_an_error_may_be_expected_by_class_by_base_by_text_or_whole(self) -> None:
        taken = given(event(IdentifierReserved, identity_id=ADA, originator_id=STREAM))
        taken.when(reserve(BOB)).then_raises(LimenError)
        taken.when(reserve(BOB)).then_raises(FlowBusy, match="busy with another")
        taken.when(reserve(BOB)).then_raises(FlowBusy(STREAM))
        with pytest.raises(AssertionError, match="is not in the text"):
            taken.when(reserve(BOB)).then_raises(FlowBusy, match="expired")
        with pytest.raises(AssertionError, match="raised was"):
            taken.when(reserve(BOB)).then_raises(FlowBusy(ADA))

    def test_an_error_after_an_event_fails_the_test(self) -> None:
        def half(reservation: Reservation) -> None:
            reservation.record(IdentifierReserved, NOON, identity_id=ADA)
            raise FlowBusy(reservation.id)

        with pytest.raises(AssertionError, match="and yet IdentifierReserved was recorded"):
            given(of=Reservation).when(half).then_raises(FlowBusy)

    def test_the_fields_of_a_partial_event_are_validated(self) -> None:
        with pytest.raises(ValueError, match="identity_id"):
            event(IdentifierReserved)
        with pytest.raises(ValueError, match="nonsense"):
            event(IdentifierReserved, identity_id=ADA, nonsense=1)

    def test_a_partial_event_leaves_later_events_whole(self) -> None:
        event(IdentifierReserved, identity_id=ADA)
        whole = IdentifierReserved(originator_id=STREAM, originator_version=1, timestamp=NOON, identity_id=ADA)
        assert whole.model_fields_set == {"originator_id", "originator_version", "timestamp", "identity_id"}

    def test_a_history_is_of_one_stream_without_gaps(self) -> None:
        reserved = event(IdentifierReserved, identity_id=ADA, originator_id=STREAM)
        with pytest.raises(ValueError, match=f"version 2 of stream {STREAM} is due"):
            given(reserved, event(IdentifierReleased, identity_id=ADA, originator_id=BOB))
        with pytest.raises(ValueError, match=f"is version 3 of stream {STREAM}"):
            given(reserved, event(IdentifierReleased, identity_id=ADA, originator_version=3))

    def test_without_events_and_class_nobody_knows_whose_history_it_is(self) -> None:
        with pytest.raises(ValueError, match="`of=`"):
            given()
