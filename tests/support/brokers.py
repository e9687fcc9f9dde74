"""Real brokers for tests.

`…_url()` is a server that all tests of a process share: one that is named in the environment or reachable, else one
started for them. `own_…()` is a server of the test's own that it may kill and start again.
"""

from tests.support.kafka_server import OwnKafka, kafka_url, own_kafka
from tests.support.nats_server import nats_url, own_nats
from tests.support.own_server import OwnServer
from tests.support.rabbit_server import own_rabbit, rabbit_installed, rabbit_url
from tests.support.redis_server import own_redis, redis_url

__all__ = [
    "OwnKafka",
    "OwnServer",
    "kafka_url",
    "nats_url",
    "own_kafka",
    "own_nats",
    "own_rabbit",
    "own_redis",
    "rabbit_installed",
    "rabbit_url",
    "redis_url",
]
