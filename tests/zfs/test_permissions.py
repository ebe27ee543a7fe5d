"""Who may do what."""

from __future__ import annotations

import pytest

from zoffsite.model.errors import OperationError
from zoffsite.zfs.permissions import allow_line, allowed, parse_allow, permissions_for

from .answers import ALLOWED


def test_a_users_permissions_add_up_from_the_dataset_and_its_parents() -> None:
    grants = parse_allow(ALLOWED, "box")
    own = {"create", "destroy", "hold", "mount", "receive", "release"}
    assert allowed(grants, "zoffsite", "vault/zoffsite") == own | {"snapshot"}
    assert allowed(grants, "zoffsite", "vault") == {"userprop", "snapshot"}
    assert allowed(grants, "root", "vault/zoffsite") == {"diff", "snapshot"}
    assert allowed(grants, "nobody", "elsewhere") == set()


def test_a_permission_set_of_the_parent_is_resolved() -> None:
    (group,) = [grant for grant in parse_allow(ALLOWED, "box") if grant.kind == "group"]
    assert group.who == "users"
    assert group.permissions == {"@mine", "hold", "mount", "create"}


def test_sets_within_sets_end_even_where_they_go_round() -> None:
    text = ALLOWED.replace("\t@mine hold,mount\n", "\t@mine hold,@more\n\t@more send,@mine\n")
    (group,) = [grant for grant in parse_allow(text, "box") if grant.kind == "group"]
    assert group.permissions == {"@mine", "@more", "hold", "send", "create"}


def chain(length: int) -> str:
    """Sets, each of which holds the next."""
    sets = "".join(f"\t@s{n} @s{n + 1}\n" for n in range(length))
    return ALLOWED.replace("\t@mine hold,mount\n", f"\t@mine @s0\n{sets}")


def test_a_long_chain_of_sets_is_followed_to_its_end_and_an_endless_one_is_refused() -> None:
    (group,) = [grant for grant in parse_allow(chain(400), "box") if grant.kind == "group"]
    assert "@s400" in group.permissions
    with pytest.raises(OperationError, match="more than 500 permissions"):
        parse_allow(chain(1500), "box")


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(OperationError, match="a line of more than"):
        parse_allow(ALLOWED + "\tuser ann " + "a" * 10_000, "box")


def test_no_delegation_at_all_is_no_grant() -> None:
    assert parse_allow("", "box") == ()


@pytest.mark.parametrize("text", [ALLOWED.replace("user zoffsite create", "user create"), "\n" * 2_001])
def test_what_zfs_would_not_print_is_refused(text: str) -> None:
    with pytest.raises(OperationError) as caught:
        parse_allow(text, "box")
    assert caught.value.code == "malformed-answer"


def test_the_line_to_type_survives_a_shell() -> None:
    assert allow_line("ann", ("send", "mount"), "tank/x y") == "zfs allow -u ann send,mount 'tank/x y'"


@pytest.mark.parametrize(
    ("operation", "permissions"),
    [
        ("receive into", ("create", "mount", "receive")),
        ("abort the receive of", ("destroy", "mount")),
        ("destroy snapshots of", ("destroy", "mount")),
        ("snapshot", ("mount", "snapshot")),
        ("list", ()),
    ],
)
def test_every_verb_knows_what_it_takes(operation: str, permissions: tuple[str, ...]) -> None:
    assert permissions_for(operation) == permissions
