"""Searching a store in memory keeps the contract; and what cannot be asked is said before anything is read."""

import pytest

from limen.adapters.search import Terms
from tests.contracts.search import SearchContract


class TestMemorySearch(SearchContract):
    @pytest.fixture
    def url(self) -> str:
        return "memory:"


@pytest.mark.parametrize("word", ["delivered", "continue", "nonsense"])
def test_an_outcome_of_a_flow_is_one_that_flows_have(word: str) -> None:
    with pytest.raises(
        ValueError, match="a flow's outcome is one of completed, turned, rejected, failed, expired, refused"
    ):
        Terms(outcome=word)


@pytest.mark.parametrize("word", ["completed", "refused", "nonsense"])
def test_an_outcome_of_an_action_is_one_that_actions_have(word: str) -> None:
    with pytest.raises(ValueError, match="an action's outcome is one of continue, modify, interrupt, ignored, failed"):
        Terms(action="risk", outcome=word)
    assert Terms(action="risk", outcome="fail").criteria()[1] == Terms(action="risk", outcome="failed").criteria()[1]
