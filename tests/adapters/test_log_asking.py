"""Who asks the log for a flow is understood, or told what is wrong."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from limen.adapters import open_log
from limen.adapters.log import EventReader
from limen.domain import FlowNotFound
from tests.support.engine import NOON, House, open_house


def reader(house: House) -> EventReader:
    store: Any = house.engine.streams.store
    return open_log(store)


async def test_a_flow_is_found_by_its_id_as_text_too() -> None:
    async with open_house() as house:
        flow = await house.start("login")
        with reader(house) as log:
            assert log.flow(str(flow.id)).events == log.flow(flow.id, at=NOON + timedelta(seconds=1)).events != ()
            assert log.flow(flow.id.hex.upper()).flow.id == flow.id


@pytest.mark.parametrize("id", ["x", "", UUID(int=7), str(UUID(int=8)), 7, None, "9" * 100])
async def test_what_is_no_flow_is_not_found(id: Any) -> None:
    async with open_house() as house:
        with reader(house) as log, pytest.raises(FlowNotFound) as refused:
            log.flow(id)
        assert len(str(refused.value)) < 120


async def test_a_time_without_a_zone_is_refused_for_it_names_no_instant() -> None:
    naive = datetime(2027, 1, 1)
    async with open_house() as house:
        flow = await house.start("login")
        with reader(house) as log:
            with pytest.raises(ValueError, match="has no zone"):
                log.flow(flow.id, at=naive)
            with pytest.raises(ValueError, match="has no zone"):
                log.stream(UUID(int=1), at=naive)
