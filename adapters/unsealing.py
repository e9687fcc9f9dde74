"""Unsealing: what a sealed field of an event is shown as: its value, that it is sealed, or that it has been erased."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag

from limen.adapters.keyring import Keys
from limen.adapters.store.recorder import VaultRecorder
from limen.domain.errors import Erased, StoreUnusable
from limen.domain.sealed import Sealed


class Unsealer:
    """Opens sealed fields of one store, with the keys where they are at hand."""

    def __init__(self, recorder: VaultRecorder, keys: Keys | None) -> None:
        self._recorder = recorder
        self._keys = keys

    def opener(self, value: Mapping[str, Any]) -> Any:
        """The field as it is shown now: the vault is asked each time, for its key may be erased between two."""
        return self.shown(value, self.kept([value["key"]]))

    def kept(self, owners: Collection[str]) -> frozenset[str]:
        """Which of these have their key still; asked for all at once, and the keys are at hand then."""
        ids = {owner: UUID(owner) for owner in owners}
        rows = {row.owner: row for row in self._recorder.key_rows(list(ids.values()))}
        if self._keys is not None:
            for id_ in ids.values():
                self._keys.admit(id_, rows.get(id_))
        return frozenset(owner for owner, id_ in ids.items() if id_ in rows)

    def shown(self, value: Mapping[str, Any], kept: Collection[str]) -> Any:
        """The value, or `{"sealed": true}` without keys, or `{"erased": true}`. `kept` as that gives it.

        Raises `StoreUnusable` for a field that is not what was sealed.
        """
        if value["key"] not in kept:
            return {"erased": True}
        if self._keys is None:
            return {"sealed": True}
        try:
            return self._keys.unseal(Sealed.model_validate(value))
        except Erased:
            return {"erased": True}
        except InvalidTag:
            raise StoreUnusable(
                f"a field sealed for {value['key']} was changed afterwards; limen audit verify names the event"
            ) from None
