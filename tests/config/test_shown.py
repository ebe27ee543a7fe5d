"""Every setting, its value and its origin."""

from __future__ import annotations

import pytest

from zoffsite.config.loading import show
from zoffsite.config.schema import Tables
from zoffsite.config.shown import DEFAULT, MASK, Shown
from zoffsite.model.errors import SettingsError

from .conftest import House

SECRET = "hunter2-never-shown"


def settings(house: House, monkeypatch: pytest.MonkeyPatch, **environ: str) -> dict[str, Shown]:
    house.file.write_text(house.text)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return {each.key: each for each in show(house.file)[1]}


def test_each_value_has_its_origin(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.env("ZOFFSITE_JOB__HOME__PARALLEL=7\n")
    found = settings(house, monkeypatch, ZOFFSITE_JOB__HOME__BANDWIDTH="5 MB/s")
    host, parallel, rate = (found[f"{key}"] for key in ("box.friend.host", "job.home.parallel", "job.home.bandwidth"))
    assert (host.value, host.origin) == ("10.77.0.2", f"{house.file}:{house.line('^host = ')}")
    assert (parallel.value, parallel.origin) == ("7", f"ZOFFSITE_JOB__HOME__PARALLEL in {house.path / '.env'}:1")
    assert (rate.value, rate.origin) == ("5 MB/s", "ZOFFSITE_JOB__HOME__BANDWIDTH in environment")
    assert (found["job.home.objective"].value, found["job.home.objective"].origin) == ("26h", DEFAULT)


def test_secrets_are_masked_wherever_they_come_from(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.env(f"ZOFFSITE_NOTIFY_URLS=json://{SECRET}\nZOFFSITE_JOB__HOME__PING_URL=https://x/{SECRET}\n")
    found = settings(house, monkeypatch, ZOFFSITE_JOB__HOME__NOTIFY_URLS=f"json://{SECRET}")
    for key in ("notify_urls", "job.home.ping_url", "job.home.notify_urls"):
        assert found[key].value == MASK
    assert SECRET not in repr(found)


def test_every_setting_of_the_tables_is_shown(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.add('[[job.home.windows]]\nstart = "08:00"\nend = "09:00"\nbandwidth = "none"\n')
    found = settings(house, monkeypatch)
    assert found["job.home.windows[0].bandwidth"].value == "none"
    assert set(Tables.model_fields) - {"box", "disk", "source", "job"} <= set(found)
    assert {"job.home.keep.box.daily", "job.home.retries.first_wait", "job.home.schedule", "state_dir"} <= set(found)


def test_a_table_that_is_written_in_part_says_which_part(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(house.add("[job.home.keep.source]\ndaily = 3\n"), monkeypatch)
    assert found["job.home.keep.source.daily"].origin == f"{house.file}:{house.line('daily')}"
    assert (found["job.home.keep.source.within"].value, found["job.home.keep.source.within"].origin) == (None, DEFAULT)


def test_wrong_settings_are_refused_as_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="one mistake"):
        settings(house.replace('box = "friend"', 'box = "frend"'), monkeypatch)
