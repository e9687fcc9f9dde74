"""An event's name and fields are its storage format: these bytes must be readable for ever."""

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from limen.adapters.store.mapper import EventMapper, topics
from limen.domain.event import DomainEvent
from limen.domain.sealed import Sealed

STREAM = UUID("11111111-2222-4333-8444-555555555555")
NOW = datetime(2026, 5, 17, 10, 30, 15, 123456, tzinfo=UTC)


class MapperProbe(DomainEvent):
    stream: ClassVar[str] = "mapper_probe"

    method: str
    tags: tuple[str, ...] = ()
    note: Sealed | None = None


class MapperProbeGrown(DomainEvent):
    """Began as {"name": …}; version 2 called it `label`; version 3 made it a list."""

    stream: ClassVar[str] = "mapper_probe"
    class_version: ClassVar[int] = 3

    labels: list[str]

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["label"] = state.pop("name")

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        state["labels"] = [state.pop("label")]


mapper = EventMapper()


def grown(*labels: str) -> MapperProbeGrown:
    return MapperProbeGrown(originator_id=STREAM, originator_version=7, timestamp=NOW, labels=[*labels])


def test_an_event_is_stored_as_its_name_and_compact_json_without_stream_and_version() -> None:
    note = Sealed(sealed="AAAA", key=STREAM)
    event = MapperProbe(
        originator_id=STREAM, originator_version=3, timestamp=NOW, method="password", tags=("a", "ü"), note=note
    )
    state = (
        '{"timestamp":"2026-05-17T10:30:15.123456Z","method":"password","tags":["a","ü"],'
        '"note":{"sealed":"AAAA","key":"11111111-2222-4333-8444-555555555555"}}'
    )
    assert mapper.to_stored_event(event) == StoredEvent(STREAM, 3, "MapperProbe", state.encode())
    assert mapper.to_domain_event(mapper.to_stored_event(event)) == event


def test_a_later_class_version_is_written_with_the_event() -> None:
    stored = mapper.to_stored_event(grown("a"))
    assert stored.state == b'{"class_version":3,"timestamp":"2026-05-17T10:30:15.123456Z","labels":["a"]}'
    assert mapper.to_domain_event(stored) == grown("a")


@pytest.mark.parametrize(
    "old",
    [
        b'{"timestamp":"2026-05-17T10:30:15.123456Z","name":"a"}',
        b'{"class_version":2,"timestamp":"2026-05-17T10:30:15.123456Z","label":"a"}',
        b'{"timestamp":"2026-05-17T10:30:15.123456Z","labels":["a"],"class_version":3}',
    ],
    ids=["version 1", "version 2", "version 3, fields in another order"],
)
def test_old_bytes_are_read_as_the_present_version(old: bytes) -> None:
    stored = StoredEvent(STREAM, 7, "MapperProbeGrown", old)
    assert mapper.to_domain_event(stored) == grown("a")
    assert mapper.state(STREAM.hex, 7, "MapperProbeGrown", old)["labels"] == ["a"]


@given(st.text(), st.lists(st.text()), st.datetimes(timezones=st.just(UTC)), st.uuids(version=4), st.integers(1, 2**40))
def test_whatever_an_event_says_is_read_back(
    method: str, tags: list[str], at: datetime, stream: UUID, version: int
) -> None:
    event = MapperProbe(originator_id=stream, originator_version=version, timestamp=at, method=method, tags=tuple(tags))
    assert mapper.to_domain_event(mapper.to_stored_event(event)) == event


def test_an_unknown_event_type_is_named() -> None:
    stored = StoredEvent(STREAM, 3, "FlowTeleported", b'{"secret":"hunter2"}')
    with pytest.raises(MapperDeserialisationError, match=r"'FlowTeleported' \(stream 1{8}.*, version 3\)") as unknown:
        mapper.to_domain_event(stored)
    assert "hunter2" not in str(unknown.value)
    with pytest.raises(MapperDeserialisationError, match="'FlowTeleported'"):
        mapper.state(STREAM.hex, 3, stored.topic, stored.state)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (b'{"timestamp":"hunter2","method":["hunter2"]}', "timestamp, method"),
        (b'{"timestamp":"2026-05-17T10:30:15Z","method":"m","more":"hunter2"}', "more"),
        (b"hunter2", "MapperProbe"),
        (b"", "MapperProbe"),
    ],
)
def test_an_event_that_cannot_be_read_says_where_and_tells_no_value(state: bytes, said: str) -> None:
    with pytest.raises(MapperDeserialisationError, match=said) as unreadable:
        mapper.to_domain_event(StoredEvent(STREAM, 3, "MapperProbe", state))
    assert "hunter2" not in str(unreadable.value)


def test_types_are_found_by_kind_and_by_name() -> None:
    assert topics() is None
    assert topics(kind="mapper_probe") == ["MapperProbe", "MapperProbeGrown"]
    assert topics(type="MapperProbe") == ["MapperProbe"]
    assert topics(kind="mapper_probe", type="MapperProbe") == ["MapperProbe"]
    with pytest.raises(ValueError, match="no event type 'Nothing'"):
        topics(type="Nothing")
    with pytest.raises(ValueError, match="no kind of stream 'river'"):
        topics(kind="river")
