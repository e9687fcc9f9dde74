"""Checkpoint: what a tree was at a size, as a text to sign (C2SP tlog-checkpoint).

::

    limen/4f1b…                 the origin: which log this is
    1200                        how many events it had
    CsUYapGGPo4dkMgIAUqom/…     the root over them
    number 7                    the how manieth checkpoint of its ledger: one that is missing is noticed
    time 2026-03-02T12:00:00Z   when it was signed
    key limen/4f1b…+aab2…+AX…   the public key
"""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime

from limen.adapters.ledger.note import NoteInvalid, Signer, Verifier, decoded, opened, text_of


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint. `note` is its signed text, empty before it is signed; the signature is not checked here."""

    origin: str
    size: int
    root: bytes
    number: int
    time: str
    key: Verifier
    note: str = ""

    @classmethod
    def of(cls, note: str) -> "Checkpoint":
        """Reads a signed checkpoint. Raises `NoteInvalid` for anything else."""
        origin, *lines = text_of(note).split("\n")
        try:
            size, root = lines[0], decoded(lines[1])
            told = dict(line.split(" ", 1) for line in lines[2:-1])
            if not origin or len(root) != 32 or f"{int(size)}" != size or f"{int(told['number'])}" != told["number"]:
                raise ValueError
            return cls(origin, int(size), root, int(told["number"]), told["time"], Verifier.of(told["key"]), note)
        except NoteInvalid:
            raise
        except (ValueError, KeyError, IndexError):
            raise NoteInvalid("this is no checkpoint of a ledger") from None

    @classmethod
    def signed(cls, signer: Signer, size: int, root: bytes, number: int, at: datetime) -> "Checkpoint":
        """A new one."""
        time = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        fresh = cls(signer.name, size, root, number, time, signer.verifier)
        return cls(signer.name, size, root, number, time, signer.verifier, signer.sign(fresh.text))

    @property
    def text(self) -> str:
        """What is signed."""
        head = f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"
        return f"{head}number {self.number}\ntime {self.time}\nkey {self.key}\n"

    def check(self, *trusted: Verifier) -> None:
        """Raises `NoteInvalid` unless one of these keys signed it, or, where none is given, the one it names."""
        opened(self.note, *(trusted or (self.key,)))

    def body(self) -> dict[str, object]:
        """As JSON shows it."""
        return {
            "origin": self.origin,
            "number": self.number,
            "size": self.size,
            "root": b64encode(self.root).decode(),
            "time": self.time,
            "key": str(self.key),
            "note": self.note,
        }
