"""Rebuilding what is read from the log, and looking at it, asks nobody and tells nobody."""

import asyncio
from uuid import uuid4

from limen.adapters import open_log
from limen.adapters.bus import MemoryBus
from limen.adapters.drawing import diagram
from limen.adapters.store import LogStore
from limen.adapters.told import tell
from limen.adapters.views import open_views
from limen.projections import ACTIONS, VIEWS
from tests.support.engine import hook, ignore, open_house, parse


async def test_views_are_rebuilt_and_flows_are_told_without_a_request_or_a_message() -> None:
    bus = MemoryBus(f"memory:{uuid4()}")
    hooks = {
        "registration.before": [hook("/before", id="before")],
        "registration.after.password": [parse("/asked", id="asked"), ignore("/told", id="told"), {"hook": "session"}],
    }
    async with open_house(hooks, bus=bus) as house:
        await house.register()
        await house.sink.wait(3)
        await house.until("DeliveryDelivered", 2)
        store = house.engine.streams.store
        assert isinstance(store, LogStore)
        flow = house.log("FlowInitiated")[0].stream
        asked, events, mails = house.called(), house.log(), len(house.courier.messages)
        told = len(events)
        for _ in range(3000):
            if bus.state.count >= told:
                break
            await asyncio.sleep(0.01)
        with open_views(store) as views, open_log(store) as log:
            assert views.rebuild_all() == dict.fromkeys(VIEWS, told)
            counted = {row["action"]: (row["runs"], row["attempts"], row["dead"]) for row in views.rows(ACTIONS)}
            assert diagram(log.flow(flow)).startswith("<svg")
            assert [one["id"] for one in tell(log, flow).actions if one["delivery"]] == ["told"]
        await asyncio.sleep(0.05)
        assert counted | {"asked": (1, 1, 0), "told": (1, 1, 0), "before": (1, 1, 0)} == counted
        assert (house.called(), house.log(), len(house.courier.messages)) == (asked, events, mails)
        assert bus.state.count == told
