"""limen's core: flows, identities, sessions and deliveries as event streams; the rules of the actions; the ports.

Does no I/O: time, ids, randomness, the store and everything outside come in through `limen.domain.ports`.
"""

from limen.domain.configuration import Configuration, FlowKind
from limen.domain.document import Document
from limen.domain.engine import Engine
from limen.domain.errors import (
    ActionFailed,
    ConfigurationInvalid,
    EngineClosed,
    Erased,
    Fault,
    FlowBusy,
    FlowExpired,
    FlowFinished,
    FlowNotFound,
    FlowOvertaken,
    FlowRejected,
    IllegalTrigger,
    LimenError,
    RequestRefused,
    SchemaGone,
    StoreConflict,
    StoreUnusable,
    SubmissionInvalid,
    WrongProcess,
)
from limen.domain.handler import ActionContext, Actions, Interrupt, Modify
from limen.domain.message import Message
from limen.domain.outcome import FlowView, Outcome
from limen.domain.request import Request

__all__ = [
    "ActionContext",
    "ActionFailed",
    "Actions",
    "Configuration",
    "ConfigurationInvalid",
    "Document",
    "Engine",
    "EngineClosed",
    "Erased",
    "Fault",
    "FlowBusy",
    "FlowExpired",
    "FlowFinished",
    "FlowKind",
    "FlowNotFound",
    "FlowOvertaken",
    "FlowRejected",
    "FlowView",
    "IllegalTrigger",
    "Interrupt",
    "LimenError",
    "Message",
    "Modify",
    "Outcome",
    "Request",
    "RequestRefused",
    "SchemaGone",
    "StoreConflict",
    "StoreUnusable",
    "SubmissionInvalid",
    "WrongProcess",
]
