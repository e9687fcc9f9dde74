"""What every keeper of views does: each event counted once, whoever is at it, and rebuilt beside the old rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import UUID, uuid4

import pytest

from limen.adapters.store import LogStore, open_store
from limen.adapters.views import Status, Views, open_views
from limen.adapters.views.views import PAGE_EVENTS
from limen.domain.configuration import FlowKind
from limen.domain.flow import Flow, initiate
from limen.domain.ports import Step
from limen.domain.sealed import Sealed
from limen.projections import FLOWS

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def begun(number: int) -> Flow:
    """A login that is open; each begins a second after the one before."""
    id_, at = uuid4(), NOON + timedelta(seconds=number)
    seal = Sealed(sealed="c2VhbGVk", key=id_)
    told = {"kind": FlowKind.LOGIN, "type": "api", "configuration": uuid4(), "expires_at": at, "request": seal}
    flow = initiate(id_, at, **told)
    flow.fire("open", at)
    return flow


class ViewsContract:
    """Subclasses give `url` (a fixture): the URL of a store of its own."""

    @pytest.fixture
    def store(self, url: str) -> Iterator[LogStore]:
        store = open_store(url)
        yield store
        store.close()

    @contextmanager
    def views(self, store: LogStore, url: str) -> Iterator[Views]:
        with open_views(store if store.kind == "memory" else url) as views:
            yield views

    async def append(self, store: LogStore, flows: Sequence[Flow]) -> None:
        await store.append(Step(events=[event for flow in flows for event in flow.collect_events()]))

    async def test_rows_are_as_of_now_the_newest_first(self, store: LogStore, url: str) -> None:
        first, second = begun(0), begun(1)
        await self.append(store, [first, second])
        with self.views(store, url) as views:
            assert [row["id"] for row in views.rows(FLOWS)] == [str(second.id), str(first.id)]
            first.fire("submit", NOON, method="password")
            await self.append(store, [first])
            listed = {row["id"]: row["state"] for row in views.rows(FLOWS)}
        assert listed == {str(first.id): "authenticating", str(second.id): "choose_method"}

    async def test_rows_can_be_chosen_and_limited(self, store: LogStore, url: str) -> None:
        flows = [begun(number) for number in range(5)]
        flows[2].fire("expire", NOON)
        await self.append(store, flows)
        with self.views(store, url) as views:
            assert [row["id"] for row in views.rows(FLOWS, {"state": "expired"})] == [str(flows[2].id)]
            assert [row["id"] for row in views.rows(FLOWS, limit=2)] == [str(flows[4].id), str(flows[3].id)]
            assert views.ids(FLOWS, str(flows[0].id)[:13], limit=2) == [str(flows[0].id)]
            with pytest.raises(ValueError, match="has no column 'colour'"):
                list(views.rows(FLOWS, {"colour": "red"}))

    async def test_nothing_is_there_before_anything_happened(self, store: LogStore, url: str) -> None:
        with self.views(store, url) as views:
            assert list(views.rows(FLOWS)) == []
            assert views.ids(FLOWS, "abcd", limit=2) == []
            assert views.status()[0] == Status("flows", 0, 0, 0)
            assert views.rebuild(FLOWS) == 0

    async def test_position_and_lag_are_in_sight(self, store: LogStore, url: str) -> None:
        await self.append(store, [begun(0)])
        with self.views(store, url) as views:
            assert [(one.name, one.position, one.head, one.lag) for one in views.status()] == [
                ("flows", 0, 2, 2),
                ("deliveries", 0, 2, 2),
            ]
            assert views.catch_up(FLOWS) == 2
            await self.append(store, [begun(1)])
            assert views.status()[0] == Status("flows", 2, 4, 1)
            assert views.status()[0].lag == 2

    async def test_a_long_log_is_folded_page_by_page_with_progress(self, store: LogStore, url: str) -> None:
        flows = [begun(number) for number in range(PAGE_EVENTS + 100)]
        await self.append(store, flows)
        seen: list[tuple[int, int]] = []
        with self.views(store, url) as views:
            views.catch_up(FLOWS, lambda position, head: seen.append((position, head)))
            assert len(list(views.rows(FLOWS))) == len(flows)
        assert seen[-1] == (2 * len(flows), 2 * len(flows))
        assert [position for position, _ in seen] == sorted({position for position, _ in seen})
        assert len(seen) == 3

    async def test_rebuilding_folds_the_same_rows_again(self, store: LogStore, url: str) -> None:
        await self.append(store, [begun(number) for number in range(20)])
        with self.views(store, url) as views:
            before = list(views.rows(FLOWS))
            during: list[int] = []
            assert views.rebuild(FLOWS, lambda *_: during.append(views.status()[0].rows)) == 40
            assert during == [20], "the old rows are there until the new ones take their place"
            assert list(views.rows(FLOWS)) == before
            await self.append(store, [begun(20)])
            assert len(list(views.rows(FLOWS))) == 21


class SharedViewsContract(ViewsContract):
    """Of a store that several connections share."""

    async def test_several_at_once_count_every_event_once(self, store: LogStore, url: str) -> None:
        flows = [begun(number) for number in range(1500)]
        await self.append(store, flows)
        failures: list[BaseException] = []

        def work(rebuilds: bool) -> None:
            try:
                with open_views(url) as views:
                    views.rebuild(FLOWS) if rebuilds else views.catch_up(FLOWS)
            except BaseException as failure:
                failures.append(failure)

        threads = [Thread(target=work, args=(number % 2 == 1,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with open_views(url) as views:
            rows = list(views.rows(FLOWS))
            assert views.status()[0].lag == 0
        assert {UUID(str(row["id"])) for row in rows} == {flow.id for flow in flows}
        assert {row["state"] for row in rows} == {"choose_method"}

    async def test_a_rebuild_that_died_halfway_leaves_nothing_behind(self, store: LogStore, url: str) -> None:
        await self.append(store, [begun(number) for number in range(PAGE_EVENTS)])

        def die(position: int, head: int) -> None:
            raise KeyboardInterrupt

        with open_views(url) as views:
            views.catch_up(FLOWS)
            with pytest.raises(KeyboardInterrupt):
                views.rebuild(FLOWS, die)
        with open_views(url) as views:
            assert len(list(views.rows(FLOWS))) == PAGE_EVENTS
            assert views.rebuild(FLOWS) == 2 * PAGE_EVENTS
            assert len(list(views.rows(FLOWS))) == PAGE_EVENTS
