"""Unsealing: what a sealed field of an event is shown as: its value, that it is sealed, or that it has been erased."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from limen.adapters.keyring import Keys
from limen.adapters.store.recorder import VaultRecorder
from limen.domain.errors import Erased
from limen.domain.sealed import Sealed


class Unsealer:
    """Opens sealed fields of one store, with the keys where they are at hand."""

    def __init__(self, recorder: VaultRecorder, keys: Keys | None) -> None:
        self._recorder = recorder
        self._keys = keys

    def opener(self, value: Mapping[str, Any]) -> Any:
        """The field as it is shown now: the vault is asked each time, for its key may be erased between two."""
        return self.shown(Sealed.model_validate(value), {})

    def shown(self, sealed: Sealed, has_key: dict[UUID, bool]) -> Any:
        """The value, or `{"sealed": true}` without keys, or `{"erased": true}`. `has_key` spares asking twice."""
        if sealed.key not in has_key:
            row = self._recorder.vault_row(sealed.key, "key", "")
            has_key[sealed.key] = row is not None
            if self._keys is not None:
                self._keys.admit(sealed.key, row)
        if self._keys is None or not has_key[sealed.key]:
            return sealed.masked(erased=not has_key[sealed.key])
        try:
            return self._keys.unseal(sealed)
        except Erased:
            return sealed.masked(erased=True)
