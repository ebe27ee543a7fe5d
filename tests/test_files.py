from __future__ import annotations

import stat
from pathlib import Path

import pytest

from zoffsite.files import write_new, write_whole


def test_a_file_is_written_with_the_mode_that_is_asked_for(tmp_path: Path) -> None:
    for mode in (0o600, 0o644):
        write_whole(tmp_path / "a" / "file", b"x", mode)
        assert stat.S_IMODE((tmp_path / "a" / "file").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"old")
    with pytest.raises(TypeError):
        write_whole(tmp_path / "file", "new")  # type: ignore[arg-type]
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_new_file_takes_no_others_place_and_follows_no_link(tmp_path: Path) -> None:
    write_new(tmp_path / "file", b"first", 0o600)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        with pytest.raises(FileExistsError):
            write_new(tmp_path / name, b"second", 0o644)
    assert (tmp_path / "file").read_bytes() == b"first"
    assert not (tmp_path / "elsewhere").exists()
