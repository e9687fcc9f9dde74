"""Proofs that stand alone: whoever has the public key can check them, without a store and without limen.

An inclusion proof has the entry of an event, its index, the path of hashes and the checkpoint; a consistency proof two
checkpoints and a path. Bytes are base64.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from limen.adapters.ledger.checkpoint import Checkpoint
from limen.adapters.ledger.entry import Entry
from limen.adapters.ledger.merkle import consistency_holds, inclusion_holds, leaf_hash
from limen.adapters.ledger.note import NoteInvalid, Verifier, decoded
from limen.adapters.ledger.tile import HASH

Document = dict[str, Any]


def inclusion(entry: bytes, index: int, path: Sequence[bytes], checkpoint: Checkpoint) -> Document:
    """The proof that an event is in the log that a checkpoint is of."""
    return {
        "proof": "inclusion",
        "entry": _text(entry),
        "index": index,
        "path": [_text(one) for one in path],
        "checkpoint": checkpoint.note,
    }


def consistency(old: Checkpoint, new: Checkpoint, path: Sequence[bytes]) -> Document:
    """The proof that the log of a checkpoint begins with that of an older one."""
    return {"proof": "consistency", "path": [_text(one) for one in path], "old": old.note, "new": new.note}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a proof: whether it holds, why not, the key that signed, and what it says of the log."""

    valid: bool
    fault: str = ""
    key: str = ""
    shown: Mapping[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {"valid": self.valid, "fault": self.fault or None, "key": self.key or None, **(self.shown or {})}


def verdict(document: Any, *trusted: Verifier) -> Verdict:
    """Checks a proof, against the keys given or else the one its checkpoint names."""
    try:
        if not isinstance(document, Mapping) or document.get("proof") not in ("inclusion", "consistency"):
            return Verdict(False, "this is no proof of a ledger")
        path = [_bytes(one) for one in document["path"]]
        if any(len(one) != HASH for one in path):
            raise ValueError("a path is made of hashes")
        if document["proof"] == "inclusion":
            return _inclusion(document, path, trusted)
        return _consistency(document, path, trusted)
    except NoteInvalid as error:
        return Verdict(False, f"the checkpoint is not to be trusted: {error}")
    except (KeyError, TypeError, ValueError):
        return Verdict(False, "the proof cannot be read")


def _inclusion(document: Mapping[str, Any], path: Sequence[bytes], trusted: Sequence[Verifier]) -> Verdict:
    checkpoint = _checked(document["checkpoint"], trusted)
    data, index = _bytes(document["entry"]), document["index"]
    entry = Entry.of(data)
    shown = {
        "proof": "inclusion",
        "stream": str(UUID(entry.stream)),
        "version": entry.version,
        "type": entry.topic,
        "state": entry.state.decode(),
        "index": index,
        "size": checkpoint.size,
        "time": checkpoint.time,
    }
    if type(index) is not int or not inclusion_holds(leaf_hash(data), index, checkpoint.size, path, checkpoint.root):
        return Verdict(False, "the event is not in the log of this checkpoint", str(checkpoint.key), shown)
    return Verdict(True, "", str(checkpoint.key), shown)


def _consistency(document: Mapping[str, Any], path: Sequence[bytes], trusted: Sequence[Verifier]) -> Verdict:
    old, new = _checked(document["old"], trusted), _checked(document["new"], trusted)
    shown = {"proof": "consistency", "old": old.size, "new": new.size, "time": new.time}
    if old.origin != new.origin:
        return Verdict(False, "the checkpoints are of two logs", str(new.key), shown)
    if not trusted and old.key != new.key:
        return Verdict(False, "the checkpoints are of two keys, and none was given", str(new.key), shown)
    if not consistency_holds(old.size, old.root, new.size, new.root, path):
        return Verdict(False, "the newer log does not begin with the older one", str(new.key), shown)
    return Verdict(True, "", str(new.key), shown)


def _checked(note: str, trusted: Sequence[Verifier]) -> Checkpoint:
    checkpoint = Checkpoint.of(note)
    checkpoint.check(*trusted)
    return checkpoint


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(text: str) -> bytes:
    data = decoded(text)
    if not data:
        raise ValueError("this is no base64")
    return data
