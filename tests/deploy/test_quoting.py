"""What systemd and a shell make of unusual paths and passwords."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.deploy.quoting import api_url, listening, variable, variables, word
from zoffsite.deploy.sandbox import of_doctor, of_runs
from zoffsite.deploy.spec import Deployment, Needs, Timed, Way
from zoffsite.deploy.units import environment_of, files_of
from zoffsite.model.errors import SettingsError

NEEDS = Needs(zfs=True, disks=False, hooks=False)
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


def deployed(way: Way, *, at: str = "/srv/100 %/z") -> dict[str, str]:
    return files_of(
        Deployment(
            way=way,
            config=Path(at) / "zoffsite.toml",
            state_dir=Path(at) / "state",
            python=Path(at) / "bin/python",
            zoffsite=Path(at) / "bin/zoffsite",
            reachable=True,
            needs=NEEDS,
            jobs=("home",),
            timed=(Timed(job="home", verb="backup", calendar=("daily",)),),
            port=4200,
            pool="my nas",
            api="",
        )
    )


@pytest.mark.parametrize("way", list(Way))
def test_a_space_and_a_percent_sign_in_a_path_reach_systemd_as_they_are(way: Way) -> None:
    lines = [line for text in deployed(way).values() for line in text.splitlines() if "/srv/100" in line]
    assert lines
    for line in lines:
        assert '="' in line
        assert "/srv/100 %%/z" in line
    if way is Way.WORKER:
        assert 'ExecStart="/srv/100 %%/z/bin/python" -m deployments.work "my nas"' in lines


def test_what_may_be_written_is_quoted_too() -> None:
    needs = Needs(zfs=True, disks=False, hooks=False, canaries=("/tank/100 %",))
    for text in (of_runs(needs, Path("/a b/%n")), of_doctor(Path("/a b/%n"))):
        assert 'ReadWritePaths="/a b/%%n"\n' in text
    assert 'ReadWritePaths="-/tank/100 %%"\n' in of_runs(needs, Path("/state"))


@pytest.mark.parametrize("char", ['"', "'", "\\", "$", "\n", "\t", "\x7f"])
def test_what_no_unit_can_name_is_refused(char: str) -> None:
    with pytest.raises(SettingsError) as refused:
        deployed(Way.TIMERS, at=f"/srv/a{char}b")
    assert refused.value.code == "not-for-systemd"
    with pytest.raises(SettingsError):
        word(f"a{char}b", "--pool")


@given(printable)
def test_a_password_is_read_back_as_it_was(password: str) -> None:
    assert variables(f"A=b\n{variable('SECRET', password)}\n") == {"A": "b", "SECRET": password}


@pytest.mark.parametrize(
    "password", ["a b", "it's", 'say "x"', "a\\b", "$HOME", "`id`", "#5", "~", "x!y", "%h", "\\\\$"]
)
def test_a_shell_reads_the_same_password_as_we(tmp_path: Path, password: str) -> None:
    file = tmp_path / "prefect.env"
    deployment = Deployment(
        way=Way.WORKER,
        config=Path("/c"),
        state_dir=Path("/s"),
        python=Path("/p"),
        zoffsite=Path("/z"),
        reachable=True,
        needs=NEEDS,
        jobs=(),
        timed=(),
        port=4200,
        pool="nas",
        api="http://10.0.0.1:4200/api",
    )
    file.write_text(environment_of(deployment, password))
    script = f'. {file}; printf %s "$PREFECT_API_AUTH_STRING"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == password


def test_a_password_of_two_lines_is_refused() -> None:
    with pytest.raises(SettingsError, match="line break"):
        variable("SECRET", "a\nB=c")


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1:4200/api", "https://p.example.org/x/api", "http://[fd00::1]:4200/api"]
)
def test_a_url_of_an_api_is_taken(url: str) -> None:
    assert api_url(url) == url


@pytest.mark.parametrize(
    "url",
    ["", "10.0.0.1:4200", "nas", "ftp://nas/api", "http://", "http://nas:x/api", "http://nas/a b", "http://nas/$x"],
)
def test_what_is_no_url_of_an_api_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        api_url(url)
    assert refused.value.code == "not-a-url"


@pytest.mark.parametrize(
    "address", ["", "nas", "10.1.0.1", "0.0.0.0/0", "::/0", "10.1.0.1/33", "10.1.0.1/24 ", "fe80::1%wg0/64"]
)
def test_what_is_no_address_of_a_tunnel_with_its_network_is_refused(address: str) -> None:
    with pytest.raises(SettingsError) as refused:
        listening(address)
    assert refused.value.code == "not-an-address"
