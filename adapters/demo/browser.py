"""The browser of the demo's person: it goes where it is sent, and says where it was sent on to."""

import httpx


async def landing(url: str) -> str:
    """Where a page that redirects at once leads. Raises `httpx.HTTPError` where nobody is there."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(url)
    return str(answer.headers["location"])
