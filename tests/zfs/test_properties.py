from __future__ import annotations

import pytest

from zoffsite.model.errors import OperationError
from zoffsite.model.property import LONGEST_OF_OTHERS, MOST_OF_OTHERS, Property
from zoffsite.zfs.argv import get_every_property, get_properties, set_properties
from zoffsite.zfs.properties import parse_of_others, parse_properties

ANSWER = """\
tank/home\trecordsize\tlocal\t1048576
tank/home\tmountpoint\treceived\t/srv/my data
tank/home/ann\trecordsize\tinherited from tank/home\t1048576
"""


def test_what_was_set_is_told_apart_from_what_is_inherited() -> None:
    assert parse_properties(ANSWER, "source") == {
        "tank/home": (
            Property(name="recordsize", value="1048576"),
            Property(name="mountpoint", value="/srv/my data"),
        ),
        "tank/home/ann": (Property(name="recordsize", value="1048576", origin="tank/home"),),
    }


@pytest.mark.parametrize(
    "line",
    [
        "tank/home\trecordsize\tlocal",
        "tank/home\tunknown\tlocal\t1",
        "-o\trecordsize\tlocal\t1",
        "tank/home\trecordsize\tdefault\t1",
        "tank/home\trecordsize\tinherited from -o\t1",
        f"tank/home\tmountpoint\tlocal\t/{'x' * 9000}",
        "tank/home\tmountpoint\tlocal\t/\x1b[2J",
    ],
)
def test_an_answer_that_zfs_does_not_give_is_not_taken(line: str) -> None:
    with pytest.raises(OperationError) as caught:
        parse_properties(ANSWER + line, "source")
    assert caught.value.code == "malformed-answer"


ALL = """\
tank/home\tencryption\tlocal\taes-256-gcm
tank/home\tcom.sun:auto-snapshot\tlocal\tfalse
tank/home\tmy:note\treceived\tit's mine
tank/home\tzoffsite:backup\tlocal\ton
tank/home/ann\tcom.sun:auto-snapshot\tinherited from tank/home\tfalse
tank/home/ann\tmy:empty\tlocal\t
"""


def test_of_all_properties_only_the_user_properties_of_others_are_taken() -> None:
    assert parse_of_others(ALL) == {
        "tank/home": (
            Property(name="com.sun:auto-snapshot", value="false"),
            Property(name="my:note", value="it's mine"),
        ),
        "tank/home/ann": (
            Property(name="com.sun:auto-snapshot", value="false", origin="tank/home"),
            Property(name="my:empty", value=""),
        ),
    }
    (command,) = get_every_property(["tank/home"])
    assert command[-2:] == ["all", "tank/home"]
    assert parse_of_others("") == {}


def test_a_user_property_that_is_no_line_too_long_or_one_too_many_is_left_out_and_no_other() -> None:
    rest = ["second line", "third\tlocal\tline", "tank/home\tsetuid\tlocal\ton", ""]
    long, longer = "x" * LONGEST_OF_OTHERS, "x" * (LONGEST_OF_OTHERS + 1)
    lines = ["tank/a\tmy:first\tlocal\tfirst line", *rest, f"tank/a\tmy:long\tlocal\t{long}"]
    lines += [f"tank/a\tmy:longer\tlocal\t{longer}", "tank/a\tmy:bell\tlocal\t\x1b[2J", "tank/a\tMY:UPPER\tlocal\t1"]
    assert parse_of_others("\n".join(lines)) == {"tank/a": (Property(name="my:long", value=long),)}
    many = "\n".join(f"tank/a\tmy:p{number}\tlocal\t1" for number in range(MOST_OF_OTHERS + 1))
    assert len(parse_of_others(many)["tank/a"]) == MOST_OF_OTHERS


def test_all_datasets_are_asked_about_in_one_command() -> None:
    (command,) = get_properties(["tank/a", "tank/b"])
    assert (command[:2], command[-2:]) == (["zfs", "get"], ["tank/a", "tank/b"])
    assert len(get_properties([f"tank/{'x' * 200}{number}" for number in range(1000)])) == 3
    assert set_properties("tank/a", ["quota=1", "atime=off"]) == ["zfs", "set", "quota=1", "atime=off", "tank/a"]
