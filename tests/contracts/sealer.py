"""A process that appends and seals until it is killed, for the tests of the ledger.

`python -m tests.contracts.sealer URL` prints the number and size of each checkpoint that it made.
"""

import asyncio
import sys
from datetime import UTC, datetime
from uuid import uuid4

from limen.adapters.ledger import open_ledger
from limen.adapters.store import open_store
from limen.domain.ports import Step
from tests.contracts.store import probe

SEED = b"k" * 32


async def forever(url: str) -> None:
    """A few hundred events, and a checkpoint over them."""
    store = open_store(url)
    with open_ledger(url, write=True) as ledger:
        while True:
            await store.append(Step(events=[probe(uuid4(), 1, "x" * 100) for _ in range(300)]))
            ledger.seal()
            made = ledger.sign(SEED, datetime.now(UTC))
            assert made is not None
            print(made.number, made.size, flush=True)


if __name__ == "__main__":
    asyncio.run(forever(sys.argv[1]))
