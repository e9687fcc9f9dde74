"""Four weeks of a small shop, lived through in a few seconds: `python month.py [sqlite:///month.db]`.

Its clock is turned by hand. People register and sign in, by password and by code, and the web hooks are really asked.
"""

import asyncio
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from targets import targets

from limen.adapters import open_engine
from limen.domain import Engine, Request
from limen.domain.testing import FixedClock, MemoryCourier

HERE = Path(__file__).parent
DAYS = 28
PASSWORD = "a lasting password, and a long one"


class Shop:
    """The people of the shop, and what they do."""

    def __init__(self, engine: Engine, courier: MemoryCourier, chance: random.Random) -> None:
        self.engine = engine
        self.courier = courier
        self.chance = chance
        self.people: list[str] = []

    async def register(self) -> None:
        """One in eight tries a throwaway address first."""
        name = f"person{len(self.people)}"
        tried = [f"{name}@throwaway.example"] if self.chance.random() < 0.125 else []
        flow = await self.engine.start("registration", request=self.request())
        for email in [*tried, f"{name}@example.org"]:
            values = {"traits": {"email": email}, "password": PASSWORD}
            await self.engine.submit(flow.id, method="password", values=values, request=self.request())
        self.people.append(f"{name}@example.org")

    async def sign_in(self) -> None:
        """Two in three by password, the others by code."""
        email = self.chance.choice(self.people)
        flow, request = await self.engine.start("login", request=self.request()), self.request()
        if self.chance.random() < 2 / 3:
            values = {"identifier": email, "password": PASSWORD}
            await self.engine.submit(flow.id, method="password", values=values, request=request)
            return
        await self.engine.submit(flow.id, method="code", values={"identifier": email}, request=request)
        code = self.courier.messages[-1].code
        await self.engine.submit(flow.id, method="code", values={"code": code}, request=request)

    def request(self) -> Request:
        """One in ten comes from a network that is thought risky."""
        network = "203.0.113" if self.chance.random() < 0.1 else "198.51.100"
        return Request(client_ip=f"{network}.{self.chance.randrange(256)}")


async def main(store: str) -> None:
    """Every day some register and some sign in."""
    clock, courier = FixedClock(datetime.now(UTC) - timedelta(days=DAYS)), MemoryCourier()
    async with targets(), open_engine(HERE / "identity.yml", store, clock=clock, courier=courier) as engine:
        shop = Shop(engine, courier, random.Random(7))
        for _ in range(DAYS):
            for _ in range(2):
                await shop.register()
            for _ in range(10):
                await shop.sign_in()
            clock.advance(24 * 3600)
    print(f"{len(shop.people)} people registered, {DAYS * 10} times somebody signed in: {store}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "sqlite:///month.db"))
