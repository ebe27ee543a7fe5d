"""What `restore --path` copies, and what it does not: on this machine's own files, without a mount."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoffsite.picking import IN_THE_WAY, IS_A_LINK, MISSING, PickError, copy


@pytest.fixture
def back(tmp_path: Path) -> Path:
    """What came back: a folder with two names of one file, a link that leads out, and a hole."""
    letters = tmp_path / "back" / "home" / "letters"
    letters.mkdir(parents=True)
    (letters / "one").write_text("one")
    (letters / "one").chmod(0o640)
    os.utime(letters / "one", ns=(1, 5_000_000_001))
    os.link(letters / "one", letters / "same")
    (letters / "out").symlink_to("/etc")
    (tmp_path / "back" / "led").symlink_to("/etc")
    with (letters / "hole").open("wb") as file:
        file.truncate(10_000_000)
    return tmp_path / "back"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The program changes its working directory."""
    monkeypatch.chdir(tmp_path)


def test_a_folder_comes_with_times_modes_hard_links_and_holes_and_links_stay_links(back: Path, tmp_path: Path) -> None:
    to = tmp_path / "new" / "place"
    assert copy(str(back), "home/letters", str(to)) == {"entries": 5, "bytes": 10_000_006}
    one = (to / "letters" / "one").stat()
    assert (one.st_mode & 0o777, one.st_mtime_ns, one.st_nlink) == (0o640, 5_000_000_001, 2)
    assert one.st_ino == (to / "letters" / "same").stat().st_ino
    assert (to / "letters" / "out").readlink() == Path("/etc")
    assert (to / "letters" / "hole").stat().st_blocks < 1000


def test_a_link_itself_can_be_had(back: Path, tmp_path: Path) -> None:
    assert copy(str(back), "led", str(tmp_path)) == {"entries": 1, "bytes": 0}
    assert (tmp_path / "led").readlink() == Path("/etc")


@pytest.mark.parametrize(
    ("path", "code"),
    [("led/passwd", IS_A_LINK), ("home/letters/out/passwd", IS_A_LINK), ("home/none", MISSING), ("no/where", MISSING)],
)
def test_no_link_is_followed_on_the_way_and_what_is_not_there_is_said(
    back: Path, tmp_path: Path, path: str, code: int
) -> None:
    before = sorted(Path("/proc/self/fd").iterdir())
    with pytest.raises(PickError) as caught:
        copy(str(back), path, str(tmp_path / "to"))
    assert caught.value.code == code
    assert sorted(Path("/proc/self/fd").iterdir()) == before, "what is left open could not be unmounted"
    assert not (tmp_path / "to").exists()


def test_nothing_is_overwritten(back: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").symlink_to("nowhere")
    with pytest.raises(PickError) as caught:
        copy(str(back), "home/letters", str(tmp_path))
    assert caught.value.code == IN_THE_WAY
