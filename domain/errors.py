"""Every error limen raises on purpose, and what to do about each.

::

    LimenError
    ├── ConfigurationInvalid     the files are refused; every fault is listed by its path: correct them
    ├── FlowNotFound             no such flow: start a new one
    ├── FlowExpired              its time is over: start a new one
    ├── FlowFinished             it has ended already and was left as it is: start a new one, or use `into`
    ├── FlowBusy                 another submission of it is under way: wait for that one, or ask again after `until`
    │   └── FlowOvertaken        what it rested on was changed by another: look at what is there now, submit again
    ├── FlowRejected             a `before` action said no: show `messages`
    ├── ActionFailed             an action could not be asked or gave nonsense: submit again, or look at its target
    ├── RequestRefused           the request does not fit the session it came with: `id` is Kratos' error id
    ├── SchemaGone               somebody goes by an identity schema that is not configured: put it back
    ├── SubmissionInvalid        the submission cannot be read: `pointer` names the place
    ├── IllegalTrigger           the machine's table has no such row: the state, the trigger and what is allowed
    ├── StoreConflict            somebody else appended first: read again and decide anew
    ├── StoreUnusable            the store cannot be opened or belongs to another key: the message says which
    ├── BusUnusable              the bus cannot be reached or used: the message says why
    ├── GroupDiffers             another router of the group has other handlers: start the same code everywhere
    ├── TransactionLost          a consumer's handler ended the transaction it was lent: nothing of it counts
    ├── LedgerBroken             what was sealed is not what was signed: `limen audit verify` says what is wrong
    ├── NotInLedger              there is no such event or checkpoint, or it is not sealed yet: the message says which
    ├── ExportRefused            the export cannot be written there, or not gone on with: the message says why
    ├── Erased                   the personal data asked for has been erased: nothing to be done
    ├── EngineClosed             the engine was used after its `with` block: open another
    └── WrongProcess             an engine crossed a fork: open it afterwards

No error text carries a secret or personal data. HTTP statuses are not known here; an adapter gives them by `id`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID


class LimenError(Exception):
    """Base of all. `id` is the error's stable name, as a client would see it.

    `stands`: what was submitted is stored all the same, and `outcome` is what it came to. `redirect_browser_to` is
    where the browser of a native app goes on: its address says which flow is open, and what is wrong.
    """

    id: str = "limen_error"
    stands: bool = False
    outcome: Any = None
    redirect_browser_to: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in a configuration file. `path` is a JSON pointer into it; `message` says what is expected."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or '/'}: {self.message}"


class ConfigurationInvalid(LimenError):
    """The configuration is refused as a whole."""

    id = "configuration_invalid"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults) or "the configuration is refused")


class _FlowError(LimenError):
    """What the errors about one flow have in common: its id."""

    sentence: ClassVar[str]

    def __init__(self, flow_id: UUID | str, detail: str = "") -> None:
        self.flow_id = flow_id
        super().__init__(f"{self.sentence.format(flow=flow_id)}{': ' + detail if detail else ''}")


class FlowNotFound(_FlowError):
    """No flow of that id."""

    id = "self_service_flow_not_found"
    sentence = "flow {flow} does not exist; start a new one"


class FlowExpired(_FlowError):
    """The flow's lifespan is over. Kratos: 410 `self_service_flow_expired`."""

    id = "self_service_flow_expired"
    sentence = "flow {flow} has expired; start a new one"


class FlowFinished(_FlowError):
    """The flow has ended; nothing was done.

    `into` is the flow that it goes on as, where it was of the wrong kind: use that one (Kratos: `use_flow_id`).
    """

    id = "self_service_flow_finished"
    sentence = "flow {flow} has ended and was left as it is; start a new one"

    def __init__(self, flow_id: UUID | str, state: str = "", into: UUID | None = None) -> None:
        self.state = state
        self.into = into
        went_on = f"; it goes on as flow {into}" if into else ""
        super().__init__(flow_id, f"it is {state}{went_on}" if state else "")


class FlowBusy(_FlowError):
    """A submission of this flow is under way, here or in another process."""

    id = "self_service_flow_busy"
    sentence = "flow {flow} is busy with another submission; wait for that one to end"

    def __init__(self, flow_id: UUID | str, until: datetime | None = None) -> None:
        self.until = until
        super().__init__(flow_id, f"it comes back at {until.isoformat()} at the latest" if until else "")


class FlowOvertaken(FlowBusy):
    """What a submission rested on was changed by another before it was stored; nothing of it was.

    The flow is back with its user. Submitted again it is judged by what is there then, so there is nothing to wait for.
    """

    sentence = (
        "flow {flow} is back with its user: what the submission rested on (a password, code, address, profile or "
        "session) was changed by another meanwhile, and nothing of it was stored; look at what is there now, and "
        "submit again"
    )


class FlowRejected(_FlowError):
    """A `before` action interrupted: the flow is rejected, 403 with the messages for the user."""

    id = "flow_rejected_by_action"
    sentence = "flow {flow} was rejected by an action"

    def __init__(self, flow_id: UUID | str, messages: Sequence[Mapping[str, Any]], action: str = "") -> None:
        self.messages = tuple(messages)
        self.action = action
        super().__init__(flow_id, f"'{action}' said no" if action else "")


class ActionFailed(LimenError):
    """A blocking action failed.

    `reason` is `upstream` (refused, unreachable, nonsense: 502), `timeout` (504), `template`, `handler` or `address`
    (500). `stands` is true where the action ran after the commit: then identity, change or verified address stand, and
    `outcome` is what the flow came to.
    """

    id = "action_failed"

    def __init__(
        self, action: str, reason: str, detail: str = "", *, flow_id: UUID | None = None, stands: bool = False
    ) -> None:
        self.action = action
        self.reason = reason
        self.detail = detail
        self.flow_id = flow_id
        self.stands = stands
        kept = "what was submitted is stored all the same" if stands else "nothing was stored; submit again"
        super().__init__(f"action '{action}' failed ({reason}{': ' + detail if detail else ''}); {kept}")


class RequestRefused(LimenError):
    """The request does not fit the session or identity it came with.

    `id` is Kratos' error id: `session_already_available`, `session_inactive`, `security_identity_mismatch`,
    `session_verified_address_required`, `session_refresh_required`, `identity_disabled`, `self_service_flow_disabled` …
    """

    def __init__(self, id: str, reason: str, **details: Any) -> None:
        self.id = id
        self.details = details
        super().__init__(reason)


class SchemaGone(LimenError):
    """An identity goes by a schema that the configuration no longer has; nothing was done. Kratos: 400."""

    id = "identity_schema_gone"

    def __init__(self, schema_id: str) -> None:
        self.schema_id = schema_id
        super().__init__(
            f"there is no identity schema '{schema_id}' in the configuration, and this identity goes by it; "
            "list it in identity.schemas again"
        )


class SubmissionInvalid(LimenError):
    """The submission cannot be read: too large, too deep, or of the wrong shape. Nothing was appended."""

    id = "submission_invalid"

    def __init__(self, pointer: str, message: str) -> None:
        self.pointer = pointer
        super().__init__(f"{pointer or '/'}: {message}")


class IllegalTrigger(LimenError):
    """The machine's table has no row for this trigger in this state; nothing happened."""

    id = "illegal_trigger"

    def __init__(self, kind: str, state: str, trigger: str, allowed: Sequence[str]) -> None:
        self.kind, self.state, self.trigger, self.allowed = kind, state, trigger, tuple(allowed)
        may = ", ".join(f"'{name}'" for name in allowed) or "nothing"
        super().__init__(f"'{trigger}' is not allowed for {kind} in state '{state}'; allowed there: {may}")


class StoreConflict(LimenError):
    """An event of the same stream and version is there already, or an identifier is taken. Nothing was written."""

    id = "store_conflict"

    def __init__(self, streams: Iterable[UUID] = ()) -> None:
        self.streams = frozenset(streams)
        super().__init__("another writer appended to the same stream first; read it again and decide anew")


class StoreUnusable(LimenError):
    """The store cannot be opened as configured."""

    id = "store_unusable"


class BusUnusable(LimenError):
    """The bus cannot be reached or used as configured; the text holds no credentials."""

    id = "bus_unusable"


class GroupDiffers(LimenError):
    """Another router of the same consumer group is at work with other handlers: events would get lost between them."""

    id = "group_differs"

    def __init__(self, group: str, ours: str, theirs: str) -> None:
        self.group, self.ours, self.theirs = group, ours, theirs
        super().__init__(
            f"group '{group}' is at work with other handlers ({theirs}) than these ({ours}); start the same code "
            "everywhere, stop the old ones first, or give these a group of their own"
        )


class LedgerBroken(LimenError):
    """The ledger's tables, or the events it is about, are not as they were signed: nothing is signed over that."""

    id = "ledger_broken"


class NotInLedger(LimenError):
    """What is to be proven is not in the ledger, or not yet."""

    id = "not_in_ledger"


class ExportRefused(LimenError):
    """What an export is to go on with was made with other options or from another log; or a library is missing."""

    id = "export_refused"


class Erased(LimenError):
    """The key of this personal data is gone: the person was erased."""

    id = "erased"


class EngineClosed(LimenError):
    """The engine has been closed: nothing of the call was done, or what was under way was cut off as by a crash."""

    id = "engine_closed"

    def __init__(self) -> None:
        super().__init__("the engine has been closed; open another one")


class WrongProcess(LimenError):
    """The engine was opened in another process: open one engine a process, after the fork."""

    id = "wrong_process"
