from __future__ import annotations

from tests.planning.make import dataset
from zoffsite.planning.first_choice import offer


def test_the_topmost_encrypted_are_offered_and_plain_ones_below_which_nothing_is() -> None:
    plain = {name: dataset(name, encryption="off") for name in ("tank", "tank/media", "tank/media/films", "rpool")}
    locked = {name: dataset(name) for name in ("tank/home", "tank/home/old", "tank/home2", "tank/vm/disk")}
    found = offer({**plain, **locked, "tank/vm": dataset("tank/vm", encryption="off")})
    assert found.encrypted == ("tank/home", "tank/home2", "tank/vm/disk")
    assert found.plain == ("rpool", "tank/media")


def test_a_plain_dataset_below_an_encrypted_one_is_named() -> None:
    found = offer({"t": dataset("t"), "t/plain": dataset("t/plain", encryption="off")})
    assert (found.encrypted, found.plain) == (("t",), ("t/plain",))


def test_where_nothing_is_nothing_is_offered() -> None:
    assert offer({}) == offer({})
    assert (offer({}).encrypted, offer({}).plain) == ((), ())
