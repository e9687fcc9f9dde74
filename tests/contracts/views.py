"""What every keeper of views does: each event counted once, whoever is at it, and rebuilt beside the old rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import UUID, uuid4

import pytest

from limen.adapters.store import LogStore, open_store
from limen.adapters.views import Status, Views, open_views
from limen.adapters.views.reading import PAGE_EVENTS
from limen.domain.action_events import ActionRef
from limen.domain.aggregate import Aggregate
from limen.domain.configuration import FlowKind
from limen.domain.delivery import Delivery, DeliveryScheduled
from limen.domain.flow import Flow, initiate
from limen.domain.identity import Identity, IdentityErased, IdentityRegistered, SessionOpened
from limen.domain.ports import Step
from limen.domain.sealed import Sealed
from limen.domain.session import Authentication, Session, SessionIssued, SessionRevoked
from limen.projections import ACTIONS, FLOWS, IDENTITIES, SESSIONS, VIEWS

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def begun(number: int) -> Flow:
    """A login that is open; each begins a second after the one before."""
    id_, at = uuid4(), NOON + timedelta(seconds=number)
    seal = Sealed(sealed="c2VhbGVk", key=id_)
    told = {"kind": FlowKind.LOGIN, "type": "api", "configuration": uuid4(), "expires_at": at, "request": seal}
    flow = initiate(id_, at, **told)
    flow.fire("open", at)
    return flow


def person() -> tuple[Identity, Session]:
    """Somebody who registered and is signed in."""
    identity, session = Identity(uuid4()), Session(uuid4())
    seal = Sealed(sealed="c2VhbGVk", key=identity.id)
    identity.record(IdentityRegistered, NOON, flow_id=None, profile=seal, credentials=("password",))
    identity.record(SessionOpened, NOON, flow_id=None, session_id=session.id, expires_at=NOON)
    password = Authentication(method="password", aal="aal1", completed_at=NOON)
    began = {"identity_id": identity.id, "flow_id": uuid4(), "expires_at": NOON, "device": seal}
    session.record(SessionIssued, NOON, aal="aal1", authentications=(password,), **began)
    return identity, session


def scheduled(action: str, channel: str = "web_hook") -> Delivery:
    """A delivery of an action, not tried yet."""
    delivery = Delivery(uuid4())
    told = {"flow_id": uuid4(), "trigger_id": uuid4(), "configuration": uuid4(), "phase": "after"}
    delivery.record(DeliveryScheduled, NOON, channel=channel, action=action, hook="web_hook", **told)
    return delivery


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

    async def append(self, store: LogStore, streams: Sequence[Aggregate]) -> None:
        await store.append(Step(events=[event for one in streams for event in one.collect_events()]))

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
                (name, 0, 2, 2) for name in VIEWS
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

    async def test_identities_and_sessions_are_listed_without_personal_data(self, store: LogStore, url: str) -> None:
        identity, session = person()
        await self.append(store, [identity, session])
        with self.views(store, url) as views:
            (row,) = views.rows(IDENTITIES, {"state": "kept"})
            assert (row["id"], row["sessions"], row["credentials"]) == (str(identity.id), 1, "password")
            (row,) = views.rows(SESSIONS, {"identity": str(identity.id)})
            assert (row["id"], row["state"], row["methods"]) == (str(session.id), "issued", "password")
            session.record(SessionRevoked, NOON, reason="erased")
            identity.record(IdentityErased, NOON)
            await self.append(store, [session, identity])
            (row,) = views.rows(SESSIONS, {"state": "revoked"})
            assert row["reason"] == "erased"
            assert [row["id"] for row in views.rows(IDENTITIES, {"state": "erased"})] == [str(identity.id)]

    async def test_a_delivery_counts_for_the_action_that_its_first_event_names(self, store: LogStore, url: str) -> None:
        delivery, message = scheduled("news"), scheduled("login_code", channel="message")
        for one in (delivery, message):
            one.fire("attempt", NOON, attempt=1, lease=NOON)
        await self.append(store, [delivery, message])
        with self.views(store, url) as views:
            assert list(views.rows(ACTIONS)) == []
            for one in (delivery, message):
                one.fire("postpone", NOON, attempt=1, reason="timeout", duration=3.0, next_at=NOON)
                one.fire("attempt", NOON, attempt=2, lease=NOON)
            await self.append(store, [delivery, message])
            (row,) = views.rows(ACTIONS, {"action": "news"})
            assert (row["runs"], row["attempts"], row["fail"], row["p50"]) == (0, 1, 1, 2991)
            delivery.fire("deliver", NOON + timedelta(days=1), attempt=2, duration=1.0, status=204)
            await self.append(store, [delivery])
            second, first = views.rows(ACTIONS)
            assert (second["day"], second["runs"], second["delivered"], second["fail"]) == ("2026-01-02", 1, 1, 0)
            assert (first["day"], first["runs"], first["fail"]) == ("2026-01-01", 0, 1)
            assert [row["day"] for row in views.rows(ACTIONS, since="2026-01-02")] == ["2026-01-02"]
            before = list(views.rows(ACTIONS))
            views.rebuild(ACTIONS)
            assert list(views.rows(ACTIONS)) == before

    async def test_all_views_are_rebuilt_in_one_reading_of_the_log(self, store: LogStore, url: str) -> None:
        identity, session = person()
        delivery = scheduled("news")
        delivery.fire("attempt", NOON, attempt=1, lease=NOON)
        delivery.fire("deliver", NOON, attempt=1, duration=1.0)
        flow = begun(20)
        flow.fire("submit", NOON, method="password", network=uuid4())
        flow.fire("accept", NOON, method="password", identity_id=uuid4())
        ref = ActionRef(hook="web_hook", id="risk", position=0, phase="after")
        flow.fire("answer_action", NOON, action=ref, attempt=1, verdict="continue", duration=1.0)
        flow.fire("refuse", NOON, method="password", reason="credentials", identity_id=uuid4())
        await self.append(store, [identity, session, delivery, flow, *(begun(number) for number in range(20))])
        seen: list[tuple[int, int]] = []
        with self.views(store, url) as views:
            before = {view.name: list(views.rows(view)) for view in VIEWS.values()}
            head = views.status()[0].head
            assert views.rebuild_all(progress=lambda *at: seen.append(at)) == dict.fromkeys(VIEWS, head)
            assert seen == [(head, head)]
            assert {view.name: list(views.rows(view)) for view in VIEWS.values()} == before
            assert all(before.values())

    async def test_views_that_are_not_equally_far_take_in_what_each_is_missing(self, store: LogStore, url: str) -> None:
        await self.append(store, [begun(0), *person()])
        with self.views(store, url) as views:
            assert views.rebuild(FLOWS) == 5
            await self.append(store, [begun(1), *person()])
            assert views.rebuild_all([FLOWS, IDENTITIES]) == {"flows": 10, "identities": 10}
            assert len(list(views.rows(FLOWS))) == len(list(views.rows(IDENTITIES))) == 2

    async def test_an_earlier_layout_goes_when_its_view_is_rebuilt(self, store: LogStore, url: str) -> None:
        await self.append(store, [begun(0)])
        earlier = replace(FLOWS, layout=FLOWS.layout - 1)
        with self.views(store, url) as views:
            views.catch_up(earlier)
            views.catch_up(FLOWS)
            assert views.tables == [f"view_flows_v{FLOWS.layout - 1}", f"view_flows_v{FLOWS.layout}"]
            views.rebuild(FLOWS)
            assert views.tables == [f"view_flows_v{FLOWS.layout}"]


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
