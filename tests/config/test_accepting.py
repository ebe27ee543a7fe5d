"""What the doctor may find without anybody being called."""

from __future__ import annotations

from .conftest import House


def test_checks_are_accepted_with_or_without_a_subject(house: House) -> None:
    house.replace('user = "zoffsite"', 'user = "zoffsite"\naccept = ["system-disk", "ssh-listens 192.168.1.7:22"]')
    assert house.load().job("home").accepted == ("system-disk", "ssh-listens 192.168.1.7:22")


def test_a_check_that_does_not_exist_is_named_with_the_nearest(house: House) -> None:
    house.replace('user = "zoffsite"', 'user = "zoffsite"\naccept = ["secureboot"]')
    (found,) = house.problems()
    assert found.key == "box.friend.accept[0]"
    assert found.remedy == 'did you mean "secure-boot"?'
