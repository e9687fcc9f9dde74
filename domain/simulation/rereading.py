"""Rereading: what a recorded answer means to an action that reads it, or waits for it, in another way.

The record holds a verdict and a status, not the answer itself. Where these do not say what the other action would
have made of it, nobody knows: `None`, never a guess.
"""

from dataclasses import dataclass

from limen.domain.action import Action, ActionSettings, Retry
from limen.domain.simulation.turn import Act


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer is to the new action: a verdict of the record, `fail` with its reason."""

    verdict: str
    reason: str | None = None

    @classmethod
    def of(cls, act: Act) -> "Reading | None":
        """The recorded verdict; None where the attempt was never heard of again."""
        return cls(act.verdict, act.reason) if act.verdict is not None else None


def reread(act: Act, before: Action, now: Action, *, empty: bool) -> Reading | None:
    """What the answer that `before` got means to `now`, which asked the same; None where nobody can know.

    `empty`: whether the answer had no body.
    """
    waited = _waited(act, before.settings, now.settings)
    if _parses(before) == _parses(now):
        return waited
    if _parses(now) and act.attempts > 1:
        return None  # the answers that were tried again went unread: any of them may have held messages
    if waited != Reading.of(act) or act.status is None:
        return waited
    return _now_read(act, empty=empty) if _parses(now) else _now_unread(act)


def _now_read(act: Act, *, empty: bool) -> Reading | None:
    """The answer went unread, and would be read: a success without a body, or another status than 200, goes on."""
    assert act.status is not None
    if act.status < 400 and (act.status != 200 or empty):
        return Reading("continue")
    return Reading("fail", "upstream") if act.status >= 400 and empty else None


def _now_unread(act: Act) -> Reading | None:
    """The answer was read, and would not be: its status alone counts. 429 and 5xx would have been tried again."""
    assert act.status is not None
    if act.status < 400:
        return Reading("continue")
    retried = act.verdict != "fail" and (act.status == 429 or act.status >= 500)
    return None if retried else Reading("fail", "upstream")


def _waited(act: Act, old: ActionSettings, new: ActionSettings) -> Reading | None:
    """The verdict under the other patience: a shorter deadline may cut it off, more tries may have helped."""
    recorded = Reading.of(act)
    if recorded is None:
        return None
    if new.timeout < old.timeout and act.spent >= new.timeout:
        return Reading("fail", "timeout") if act.attempts <= 1 else None
    if act.attempts > 1 and new.retry.attempts > 1 and _pauses(old.retry) != _pauses(new.retry):
        return None  # its later tries would have come at another time
    if new.retry.attempts < act.attempts:
        return Reading("fail", "upstream")  # all but the last of its tries failed
    if act.verdict == "fail":
        return recorded if _fails_again(act, old, new) else None
    return recorded


def _fails_again(act: Act, old: ActionSettings, new: ActionSettings) -> bool:
    """Whether a failure would be one again: no other answer could have come, and no other try would have been made."""
    if act.reason == "timeout":
        return new.timeout <= old.timeout
    if not _retriable(act) or act.attempts >= new.retry.attempts:
        return True
    return act.attempts < old.retry.attempts and new.timeout <= old.timeout and not _sooner(old.retry, new.retry)


def _pauses(retry: Retry) -> tuple[float, float]:
    return retry.initial, retry.maximum


def _sooner(old: Retry, new: Retry) -> bool:
    """Whether the new pauses may be shorter than the old ones."""
    return new.initial < old.initial or new.maximum < old.maximum


def _retriable(act: Act) -> bool:
    """Whether another try may have followed this failure, for all that the record says."""
    return act.reason == "upstream" and (act.status is None or act.status == 429 or act.status >= 500)


def _parses(action: Action) -> bool:
    if action.bus is not None:
        return True
    return action.web_hook is not None and action.web_hook.parses
