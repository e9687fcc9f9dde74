"""The bus on Kafka's protocol keeps the contract."""

import pytest

from tests.contracts.bus import DurableBusContract
from tests.support.brokers import kafka_url
from tests.support.kafka_leaders import let_leaders_wait


class TestKafka(DurableBusContract):
    tells_apart = False

    @pytest.fixture
    def url(self, monkeypatch: pytest.MonkeyPatch) -> str:
        let_leaders_wait(monkeypatch)
        return kafka_url()
