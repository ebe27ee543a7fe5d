from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from zoffsite.config.places import find_config, state_dir
from zoffsite.model.errors import SettingsError
from zoffsite.model.job import Retention, Selection, SnapshotWhen, SshHost

from .conftest import HOST_KEY, House

NAS = f"""
[source.nas]
host = "192.168.1.10"
user = "backup"
host_key = "{HOST_KEY} a comment"
identity_file = "key"
"""


def test_a_job_is_what_the_file_says(house: House) -> None:
    house.add(
        """exclude = ["tank/home/tmp"]
recursive = false
source = "nas"
parallel = 5
bandwidth = "5 MB/s"
stall = "90s"
objective = "2d"
[job.home.snapshots]
prefix = "mine-"
take = "always"
send = "all"
patterns = ["auto_*"]
[job.home.keep.source]
last = 1
[job.home.keep.box]
[job.home.retries]
count = 7
first_wait = "1s"
longest_wait = "1m"
"""
    ).add(NAS)
    job = house.load().job("home")
    assert job.source is not None
    assert (job.source.label, job.source.host_key) == ("backup@192.168.1.10:22", HOST_KEY)
    assert isinstance(job.box, SshHost)
    assert (job.box.host, job.root, job.box.identity_file) == ("10.77.0.2", "vault/home", house.path / "key")
    assert (job.exclude, job.recursive, job.parallel, job.bandwidth) == (("tank/home/tmp",), False, 5, 5_000_000)
    assert (job.stall, job.objective) == (90.0, timedelta(days=2))
    assert (job.snapshot_prefix, job.snapshot_when, job.selection) == ("mine-", SnapshotWhen.ALWAYS, Selection.ALL)
    assert job.selection_patterns == ("auto_*",)
    assert (job.keep_source, job.keep_box) == (Retention(last=1), Retention())
    assert (job.retries.count, job.retries.first_wait, job.retries.longest_wait) == (7, 1.0, 60.0)


def test_what_is_left_out_has_its_documented_default(house: House) -> None:
    job = house.load().job("home")
    assert (job.source, job.parallel, job.bandwidth, job.stall) == (None, 2, None, 120.0)
    assert job.snapshot_prefix == "zoffsite-home-"
    assert (job.snapshot_when, job.selection) == (SnapshotWhen.WRITTEN, Selection.OURS)
    assert job.keep_source == Retention(within=timedelta(days=2), daily=7)
    assert job.objective == timedelta(hours=26)


def test_an_unknown_job_is_refused_with_those_there_are(house: House) -> None:
    with pytest.raises(SettingsError, match="no such job") as caught:
        house.load().job("hoem")
    assert caught.value.code == "unknown-job"
    assert "home" in caught.value.remedy


def test_the_only_job_needs_no_name_but_one_of_several_does(house: House) -> None:
    assert house.load().only_job().name == "home"
    table = house.text.split("[job.home]", maxsplit=1)[0].replace("friend", "two").replace("vault/home", "vault/two")
    house.add(f'{table}[job.two]\nbox = "two"\ndatasets = ["tank/two"]\n')
    settings = house.load()
    assert settings.job_names == ("home", "two")
    with pytest.raises(SettingsError) as caught:
        settings.only_job()
    assert caught.value.code == "several-jobs"


def test_the_file_is_the_named_one_then_the_variable_then_the_usual_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named, by_variable = tmp_path / "named.toml", tmp_path / "variable.toml"
    personal, here = tmp_path / ".config/zoffsite/zoffsite.toml", tmp_path / "zoffsite.toml"
    personal.parent.mkdir(parents=True)
    environ = {"HOME": str(tmp_path)}
    for file in (named, by_variable, personal):
        file.touch()
    assert find_config(None, environ) == personal
    here.touch()
    assert find_config(None, environ) == here
    environ["ZOFFSITE_CONFIG"] = str(by_variable)
    assert find_config(None, environ) == by_variable
    assert find_config(named, environ) == named


def test_all_who_run_the_jobs_of_the_machine_meet_in_one_state_directory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the timer of root and a user's command would run one job at the same time."""
    of_machine = Path("/etc/zoffsite/zoffsite.toml")
    there = {uid: _state_dir_of(uid, of_machine, monkeypatch) for uid in (0, 1000)}
    assert there == {0: Path("/var/lib/zoffsite"), 1000: Path("/var/lib/zoffsite")}
    assert _state_dir_of(1000, house.file, monkeypatch) == Path("~/.local/state/zoffsite").expanduser()


def _state_dir_of(uid: int, file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    return state_dir(file, {})


def test_the_state_directory_is_the_variable_then_the_setting_then_a_usual_place(house: House, tmp_path: Path) -> None:
    assert state_dir(house.file, {}).name == "zoffsite"
    assert house.load().state_dir == state_dir(house.file, {})
    house.text = f'state_dir = "{tmp_path}/by-file"\n{house.text}'
    assert house.load().state_dir == tmp_path / "by-file"
    environ = {"ZOFFSITE_STATE_DIR": f"{tmp_path}/by-variable"}
    assert house.load(**environ).state_dir == state_dir(house.file, environ) == tmp_path / "by-variable"


def test_nothing_heavy_is_imported_before_settings_are_read() -> None:
    code = "import sys, zoffsite.config.settings; sys.exit('pydantic' in sys.modules or 'prefect' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_datasets_may_have_objectives_of_their_own_and_only_those_of_the_job(house: House) -> None:
    house.add('objectives = { "tank/photos" = "8d", "tank/home/old" = "30d" }\n')
    assert house.load().job("home").objectives == (
        ("tank/photos", timedelta(days=8)),
        ("tank/home/old", timedelta(days=30)),
    )
    problem = house.replace("tank/home/old", "tank/hom").problem()
    assert problem.message == 'the job has no dataset "tank/hom"'
