"""What a search does on every store: it finds the flows that match, by what the views hold and nothing else."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from limen.adapters import open_log
from limen.adapters.search import Terms, holders, network, search
from limen.adapters.search.criterion import PAGE_ROWS
from limen.adapters.sink import Reply
from limen.adapters.store import LogStore
from limen.adapters.views import Views, open_views
from limen.domain import Outcome, Request
from limen.domain.action_events import ActionRef
from limen.domain.aggregate import Aggregate
from limen.domain.configuration import FlowKind
from limen.domain.ports import Step
from limen.domain.testing import FixedClock
from limen.projections import FLOWS, ORIGINS, PARTIES
from tests.contracts.views import NOON, begun
from tests.support.engine import ADA, PASSWORD, House, ignore, messages, open_house, parse

BOB = "bob@example.org"
HOME, CAFE, ABROAD = (Request(client_ip=one) for one in ("203.0.113.7", "198.51.100.20", "2001:db8:7:8::9"))
NO = messages(("#/", 1, "not now"))
HOOKS = {"login.after": [parse("/risk", id="risk"), ignore("/told", id="told")]}


@asynccontextmanager
async def lived(url: str) -> AsyncIterator[House]:
    """A house in which Ada and Bob are registered from home."""
    async with open_house(HOOKS, store=url, worker=False) as house:
        for who in (ADA, BOB):
            await house.register(who, request=HOME)
        yield house


def store_of(house: House) -> LogStore:
    store = house.engine.streams.store
    assert isinstance(store, LogStore)
    return store


@contextmanager
def views_of(house: House, url: str) -> Iterator[Views]:
    with open_views(store_of(house) if url == "memory:" else url) as views:
        yield views


def found(house: House, url: str, **terms: Any) -> list[UUID]:
    """The ids of the flows found, in their order."""
    with views_of(house, url) as views:
        return [UUID(str(one.flow["id"])) for one in search(views, Terms(**terms))]


def came_from(house: House, address: str) -> dict[str, Any]:
    return {"network": network(house.engine.tools.keyring, address)}


def held(house: House, identifier: str) -> dict[str, Any]:
    with open_log(store_of(house)) as log:
        return {"holders": tuple(one.identity for one in holders(log, house.engine.tools.keyring, identifier))}


async def login(house: House, request: Request = HOME, identifier: str = ADA, password: str = PASSWORD) -> Outcome:
    """Each begins a second after the one before."""
    house.clock.advance(1)
    flow = await house.start("login", request=request)
    values = {"identifier": identifier, "password": password}
    return await house.engine.submit(flow.id, method="password", values=values, request=request)


class Drifting(FixedClock):
    """A clock that is set back meanwhile."""

    drift = timedelta()

    def now(self) -> datetime:
        return super().now() + self.drift


class SearchContract:
    """Subclasses give `url` (a fixture): the URL of a store of its own."""

    async def test_a_flow_is_found_by_where_it_came_from(self, url: str) -> None:
        async with lived(url) as house:
            home, cafe, abroad = [(await login(house, one)).flow.id for one in (HOME, CAFE, ABROAD)]
            assert found(house, url, **came_from(house, "198.51.100.255")) == [cafe]
            assert found(house, url, **came_from(house, "198.51.100.0/24")) == [cafe]
            assert found(house, url, **came_from(house, "2001:db8:7:ffff::")) == [abroad]
            assert found(house, url, **came_from(house, "198.51.101.20")) == []
            assert found(house, url, flow=FlowKind.LOGIN, **came_from(house, "203.0.113.200")) == [home]

    async def test_who_submits_need_not_be_where_the_flow_began(self, url: str) -> None:
        async with lived(url) as house:
            flow = await house.start("login", request=HOME)
            values = {"identifier": ADA, "password": "wrong"}
            for _ in range(2):
                await house.engine.submit(flow.id, method="password", values=values, request=CAFE)
            await house.engine.submit(flow.id, method="telepathy", values={}, request=ABROAD)
            for where in ("198.51.100.1", "2001:db8:7::1", "203.0.113.1"):
                assert flow.id in found(house, url, **came_from(house, where)), where
            with views_of(house, url) as views:
                (one,) = search(views, Terms(**came_from(house, "198.51.100.1")))
                (other,) = search(views, Terms(flow=FlowKind.LOGIN, **came_from(house, "203.0.113.1")))
                rows = list(views.rows(ORIGINS, {"flow": str(flow.id)}))
            assert len(rows) == 2, "where it began is said in its own row"
            assert one.body()["matched"] == {"networks": [{"submitted": 2}]}
            assert other.body()["matched"] == {"networks": [{"started": True}]}

    async def test_a_refused_login_is_found_by_whose_identifier_was_given(self, url: str) -> None:
        async with lived(url) as house:
            ada = (await login(house)).flow
            refused = (await login(house, CAFE, password="wrong")).flow
            await login(house, CAFE, identifier="nobody@example.org", password="wrong")
            whose = ada.identity_id
            assert refused.identity_id is None
            assert found(house, url, identity=whose, outcome="refused") == [refused.id]
            assert found(house, url, flow=FlowKind.LOGIN, **held(house, " ADA@Example.org ")) == [refused.id, ada.id]
            assert found(house, url, **held(house, "nobody@example.org")) == []
            with views_of(house, url) as views:
                (one,) = search(views, Terms(identity=whose, **came_from(house, "198.51.100.1")))
            assert one.body()["matched"]["identities"] == [
                {"identity": str(whose), "refused": 1, "challenged": 0, "interrupted": 0, "released": 0}
            ]

    async def test_a_code_that_was_asked_for_is_found_by_whom_it_went_to(self, url: str) -> None:
        async with lived(url) as house:
            ada = (await login(house)).flow.identity_id
            flow = await house.ask_code("recovery")
            unknown = await house.ask_code("recovery", "nobody@example.org")
            await house.give_code(flow, "000000")
            assert found(house, url, identity=ada, flow=FlowKind.RECOVERY) == [flow.id]
            assert found(house, url, identity=ada, flow=FlowKind.RECOVERY, outcome="refused") == [flow.id]
            assert unknown.body["ui"]["messages"][0]["id"] == flow.body["ui"]["messages"][0]["id"]

    async def test_whose_login_was_interrupted_is_found_though_the_flow_became_somebody_elses(self, url: str) -> None:
        async with lived(url) as house:
            ada, bob = [(await login(house, identifier=one)).flow.identity_id for one in (ADA, BOB)]
            house.sink.script("/risk", NO)
            flow = (await login(house)).flow
            house.sink.script("/risk", Reply())
            values = {"identifier": BOB, "password": PASSWORD}
            outcome = await house.engine.submit(flow.id, method="password", values=values)
            assert (outcome.completed, outcome.flow.identity_id) == (True, bob)
            assert flow.id in found(house, url, identity=bob)
            assert found(house, url, identity=ada, outcome="interrupted") == [flow.id]
            with views_of(house, url) as views:
                (row,) = views.rows(PARTIES, {"flow": str(flow.id)})
            assert (row["identity"], row["interrupted"]) == (str(ada), 1)

    async def test_a_taken_identifier_at_registration_names_its_holder(self, url: str) -> None:
        async with lived(url) as house:
            ada = (await login(house)).flow.identity_id
            again = await house.register(ADA)
            assert again.state == "choose_method"
            assert found(house, url, identity=ada, flow=FlowKind.REGISTRATION, outcome="refused") == [again.flow.id]

    async def test_an_action_is_found_by_what_it_said_and_a_delivery_by_its_state(self, url: str) -> None:
        async with lived(url) as house:
            passed = (await login(house)).flow.id
            house.sink.script("/risk", NO)
            stopped = (await login(house)).flow.id
            assert found(house, url, action="risk") == [stopped, passed]
            assert found(house, url, action="risk", outcome="interrupt") == [stopped]
            assert found(house, url, action="risk", outcome="continue") == [passed]
            assert found(house, url, action="risk", outcome="failed") == []
            assert found(house, url, action="told", outcome="scheduled") == [passed]
            assert found(house, url, action="told", outcome="delivered") == []
            assert found(house, url, outcome="interrupted") == [stopped]
            assert found(house, url, outcome="completed", flow=FlowKind.LOGIN) == [passed]

    async def test_terms_combine_and_the_newest_comes_first(self, url: str) -> None:
        async with lived(url) as house:
            began = [(house.clock.now() + timedelta(seconds=1), (await login(house, CAFE)).flow.id) for _ in range(4)]
            times, ids = zip(*began, strict=True)
            cafe = came_from(house, "198.51.100.0/24")
            assert found(house, url, **cafe) == list(reversed(ids))
            assert found(house, url, since=times[1], until=times[3], **cafe) == [ids[2], ids[1]]
            assert found(house, url, since=times[3], action="risk") == [ids[3]]
            assert found(house, url, until=times[0], action="risk") == []
            assert found(house, url, flow=FlowKind.SETTINGS, **cafe) == []
            assert found(house, url, identity=uuid4(), **cafe) == []
            assert found(house, url, holders=()) == []
            with views_of(house, url) as views:
                assert [one.flow["id"] for one in search(views, Terms(**cafe), limit=2)] == [str(ids[3]), str(ids[2])]

    async def test_who_held_an_identifier_is_told_with_when_and_still_after_they_were_erased(self, url: str) -> None:
        async with lived(url) as house:
            ada, first = (await login(house)).flow, house.clock.now() - timedelta(seconds=1)
            house.clock.advance(60)
            await house.engine.erase(ada.identity_id or "")
            gone = house.clock.now()
            house.clock.advance(60)
            heir = await house.register(ADA)
            with open_log(store_of(house)) as log:
                listed = holders(log, house.engine.tools.keyring, ADA)
            assert [(one.identity, one.since, one.until, one.erased) for one in listed] == [
                (ada.identity_id, first, gone, True),
                (heir.flow.identity_id, gone + timedelta(seconds=60), None, False),
            ]
            listed_flows = found(house, url, **held(house, ADA))
            assert listed_flows.index(heir.flow.id) < listed_flows.index(ada.id)

    async def test_a_flow_is_found_by_when_it_began_though_another_clock_was_behind(self, url: str) -> None:
        clock = Drifting(NOON)
        async with open_house(HOOKS, store=url, worker=False, clock=clock) as house:
            ada = (await house.register(ADA, request=HOME)).flow.identity_id
            clock.advance(3600)
            flow, began = await house.start("login", request=HOME), clock.now()
            clock.drift = timedelta(minutes=-1)  # as of another process, which takes the submissions
            for password in ("wrong", PASSWORD):
                values = {"identifier": ADA, "password": password}
                await house.engine.submit(flow.id, method="password", values=values, request=CAFE)
            cafe = came_from(house, "198.51.100.1")
            for terms in ({"identity": ada}, {"action": "risk", "outcome": "continue"}, cafe):
                assert found(house, url, since=began, **terms) == [flow.id], terms

    async def test_views_rebuilt_find_the_same(self, url: str) -> None:
        async with lived(url) as house:
            for request in (HOME, CAFE):
                await login(house, request, password="wrong")
            with views_of(house, url) as views:
                before = {view: list(views.rows(view)) for view in (FLOWS, PARTIES, ORIGINS)}
                views.rebuild_all()
                assert {view: list(views.rows(view)) for view in (FLOWS, PARTIES, ORIGINS)} == before
                assert before[PARTIES]

    async def test_many_candidates_are_read_page_by_page_and_come_in_order(self, url: str) -> None:
        """Actions that answered in another order than their flows began, and more of them than a page holds."""
        async with open_house(store=url, worker=False) as house:
            flows, dice = [begun(number) for number in range(2 * PAGE_ROWS + 7)], random.Random(7)
            streams: list[Aggregate] = [*flows]
            for flow in flows:
                later = flow.issued_at + timedelta(seconds=dice.randrange(3000))
                ref = ActionRef(hook="web_hook", id="slow", position=0, phase="after")
                flow.fire("submit", later, method="password")
                flow.fire("accept", later, method="password", identity_id=uuid4())
                for _ in range(2):
                    flow.fire("answer_action", later, action=ref, attempt=1, verdict="continue", duration=1.0)
            await store_of(house).append(Step(events=[event for one in streams for event in one.collect_events()]))
            expected = [flow.id for flow in reversed(flows)]
            assert found(house, url, action="slow") == expected
            assert found(house, url, action="slow", until=NOON + timedelta(seconds=5)) == expected[-5:]
            with views_of(house, url) as views:
                first = next(search(views, Terms(action="slow", outcome="continue")))
            assert first.body()["matched"] == {"actions": [{"action": "slow", "outcome": "continue", "times": 2}]}
