"""Kafka's protocol for tests: a server that is named, else the mock cluster inside librdkafka (`confluent-kafka`).

The mock cluster is no Kafka: it stands in where a real one would need Java. It is a broker on loopback, run by threads
of the library in this process, which child processes reach too. What it cannot do, measured with aiokafka 0.14 and
librdkafka 2.16:

- It takes idempotent producers and does not look at their sequence numbers: a batch that is sent twice is there twice.
- Two live aiokafka consumers in one group do not get along: the second to join fails (InvalidRequestError).
- After a member has left or has died, the next waits for the session timeout of the group (`session_timeout_ms` of the
  consumer) less one second, or for about twice that: tests set it to 1000.
- Members of one group with different assignment strategies end this process.
- No admin requests for topics and groups. A topic is made when it is first named, with four partitions; `create_topic`
  makes one with others.
- No offsets by time: the answer is that there is none.
- A partition keeps its last 5 MB, or 100,000 batches. All is in memory.
"""

import atexit
import contextlib
import ctypes
import functools
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

VARIABLE = "LIMEN_TEST_KAFKA"
"""URL of a server where topics may be created, such as kafka://127.0.0.1:9092."""

BROKER = 1
"""The id of the only broker."""


class OwnKafka:
    """A mock cluster of one broker, with a face like that of the servers which are processes.

    Its end as a crash is one of connections only: the messages are kept in this process' memory.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        for function in (library.rd_kafka_conf_new, library.rd_kafka_new, library.rd_kafka_mock_cluster_new):
            function.restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        error = ctypes.create_string_buffer(512)
        settings = ctypes.c_void_p(library.rd_kafka_conf_new())
        library.rd_kafka_conf_set(settings, b"log_level", b"4", error, 512)  # it notes that it was given no server
        self._client = ctypes.c_void_p(library.rd_kafka_new(0, settings, error, 512))
        self._cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(self._client, 1))
        assert self._cluster, error.value.decode()
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)  # else 3 s for each first consumer
        self.url = f"kafka://{library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()}"

    def create_topic(self, name: str, partitions: int) -> None:
        """Makes a topic, which must not be there yet."""
        refused = self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        assert refused == 0, f"librdkafka refuses the topic with its error {refused}"

    def kill(self) -> None:
        """All connections are cut, and none is taken."""
        self._library.rd_kafka_mock_broker_set_down(self._cluster, BROKER)

    def start(self) -> None:
        """Takes connections again, on the same port and with what it had."""
        self._library.rd_kafka_mock_broker_set_up(self._cluster, BROKER)

    stop = kill

    def close(self) -> None:
        """Ends it for good."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)


@functools.cache
def kafka_url() -> str:
    """The URL of a server, which is started once a process. Skips the test where there is none."""
    given = os.environ.get(VARIABLE)
    if given:
        return given
    cluster = _cluster()
    atexit.register(cluster.close)
    return cluster.url


@contextlib.contextmanager
def own_kafka() -> Iterator[OwnKafka]:
    """A mock cluster of the test's own: it starts at once, and nobody else's topics are in it."""
    cluster = _cluster()
    try:
        yield cluster
    finally:
        cluster.close()


def _cluster() -> OwnKafka:
    spec = find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        pytest.skip(f"no Kafka: confluent-kafka is not installed; a server may be named in {VARIABLE}")
    package = Path(spec.origin).parent
    found = [*package.with_name("confluent_kafka.libs").glob("librdkafka*"), *package.glob(".dylibs/librdkafka*")]
    if not found:
        pytest.skip(f"no Kafka: confluent-kafka is here without librdkafka; a server may be named in {VARIABLE}")
    return OwnKafka(ctypes.CDLL(str(found[0])))
