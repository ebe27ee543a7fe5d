"""The commands for monitors and digests, as they are typed, where the box cannot be reached."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import Zoffsite, closed_port, write_settings, zoffsite
from tests.notify.servers import web_server, web_url
from tests.notify.test_ping import ping_server, url
from zoffsite.cli import status
from zoffsite.config.settings import Settings

__all__ = ["closed_port", "zoffsite"]


def test_a_box_that_cannot_be_reached_is_unknown_to_a_monitor(
    zoffsite: Zoffsite, tmp_path: Path, closed_port: int
) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    done = zoffsite("status", "--nagios")
    assert done.returncode == 3
    assert done.stdout.startswith("ZOFFSITE UNKNOWN - 0 of 0 replicas are good\nhome: ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "settings"),
        ("[job.home\n", "zoffsite.toml"),
        ('[job.home]\nbox = "nobody"\ncolour = "red"\n', "zoffsite config check"),
    ],
)
def test_settings_that_are_missing_or_broken_are_unknown_to_a_monitor_in_one_line(
    zoffsite: Zoffsite, tmp_path: Path, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "zoffsite.toml").write_text(content)
    done = zoffsite("status", "--nagios")
    assert done.returncode == 3
    assert done.stdout.startswith("ZOFFSITE UNKNOWN - ")
    assert words in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_job_that_there_is_not_and_metrics_that_cannot_be_written_are_unknown_to_a_monitor(
    zoffsite: Zoffsite, tmp_path: Path, closed_port: int
) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    for more in (("--job", "other"), ("--prometheus", str(tmp_path / "zoffsite.toml" / "below"))):
        done = zoffsite("status", "--nagios", *more)
        assert (done.returncode, done.stdout[:19], done.stdout.count("\n")) == (3, "ZOFFSITE UNKNOWN - ", 1)


def test_what_nobody_expected_is_unknown_to_a_monitor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Settings:
        raise ZeroDivisionError("division | by\nzero")

    monkeypatch.setattr(status, "load", broken)
    assert status.run_for_monitor(None, None) == 3
    assert capsys.readouterr().out == "ZOFFSITE UNKNOWN - ZeroDivisionError: division / by zero\n"


def test_a_box_that_cannot_be_reached_is_in_the_json_and_in_the_metrics(
    zoffsite: Zoffsite, tmp_path: Path, closed_port: int
) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    done = zoffsite("status", "--json", "--prometheus", str(tmp_path / "out.prom"))
    assert done.returncode == 3
    (job,) = json.loads(done.stdout)
    assert (job["replicas"], job["error"]["code"]) == ([], "connection-refused")
    assert 'zoffsite_up{job="home"} 0.0' in (tmp_path / "out.prom").read_text()


def test_without_a_run_a_watch_that_nobody_sees_says_so_and_ends(
    zoffsite: Zoffsite, tmp_path: Path, closed_port: int
) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    done = zoffsite("status", "--watch")
    assert (done.returncode, done.stdout) == (0, "home: no run is under way\n")


def test_forms_of_the_status_exclude_each_other(zoffsite: Zoffsite, tmp_path: Path, closed_port: int) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    assert zoffsite("status", "--json", "--nagios").returncode == 2


def test_a_digest_arrives_even_when_the_box_cannot_be_reached(
    zoffsite: Zoffsite, tmp_path: Path, closed_port: int
) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    with web_server() as (port, posted):
        url = web_url(port).get_secret_value()
        done = zoffsite("notify", "digest", ZOFFSITE_NOTIFY_URLS=f"failure={url} digest={url}")
    assert done.returncode == 0, done.stderr
    assert posted.get_nowait()["title"] == "zoffsite home: digest: it cannot be told how the replicas stand"
    assert posted.empty()


def test_a_digest_that_nobody_wants_is_wrong_usage(zoffsite: Zoffsite, tmp_path: Path, closed_port: int) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    done = zoffsite("notify", "digest", ZOFFSITE_NOTIFY_URLS="failure=json://127.0.0.1:9")
    assert done.returncode == 2
    assert "no notification URL for a digest is set" in " ".join(done.stderr.split())


def test_a_failure_is_told_once_while_the_switch_hears_of_every_run(
    zoffsite: Zoffsite, tmp_path: Path, closed_port: int
) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    with web_server() as (port, posted), ping_server() as (switch, asked):
        environ = {
            "ZOFFSITE_NOTIFY_URLS": web_url(port).get_secret_value(),
            "ZOFFSITE_JOB__HOME__PING_URL": url(switch).get_secret_value(),
        }
        assert [zoffsite("backup", "--direct", **environ).returncode for _ in range(2)] == [3, 3]
    message = posted.get_nowait()
    assert (message["title"], message["type"]) == ("zoffsite home: backup failed", "failure")
    assert posted.empty()
    ends = [asked.get_nowait()[1].rpartition("/")[2] for _ in range(asked.qsize())]
    assert ends == ["start", "fail", "start", "fail"]
