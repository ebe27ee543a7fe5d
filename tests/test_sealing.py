from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.errors import SettingsError
from zoffsite.sealing import DEAREST, MAGIC, seal, unseal

PASSPHRASE = "seven words and a räven"
CHEAP = 4
"""The cost does not matter to what is tested here."""
SEALED = seal(b"all of it", PASSPHRASE, cost=CHEAP)


def code_of(sealed: bytes, passphrase: str = PASSPHRASE) -> str:
    with pytest.raises(SettingsError) as caught:
        unseal(sealed, passphrase)
    return caught.value.code


def test_what_was_sealed_is_opened_by_its_passphrase_alone() -> None:
    assert unseal(SEALED, PASSPHRASE) == b"all of it"
    assert code_of(SEALED, PASSPHRASE + " ") == "wrong-passphrase"
    assert b"all of it" not in SEALED


@given(st.integers(0, len(SEALED) - 1), st.integers(0, 7))
def test_no_byte_can_be_changed_unnoticed(at: int, bit: int) -> None:
    if at == len(MAGIC) and SEALED[at] ^ 1 << bit > CHEAP:  # a dear one would only take long
        return
    changed = SEALED[:at] + bytes([SEALED[at] ^ 1 << bit]) + SEALED[at + 1 :]
    assert code_of(changed) in ("wrong-passphrase", "not-an-escrow")


@pytest.mark.parametrize("length", [0, 5, len(MAGIC), len(MAGIC) + 29])
def test_a_part_of_it_is_none(length: int) -> None:
    assert code_of(SEALED[:length]) == "not-an-escrow"


def test_a_file_that_asks_for_any_amount_of_memory_gets_none() -> None:
    at = len(MAGIC)
    assert code_of(SEALED[:at] + bytes([DEAREST + 1]) + SEALED[at + 1 :]) == "not-an-escrow"


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        seal(b"all of it", "hunter2")
    assert caught.value.code == "weak-passphrase"


def test_the_same_is_never_sealed_the_same_way() -> None:
    assert seal(b"all of it", PASSPHRASE, cost=CHEAP) != SEALED
