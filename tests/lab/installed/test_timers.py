"""README.md, done on a machine: installed from the wheel, set up, and run by timers. In this order."""

from __future__ import annotations

from datetime import timedelta

from .home import NEVER, Home

TIMER, SERVICE = "zoffsite-backup-home.timer", "zoffsite-backup-home.service"


def test_the_command_is_there_and_finds_nothing_wrong_with_what_init_has_written(home: Home) -> None:
    assert home.source.run("readlink -f /usr/local/bin/zoffsite").startswith("/opt/zoffsite/")
    assert home.source.run("stat -c %a /etc/zoffsite/.env").strip() == "600"
    home.zoffsite("config check")
    assert "tank/home" in home.zoffsite("plan")


def test_a_trial_of_the_alerts_arrives_as_a_mail(home: Home) -> None:
    home.zoffsite("notify test")
    home.await_mail("zoffsite home: test message")


def test_the_timer_runs_the_job_when_its_hour_has_come(home: Home) -> None:
    home.schedule("* * * * *")
    assert f"enable --now {TIMER}" in home.zoffsite("deploy")
    first = home.await_runs(1)
    home.schedule(NEVER)
    home.zoffsite("deploy")
    home.await_idle(SERVICE)
    assert (first["verb"], first["state"]) == ("backup", "ok"), home.journal(SERVICE)
    assert home.is_on_the_box()


def test_of_a_week_in_which_the_machine_was_off_one_run_is_made_up_for(home: Home) -> None:
    before = len(home.history())
    home.schedule(f"{home.now() - timedelta(hours=2):%M %H} * * *")
    home.zoffsite("deploy")
    home.source.run(f"systemctl stop {TIMER}; touch -d '-7 days' /var/lib/systemd/timers/stamp-{TIMER}")
    home.write("later")
    home.source.run(f"systemctl start {TIMER}")  # as at boot
    home.await_runs(before + 1)
    home.await_idle(SERVICE)
    following = home.source.run(f'date +%s -d "$(systemctl show --value -p NextElapseUSecRealtime {TIMER})"')
    assert int(following) > home.now().timestamp()
    assert len(home.history()) == before + 1
    assert home.is_on_the_box()
