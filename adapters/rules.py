"""Rules: a configuration set to work, and an older one recalled from the log and the vault."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from limen.adapters.configuration import read, restore
from limen.adapters.schemas import SchemaValidator
from limen.domain.configuration import Configuration
from limen.domain.identity_schemas import IdentitySchemas
from limen.domain.placement import SLOTS
from limen.domain.ports import Keyring, Store
from limen.domain.published import PublishedConfiguration
from limen.domain.rules import Rules


def rules_of(id_: UUID, configuration: Configuration) -> Rules:
    """A configuration with what is built from it."""
    return Rules(
        id=id_,
        configuration=configuration,
        schemas=IdentitySchemas.of(configuration.schemas),
        validator=SchemaValidator(configuration.schemas),
    )


async def recall(store: Store, keyring: Keyring, id_: UUID, hooks: Mapping[str, Sequence[str]]) -> Configuration | None:
    """A configuration that flows are pinned to, as it was published; None where a part of it is gone.

    `hooks` are the names that are registered now, and where.
    """
    published = PublishedConfiguration.replay(id_, await store.events(id_))
    row = await store.vault(id_, "secrets")
    if not published.version or row is None:
        return None
    await keyring.load(id_)
    source = restore(published.document, json.loads(keyring.decrypt(id_, row.value)))
    return await asyncio.to_thread(read, source, env={}, hooks={**names_in(published.handlers), **hooks})


def names_in(handlers: Sequence[str]) -> dict[str, Sequence[str]]:
    """The names a published configuration could use: accepted once, whether or not they are registered today.

    Without its function such an action fails when it runs; what it stands beside still works.
    """
    everywhere = [str(slot) for slot in SLOTS]
    return dict.fromkeys((text.removeprefix("hook=") for text in handlers if text.startswith("hook=")), everywhere)
