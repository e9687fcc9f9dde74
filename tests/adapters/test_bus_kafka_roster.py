"""Which members of a Kafka group get partitions: those with the handlers of the group."""

from typing import Any

import pytest

from limen.adapters.bus.kafka.roster import KafkaRoster


class Cluster:
    """A topic of two partitions, for an assignor."""

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1}


def member(roster: str, *, at_work: bool = False) -> KafkaRoster:
    """A member that has said it has these handlers; at work, it has joined before."""
    one = KafkaRoster("crm")
    one.begin(roster)
    if at_work:
        one.on_assignment(one.assign(Cluster(), {"me": one.metadata(["t"])})["me"])
        assert one.agreed
    return one


def join(leader: KafkaRoster, *members: KafkaRoster) -> list[int]:
    """All of them join, the first of them assigns; how many partitions each got."""
    said = {str(number): one.metadata(["t"]) for number, one in enumerate((leader, *members))}
    shared = leader.assign(Cluster(), said)
    for number, one in enumerate((leader, *members)):
        one.on_assignment(shared[str(number)])
    return [len(shared[str(number)].partitions()) for number in range(len(said))]


def test_members_of_the_same_handlers_share_evenly() -> None:
    one, other = member("a"), member("a")
    assert join(one, other) == [1, 1]
    assert one.agreed
    assert other.agreed


def test_whoever_comes_with_other_handlers_gets_nothing_and_is_told_what_rules() -> None:
    one, other = member("a", at_work=True), member("b")
    assert join(one, other) == [2, 0]
    assert one.agreed
    assert not other.agreed
    assert other.ruling == "a"


def test_those_at_work_rule_even_where_a_newcomer_assigns() -> None:
    newcomer, one, other = member("b"), member("a", at_work=True), member("a", at_work=True)
    assert join(newcomer, one, other) == [0, 1, 1]
    assert not newcomer.agreed


def test_where_nobody_is_at_work_the_one_who_assigns_rules() -> None:
    one, other = member("b"), member("a")
    assert join(one, other) == [2, 0]


def test_a_member_that_has_been_overruled_is_at_work_no_more(caplog: pytest.LogCaptureFixture) -> None:
    one, other = member("b", at_work=True), member("a", at_work=True)
    assert join(one, other) == [2, 0]
    assert "group 'crm' has other handlers now" in caplog.text
    assert join(other, one) == [0, 2]


def test_a_long_roster_is_told_by_a_digest_and_a_stranger_fits_nobody() -> None:
    long = ", ".join(f"SessionRevoked=handler_{number}" for number in range(500))
    one, same, stranger = member(long), member(long), member("a")
    stranger.metadata = lambda topics: replace_user_data(one.metadata(topics))  # type: ignore[method-assign]  # it is one
    assert join(one, same, stranger) == [1, 1, 0]
    assert len(one.ruling) == 64


def replace_user_data(metadata: Any) -> Any:
    """What an assignor of the same name, but not limen's, would say."""
    metadata.user_data = b"\x00"
    return metadata
