"""Every mistake is named at once, where it stands, with what to do, before anything runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from zoffsite.config import cron
from zoffsite.config.settings import Schedule, load, problems
from zoffsite.model.errors import ExitCode, SettingsError

from .conftest import HOST_KEY, House

SECRET = "hunter2-never-shown"


def test_a_file_that_is_right_has_no_problems(house: House) -> None:
    assert house.problems() == []


def test_all_mistakes_are_named_at_once_each_with_its_line(house: House) -> None:
    house.replace('user = "zoffsite"', 'user = "zoff site"').replace('box = "friend"', 'box = "freind"')
    house.add('paralel = 2\nstall = "2 fortnights"\n')
    found = house.problems()
    assert [(problem.line, problem.key) for problem in found] == [
        (house.line("^user"), "box.friend.user"),
        (house.line("^box"), "job.home.box"),
        (house.line("^paralel"), "job.home.paralel"),
        (house.line("^stall"), "job.home.stall"),
    ]
    assert all(problem.file == str(house.file) for problem in found)


def test_a_mistake_in_one_job_hides_no_mistake_of_another(house: House) -> None:
    house.add('parallel = "many"\n[job.other]\nbox = "nowhere"\ndatasets = ["tank/other"]\n')
    assert {problem.key for problem in house.problems()} == {"job.home.parallel", "job.other.box"}


def test_a_mistake_in_a_table_hides_no_other_mistake_about_it(house: House) -> None:
    house.replace('"tank/photos"]', '"tank//a", "tank/b@c", "tank/home"]').replace('box = "friend"', 'box = "freind"')
    house.replace(HOST_KEY, "SHA256:abc").replace('"key"', '"absent"')
    assert [problem.key for problem in house.problems()] == [
        "box.friend.host_key",
        "box.friend.identity_file",
        "job.home.box",
        "job.home.datasets[1]",
        "job.home.datasets[2]",
        "job.home.datasets[3]",
    ]


def test_load_refuses_with_every_mistake_and_exit_code_2(house: House) -> None:
    house.add('paralel = 2\nstall = "soon"\n')
    with pytest.raises(SettingsError) as caught:
        house.load()
    assert caught.value.code == "bad-settings"
    assert caught.value.exit_code is ExitCode.USAGE
    assert "job.home.paralel" in str(caught.value)
    assert "job.home.stall" in str(caught.value)
    assert caught.value.remedy == "zoffsite config check"


def test_no_file_anywhere_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load(environ={"HOME": str(tmp_path)})
    assert caught.value.code == "no-config"
    assert f"{tmp_path}/.config/zoffsite/zoffsite.toml" in caught.value.problem
    assert "zoffsite init" in caught.value.remedy


def test_a_named_file_that_is_not_there_is_not_replaced_by_another(house: House) -> None:
    house.file.write_text(house.text)
    with pytest.raises(SettingsError, match="no such file") as caught:
        load(house.path / "other.toml", environ={})
    assert caught.value.code == "no-config"


@pytest.mark.parametrize(
    ("key", "guess"),
    [
        ("paralel = 2", 'did you mean "parallel"?'),
        ("dataset = []", 'did you mean "datasets"?'),
        ("snapshots.prefx = 'a-'", 'did you mean "prefix"?'),
        ("keep.box.dayly = 2", 'did you mean "daily"?'),
        ("retries.xyz = 2", "known here: count, first_wait, longest_wait"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(house: House, key: str, guess: str) -> None:
    problem = house.add(f"{key}\n").problem()
    assert problem.line == house.line(f"^{key[:8]}")
    assert problem.message == "there is no such setting"
    assert problem.remedy == guess


def test_an_unknown_table_is_refused_with_the_nearest_known_one(house: House) -> None:
    problem = house.add('[boxes.friend]\nhost = "a"\n').problem()
    assert (problem.line, problem.key, problem.remedy) == (house.line("boxes"), "boxes", 'did you mean "box"?')


def test_a_missing_key_is_reported_at_its_table(house: House) -> None:
    problem = house.replace('host = "10.77.0.2"\n', "").problem()
    assert (problem.line, problem.key, problem.message) == (1, "box.friend.host", "host is missing")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('box = "friend"', 'box = "freind"', 'did you mean "friend"?'),
        ('box = "friend"', 'box = "friend"\nsource = "nas"', 'there is no source "nas"'),
        ('box = "friend"', 'box = ["friend"]', "this must be a text"),
        ('box = "friend"', 'box = "friend"\nparallel = true', "whole number"),
        ('box = "friend"', 'box = "friend"\nparallel = 0', "at least 1"),
        ('box = "friend"', 'box = "friend"\nparallel = 65', "at most 64"),
        ('box = "friend"', 'box = "friend"\nparallel = 1.5', "without a fraction"),
        ('box = "friend"', 'box = "friend"\nrecursive = "perhaps"', "true or false"),
        ('box = "friend"', 'box = "friend"\nbandwidth = "5 Mbit/s"', '"5 MB/s"'),
        ('box = "friend"', 'box = "friend"\nobjective = 26', "a text with a unit"),
        ('box = "friend"', 'box = "friend"\nsnapshots = "always"', "must be a table"),
        ('box = "friend"', 'box = "friend"\nsnapshots.take = "sometimes"', "'always', 'written' or 'never'"),
        ('box = "friend"', 'box = "friend"\nsnapshots.prefix = "my prefix-"', "cannot begin a snapshot's name"),
        ('box = "friend"', 'box = "friend"\nsnapshots.prefix = ""', "cannot begin a snapshot's name"),
        ('box = "friend"', 'box = "friend"\nsnapshots.take = "never"', "nothing new would ever be sent"),
        ('box = "friend"', 'box = "friend"\nkeep.box.daily = 0', "no rule here keeps anything"),
        ('box = "friend"', 'box = "friend"\nkeep.box.patterns = ["*"]', "no rule here keeps anything"),
        ('box = "friend"', 'box = "friend"\nhooks = [{ datasets = ["tank/home"] }]', "it has no command"),
        (
            'box = "friend"',
            'box = "friend"\nhooks = [{ datasets = ["tank/home"], before = [" "] }]',
            "command is empty",
        ),
        (
            'box = "friend"',
            'box = "friend"\nsnapshots = { take = "never", send = "all" }\n'
            'hooks = [{ datasets = ["tank/home"], after = ["thaw"] }]',
            "hooks are run around the job's own snapshots",
        ),
        ('box = "friend"', 'box = "friend"\nkeep.box.daily = -1', "too small"),
        ('box = "friend"', 'box = "friend"\nretries.first_wait = "1h"', "longer than the longest"),
        (
            'box = "friend"',
            'box = "friend"\nwindows = [{ start = "08:00", end = "08:00", bandwidth = "1 MB/s" }]',
            "it begins and ends at 08:00",
        ),
        (
            'box = "friend"',
            'box = "friend"\nproof.windows = [{ start = "08:00", end = "08:00", bandwidth = "1 MB/s" }]',
            "for all day, write bandwidth in [job.home.proof] itself",
        ),
        ('"tank/photos"', '"tank/home"', "twice"),
        ('"tank/photos"', '"/tank/photos"', "without a slash in front"),
        ('"tank/photos"', '"tank//photos"', "is not a dataset"),
        ('"tank/photos"', '"tank/photos/"', "is not a dataset"),
        ('"tank/photos"', '"tank/../photos"', "is not a dataset"),
        ('"tank/photos"', '"tank/photos@today"', "without @ and #"),
        ('"tank/photos"', '"tank/[ab"', "opens a ["),
        ('"tank/photos"', '"tank/a:b", "tank/a/b"', "one name on the box"),
        ('"tank/photos"', f'"tank/{"x" * 210}"', "longer than ZFS's"),
        ('datasets = ["tank/home", "tank/photos"]', "datasets = []", "name at least one"),
        ('datasets = ["tank/home", "tank/photos"]', 'datasets = "tank/home"', "must be a list"),
        ('"tank/photos"]', '"tank/photos"]\nexclude = ["tank/home"]', "both wanted and excluded"),
        ('root = "vault/home"', 'root = "vault/*"', "is not a dataset"),
        ('user = "zoffsite"', 'user = "-oProxyCommand=x"', "not a login name"),
        ('host = "10.77.0.2"', 'host = "-v"', "not a host name"),
        ('host = "10.77.0.2"', 'host = "10.77.0.2"\nport = 70000', "at most 65535"),
        (HOST_KEY, "SHA256:R3rDQ3cuyZoffsiteFingerprint", "ssh-keyscan"),
        (HOST_KEY, HOST_KEY[:-8], "cut short"),
        (HOST_KEY, f"10.77.0.2 {HOST_KEY}", 'write it from "ssh-ed25519" on'),
        (HOST_KEY, HOST_KEY.replace("ssh-ed25519", "ssh-rsa"), "damaged"),
        (HOST_KEY, "ssh-dss AAAA", "not a public host key"),
        ('identity_file = "key"', 'identity_file = "absent"', "ssh-keygen -t ed25519"),
        ('identity_file = "key"', 'identity_file = "/dev/null"', "is not a file"),
        ("[box.friend]", 'state_dir = "state"\n[box.friend]', "depends on where a command is run"),
        ("[job.home]", "[job.Home]", "cannot be a name here"),
        ("[job.home]", "[job.my_home]", "cannot be a name here"),
        ("[job.home]", f"[job.{'h' * 41}]", "at most 40"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_right(house: House, old: str, new: str, words: str) -> None:
    problem = house.replace(old, new).problem()
    assert words in f"{problem.message}; {problem.remedy}"
    assert problem.line is not None
    assert problem.remedy


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 3 * *", "4 fields"),
        ("60 3 * * *", "no minute (0 to 59)"),
        ("0 3 31 2 *", "never comes"),
        ("0 3 * * someday", "no weekday"),
        ("*/0 3 * * *", "no minute"),
        ("5-1 3 * * *", "no minute"),
        ("@daily", "1 fields"),
        ("0 3 * * ?", "no weekday"),
    ],
)
def test_a_schedule_that_would_never_run_is_refused(house: House, cron: str, words: str) -> None:
    problem = house.add(f'[job.home.schedule]\ncron = "{cron}"\n').problem()
    assert words in problem.message
    assert problem.line == house.line("^cron")


@pytest.mark.parametrize("cron", ["0 3 * * *", "*/15 0-6,22 1,15 jan-mar MON-fri", "0 0 29 2 *", "5/10 * * * 7"])
def test_a_usual_schedule_is_taken(house: House, cron: str) -> None:
    schedule = house.add(f'[job.home.schedule]\ncron = "{cron}"\n').load().schedule("home")
    assert schedule is not None
    assert (schedule.cron, schedule.timezone) == (cron, "UTC")


def test_each_verb_has_a_schedule_of_its_own_in_the_time_zone_of_the_job(house: House) -> None:
    settings = house.add(
        '[job.home.schedule]\ncron = "0 3 * * *"\nverify = "0 12 * * 0"\ntimezone = "Europe/Berlin"\n'
    ).load()
    assert settings.schedule("home", "verify") == Schedule(cron="0 12 * * 0", timezone="Europe/Berlin")
    assert settings.schedule("home", "prune") is None


def test_a_machine_without_time_zones_is_told_what_to_install(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cron, "available_timezones", set)  # as on a small Debian without tzdata
    problem = house.add('[job.home.schedule]\ncron = "0 3 * * *"\ntimezone = "Europe/Berlin"\n').problem()
    assert problem.remedy == "as root: apt-get install tzdata"


def test_an_unknown_time_zone_is_refused_with_the_nearest(house: House) -> None:
    problem = house.add('[job.home.schedule]\ncron = "0 3 * * *"\ntimezone = "Europe/Berln"\n').problem()
    assert problem.remedy == 'did you mean "Europe/Berlin"?'


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[box.friend\n", 1, "not TOML"),
        ("[job.home]\nbox = friend\n", 2, "not TOML"),
        ('a = 1\na = "2"\n', 2, "given before"),
        ("[a]\n[a]\n", 2, "given before"),
        ('a = "open\n', 1, "not TOML"),
        ("a = [1,\n", 2, "not TOML"),
    ],
)
def test_what_is_not_toml_is_refused_with_its_line(house: House, text: str, line: int, words: str) -> None:
    house.text = text
    problem = house.problem()
    assert problem.line == line
    assert words in problem.message


def test_a_file_without_jobs_is_refused(house: House) -> None:
    house.text = ""
    assert house.problem().message == "there is no job"


def test_a_file_that_is_no_text_is_refused(house: House) -> None:
    house.file.write_bytes(b"\xff\xfe\x00")
    (problem,) = problems(house.file, environ={})
    assert "not a UTF-8 text" in problem.message


OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"


def second_job(house: House, root: str, extra: str = "", box: str = "other") -> House:
    table = house.text.split("[job.home]", maxsplit=1)[0].replace("[box.friend]", "[box.other]")
    house.add(table.replace("vault/home", root))
    return house.add(f'[job.second]\nbox = "{box}"\ndatasets = ["tank/second"]\n{extra}')


@pytest.mark.parametrize("root", ["vault/home", "vault/home/second", "vault"])
def test_two_jobs_may_not_share_a_root_nor_stand_in_each_others(house: House, root: str) -> None:
    problem = second_job(house, root).problem()
    assert problem.key == "job.second.box"
    assert 'job "home"' in problem.message


@pytest.mark.parametrize(("key", "fine"), [(HOST_KEY, False), (OTHER_KEY, True)])
def test_one_box_under_two_names_is_known_by_its_host_key(house: House, key: str, fine: bool) -> None:
    """By DNS, and by its address inside the tunnel."""
    table = house.text.split("[job.home]", maxsplit=1)[0].replace("[box.friend]", "[box.other]")
    house.add(table.replace("10.77.0.2", "box.example.org").replace(HOST_KEY, key))
    house.add('[job.second]\nbox = "other"\ndatasets = ["tank/second"]\n')
    assert [problem.key for problem in house.problems()] == ([] if fine else ["job.second.box"])


@pytest.mark.parametrize(("root", "fine"), [("usb/a", False), ("usb/a/b", False), ("usb/b", True)])
def test_two_jobs_may_not_share_a_root_on_a_disk(house: House, root: str, fine: bool) -> None:
    for name, place in (("one", "usb/a"), ("two", root)):
        house.add(f'[disk.{name}]\nguid = "42"\nroot = "{place}"\n')
        house.add(f'[job.on-{name}]\ndisk = "{name}"\ndatasets = ["tank/x"]\n')
    assert [problem.key for problem in house.problems()] == ([] if fine else ["job.on-two.disk"])


def test_two_jobs_on_one_box_with_roots_of_their_own_are_fine(house: House) -> None:
    assert second_job(house, "vault/home2").problems() == []


def test_two_jobs_may_not_share_a_snapshot_prefix(house: House) -> None:
    problem = second_job(house, "vault/second", 'snapshots.prefix = "zoffsite-home-"\n').problem()
    assert problem.key == "job.second.snapshots.prefix"
    assert "prune" in problem.message


def test_a_prefix_that_begins_like_another_is_fine_because_the_whole_shape_counts(house: House) -> None:
    assert second_job(house, "vault/second", 'snapshots.prefix = "zoffsite-home-2-"\n').problems() == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_private_key_that_others_may_read_is_refused(house: House, mode: int) -> None:
    (house.path / "key").chmod(mode)
    problem = house.problem()
    assert problem.remedy == f"chmod 600 {house.path / 'key'}"
    assert problem.line == house.line("^identity_file")


def test_a_key_with_a_passphrase_is_refused_because_nobody_is_there_to_type_it(house: House) -> None:
    key = house.path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(key)], check=True)
    assert "passphrase" in house.replace('"key"', '"locked"').problem().message


def test_the_public_half_is_not_taken_for_a_key(house: House) -> None:
    (house.path / "key.pub").write_text(HOST_KEY)
    (house.path / "key.pub").chmod(0o600)
    assert "public half" in house.replace('"key"', '"key.pub"').problem().message


@pytest.mark.parametrize("table", ["", "[job.home]\n"])
def test_a_secret_in_the_file_is_sent_to_the_env_file_and_not_shown(house: House, table: str) -> None:
    line = f'notify_urls = "mailto://me:{SECRET}@example.org"\n'
    house.text = house.text.replace("[job.home]\n", f"[job.home]\n{line}") if table else f"{line}{house.text}"
    problem = house.problem()
    assert problem.line == house.line("^notify_urls")
    assert problem.remedy.endswith("ZOFFSITE_JOB__HOME__NOTIFY_URLS" if table else "ZOFFSITE_NOTIFY_URLS")
    assert SECRET not in str(problem)


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ('scratch = "tank"', "scratch", "a whole pool"),
        ('scratch = "tank/home"', "scratch", "lies in it"),
        ('scratch = "tank//drill"', "scratch", ""),
        ('canary = "other/canary"', "canary", "has no dataset"),
        ('key_files = { "tank/home" = "keys/home" }', "key_files.tank/home", "not a whole path"),
        ('datasets = ["tank/a@b"]', "datasets[0]", ""),
    ],
)
def test_a_drill_that_could_do_harm_or_nothing_is_refused(house: House, line: str, key: str, words: str) -> None:
    house.add(f"[job.home.drill]\n{line}\n")
    (found,) = house.problems()
    assert found.key == f"job.home.drill.{key}"
    assert words in str(found)


def test_the_scratch_of_any_job_is_backed_up_by_none(house: House) -> None:
    house.add('[job.home.drill]\nscratch = "tank/drill"\ncanary = "tank/home/canary"\n')
    assert house.load().job("home").self_made == ("*/zoffsite-drill-*", "tank/drill")


DISK = '[disk.usb]\nguid = "42"\nroot = "usb/a"\n'


def test_replicas_on_a_disk_are_backed_up_by_none(house: House) -> None:
    house.add(f'{DISK}[job.disk]\ndisk = "usb"\ndatasets = ["*"]\n')
    settings = house.load()
    assert all("usb/a" in settings.job(name).self_made for name in ("home", "disk"))


@pytest.mark.parametrize(
    ("name", "fine"),
    [("usb/a", False), ("usb/a/tank:home", False), ("usb/a/*", False), ("usb", True), ("usb/ab", True)],
)
def test_a_name_in_the_root_of_a_disk_is_refused(house: House, name: str, fine: bool) -> None:
    house.replace('datasets = ["tank/home", ', f'datasets = ["{name}", ').add(DISK)
    found = house.problems()
    assert [problem.key for problem in found] == ([] if fine else ["job.home.datasets[0]"])
    assert fine or 'the root of the disk "usb"' in str(found[0])
