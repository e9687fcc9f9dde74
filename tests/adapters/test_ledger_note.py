"""Signed notes and checkpoints: known answers, and nothing that was touched is believed."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limen.adapters.ledger.checkpoint import Checkpoint
from limen.adapters.ledger.note import NoteInvalid, Signer, Verifier, opened, text_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SIGNER = Signer("example.org/limen", b"s" * 32)
STRANGER = Signer("example.org/limen", b"t" * 32)

# The example of Go's sumdb/note, where the format comes from.
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
NOTE = f"{TEXT}\n— PeterNeumann {SIGNATURE}\n"


def checkpoint() -> Checkpoint:
    return Checkpoint.signed(SIGNER, 1200, bytes(range(32)), 7, NOON)


def test_the_example_that_the_format_comes_from_is_signed_and_verified_alike() -> None:
    assert Signer("PeterNeumann", SEED).sign(TEXT) == NOTE
    assert str(Signer("PeterNeumann", SEED).verifier) == KEY
    assert opened(NOTE, Verifier.of(KEY)) == TEXT


def test_a_checkpoint_is_a_note_of_six_lines() -> None:
    made = checkpoint()
    lines = made.note.split("\n")
    assert lines[:5] == [
        "example.org/limen",
        "1200",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "number 7",
        "time 2026-03-02T12:00:00Z",
    ]
    assert lines[5] == f"key {SIGNER.verifier}"
    assert lines[6] == ""
    assert lines[7].startswith("— example.org/limen ")
    assert lines[8:] == [""]
    assert Checkpoint.of(made.note) == made
    made.check(SIGNER.verifier)
    made.check()


def test_its_time_is_utc_whatever_the_clock_says() -> None:
    east = NOON.astimezone(timezone(timedelta(hours=5)))
    assert Checkpoint.signed(SIGNER, 1, bytes(32), 1, east).time == "2026-03-02T12:00:00Z"


@given(st.data())
def test_no_changed_character_is_believed(data: st.DataObject) -> None:
    note = checkpoint().note
    place = data.draw(st.integers(0, len(note) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda one: one != note[place]))
    with pytest.raises(NoteInvalid):
        opened(f"{note[:place]}{other}{note[place + 1 :]}", SIGNER.verifier)


def test_signatures_of_unknown_keys_are_passed_over_and_false_ones_of_known_keys_are_not() -> None:
    note = checkpoint().note
    witnessed = note + STRANGER.sign(text_of(note)).split("\n\n")[1]
    assert opened(witnessed, SIGNER.verifier) == opened(witnessed, STRANGER.verifier) == text_of(note)
    with pytest.raises(NoteInvalid, match="not signed by a key that is trusted"):
        opened(note, STRANGER.verifier)
    false = STRANGER.sign("another text\n").split("\n\n")[1]
    with pytest.raises(NoteInvalid, match="its signature is false"):
        opened(note + false, SIGNER.verifier, STRANGER.verifier)


@pytest.mark.parametrize(
    "text", ["", "words", "a\n\n", "a\n\nb\n", "a\n\n— b c\n", "a\n\n— name \n", NOTE[:-1], NOTE + "\n"]
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        text_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "example.org/limen\n1200\n",
        "example.org/limen\n01\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nnumber 1\ntime x\n",
        "example.org/limen\n-1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nnumber 1\ntime x\n",
        "example.org/limen\n1\nAAEC\nnumber 1\ntime x\n",
        "example.org/limen\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "example.org/limen\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nnumber 1\ntime x\nkey none\n",
    ],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        Checkpoint.of(SIGNER.sign(text))


@pytest.mark.parametrize(
    "vkey", ["", "name", "name+00000000+", KEY[:-1], KEY.replace("c74f20a3", "c74f20a4"), "+" + KEY]
)
def test_a_key_that_was_damaged_is_refused(vkey: str) -> None:
    with pytest.raises(NoteInvalid):
        Verifier.of(vkey)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\tb"])
def test_a_name_that_would_break_the_format_signs_nothing(name: str) -> None:
    with pytest.raises(NoteInvalid, match="cannot name a key"):
        Signer(name, bytes(32))


def test_no_key_is_shown_where_a_signer_is() -> None:
    assert "ssss" not in repr(SIGNER)
