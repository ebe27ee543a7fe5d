"""`zoffsite deploy`, below a folder that stands for the machine."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.prefect.test_without_server import SETTINGS
from zoffsite.cli.main import app
from zoffsite.deploy.quoting import variables
from zoffsite.deploy.sandbox import of_runs
from zoffsite.deploy.spec import Needs
from zoffsite.model.errors import SettingsError

UNITS = Path("etc/systemd/system")
SECRET = Path("etc/zoffsite/prefect.env")
KINDS = ("service", "timer")
SCHEDULE = """
[job.home.schedule]
cron = "0 3 * * *"
verify = "0 12 * * 0"
"""


@dataclass(frozen=True)
class House:
    """A folder with settings, and what has been deployed below it."""

    folder: Path

    def deploy(self, *words: str) -> str:
        config, root = str(self.folder / "zoffsite.toml"), str(self.folder / "root")
        done = CliRunner().invoke(app, ["-c", config, "deploy", "--root", root, *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    @property
    def units(self) -> dict[str, str]:
        return {file.name: file.read_text() for file in (self.folder / "root" / UNITS).glob("*")}

    @property
    def secret(self) -> Path:
        return self.folder / "root" / SECRET


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    (tmp_path / "zoffsite.toml").write_text(SETTINGS + SCHEDULE)
    monkeypatch.setenv("ZOFFSITE_STATE_DIR", str(tmp_path / "state"))
    for name in ("PREFECT_API_AUTH_STRING", "PREFECT_SERVER_DATABASE_CONNECTION_URL"):
        monkeypatch.delenv(name, raising=False)
    return House(tmp_path)


def test_without_a_server_each_schedule_is_a_timer_that_makes_up_for_what_was_missed(house: House) -> None:
    house.deploy()
    assert set(house.units) == {f"zoffsite-{verb}-home.{kind}" for verb in ("backup", "verify") for kind in KINDS}
    timer = house.units["zoffsite-backup-home.timer"]
    assert "OnCalendar=*-*-* 03:00:00 UTC" in timer
    assert "Persistent=true" in timer
    assert "zoffsite backup --job home --wait" in house.units["zoffsite-backup-home.service"]
    assert "TimeoutStartSec=infinity" in house.units["zoffsite-backup-home.service"]
    assert "zoffsite verify --job home --tell" in house.units["zoffsite-verify-home.service"]


@pytest.mark.parametrize("way", [(), ("--prefect",), ("--worker", "http://10.0.0.1:4200/api")])
def test_done_twice_it_changes_nothing_the_second_time(house: House, way: tuple[str, ...]) -> None:
    assert "new" in house.deploy(*way)
    before = {file: file.read_bytes() for file in (house.folder / "root").rglob("*") if file.is_file()}
    said = house.deploy(*way)
    assert "All is as it should be." in said
    assert {file: file.read_bytes() for file in (house.folder / "root").rglob("*") if file.is_file()} == before


def test_a_dry_run_says_the_same_and_writes_nothing(house: House) -> None:
    said = house.deploy("--dry-run")
    assert "new      /etc/systemd/system/zoffsite-backup-home.timer" in said
    assert "Nothing was changed." in said
    assert not (house.folder / "root").exists()


def test_what_another_way_needed_goes_and_what_others_wrote_stays(house: House) -> None:
    house.deploy()
    (house.folder / "root" / UNITS / "zoffsite-firewall.service").write_text("[Unit]\n")
    said = house.deploy("--prefect")
    assert "removed  /etc/systemd/system/zoffsite-backup-home.timer" in said
    assert set(house.units) == {"zoffsite-firewall.service", "zoffsite-prefect.service", "zoffsite-serve.service"}


def test_a_job_that_lost_its_schedule_loses_its_timer(house: House) -> None:
    house.deploy()
    (house.folder / "zoffsite.toml").write_text(SETTINGS + SCHEDULE.replace('verify = "0 12 * * 0"', ""))
    house.deploy()
    assert set(house.units) == {"zoffsite-backup-home.service", "zoffsite-backup-home.timer"}


@pytest.mark.parametrize(
    ("before", "after"), [("0 3 * * *", "0 4 * * *"), (SCHEDULE, ""), ("[job.home", "[job.house")], ids=str
)
@pytest.mark.parametrize("way", [("--prefect",), ("--worker", "http://10.0.0.1:4200/api")], ids=str)
def test_what_runs_the_jobs_is_restarted_after_a_change_of_them(
    house: House, way: tuple[str, ...], before: str, after: str
) -> None:
    house.deploy(*way)
    settings = house.folder / "zoffsite.toml"
    settings.write_text(settings.read_text().replace(before, after))
    unit = "zoffsite-serve.service" if way == ("--prefect",) else "zoffsite-worker.service"
    assert f"systemctl restart {unit}" in house.deploy(*way, "--dry-run").splitlines()[-2]


def test_the_server_listens_on_loopback_alone_asks_for_a_password_and_reports_to_nobody(house: House) -> None:
    said = house.deploy("--prefect")
    server = house.units["zoffsite-prefect.service"]
    for line in (
        "PREFECT_SERVER_API_HOST=127.0.0.1",
        "PREFECT_SERVER_ANALYTICS_ENABLED=false",
        "PREFECT_SERVER_UI_V2_ENABLED=false",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY=/var/lib/zoffsite-prefect/ui",
        "IPAddressDeny=any",
        "IPAddressAllow=localhost",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED=true",
    ):
        assert line in server
    variables = dict(line.split("=", 1) for line in house.secret.read_text().splitlines())
    assert variables["PREFECT_SERVER_API_AUTH_STRING"] == variables["PREFECT_API_AUTH_STRING"]
    password = variables["PREFECT_API_AUTH_STRING"]
    assert len(password) > 30
    assert house.secret.stat().st_mode & 0o777 == 0o600
    assert all(password not in text for text in (said, *house.units.values()))


@pytest.mark.parametrize(
    ("listen", "host", "network", "pages"),
    [
        ("10.1.0.1/24", "10.1.0.1", "10.1.0.0/24", "http://10.1.0.1:4200"),
        ("fd00::1/64", "fd00::1", "fd00::/64", "http://[fd00::1]:4200"),
        ("127.0.0.2", "127.0.0.2", None, "http://127.0.0.2:4200"),
    ],
)
def test_a_server_in_a_tunnel_listens_there_alone_for_that_network_and_its_own_jobs_find_it(
    house: House, listen: str, host: str, network: str | None, pages: str
) -> None:
    said = house.deploy("--prefect", "--listen", listen)
    server = house.units["zoffsite-prefect.service"].splitlines()
    assert [line for line in server if "API_HOST" in line] == [f"Environment=PREFECT_SERVER_API_HOST={host}"]
    allowed = [line.partition("=")[2] for line in server if line.startswith("IPAddressAllow=")]
    assert allowed == ["localhost", *([network] if network else [])]
    assert "IPAddressDeny=any" in server
    secret = variables(house.secret.read_text())
    assert secret["PREFECT_API_URL"] == f"{pages}/api"
    assert secret["PREFECT_SERVER_API_AUTH_STRING"]
    assert f"The UI: {pages};" in said
    house.deploy("--prefect")
    assert "PREFECT_API_URL=http://127.0.0.1:4200/api" in house.secret.read_text()


@pytest.mark.parametrize("way", [(), ("--worker", "http://10.1.0.1:4200/api")], ids=str)
def test_an_address_to_listen_on_is_refused_where_no_server_is_set_up(house: House, way: tuple[str, ...]) -> None:
    config = str(house.folder / "zoffsite.toml")
    done = CliRunner().invoke(app, ["-c", config, "deploy", *way, "--listen", "10.1.0.1/24", "--dry-run"])
    assert (done.exit_code, "--listen" in done.output) == (2, True)


def test_the_url_of_a_database_is_a_secret_of_the_server_and_stays(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, url = "PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql+asyncpg://prefect:a$b%40@127.0.0.1/prefect"
    dotenv = house.folder / ".env"
    dotenv.write_text(f"{name}={url}\n")
    dotenv.chmod(0o600)
    said = house.deploy("--prefect")
    assert variables(house.secret.read_text())[name] == url
    assert house.secret.stat().st_mode & 0o777 == 0o600
    assert all("postgresql" not in text for text in (said, *house.units.values()))
    dotenv.unlink()
    assert "All is as it should be." in house.deploy("--prefect")
    monkeypatch.setenv(name, f"{url}-other")
    house.deploy("--prefect")
    assert variables(house.secret.read_text())[name] == f"{url}-other"
    house.deploy("--worker", "http://10.0.0.1:4200/api")
    assert name not in house.secret.read_text()


def test_each_machine_has_a_password_of_its_own_and_keeps_it(house: House) -> None:
    house.deploy("--prefect")
    first = house.secret.read_text()
    house.deploy("--prefect", "--port", "4300")
    assert house.secret.read_text() == first.replace("4200", "4300")
    house.secret.unlink()
    house.deploy("--prefect")
    assert house.secret.read_text() != first


def test_a_worker_takes_its_password_from_the_environment_never_from_its_arguments(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "zoffsite:from-the-server")
    house.deploy("--worker", "http://10.0.0.1:4200/api", "--pool", "nas")
    assert "deployments.work nas" in house.units["zoffsite-worker.service"]
    assert "PREFECT_API_AUTH_STRING=zoffsite:from-the-server" in house.secret.read_text()
    monkeypatch.delenv("PREFECT_API_AUTH_STRING")
    assert "All is as it should be." in house.deploy("--worker", "http://10.0.0.1:4200/api", "--pool", "nas")


def test_only_a_source_on_this_machine_may_use_its_zfs(house: House) -> None:
    house.deploy()
    remote = house.units["zoffsite-backup-home.service"]
    assert "CapabilityBoundingSet=\n" in remote
    assert "/dev/zfs" not in remote
    local = SETTINGS.replace('source = "nas"\n', "") + SCHEDULE
    (house.folder / "zoffsite.toml").write_text(local)
    house.deploy()
    assert "DeviceAllow=/dev/zfs rw" in house.units["zoffsite-backup-home.service"]


def test_the_doctor_may_see_firewall_tunnel_and_kernels_which_a_backup_may_not(house: House) -> None:
    schedule = SCHEDULE + 'doctor = "0 12 * * 0"\n'
    (house.folder / "zoffsite.toml").write_text(SETTINGS.replace('source = "nas"\n', "") + schedule)
    house.deploy()
    doctor, backup = house.units["zoffsite-doctor-home.service"], house.units["zoffsite-backup-home.service"]
    assert "zoffsite doctor home --tell" in doctor
    assert "CAP_NET_ADMIN" in doctor
    for line in ("RestrictNamespaces=yes", "ProtectKernelModules=yes"):
        assert (line in doctor, line in backup) == (False, True)
    for line in ("ProtectSystem=strict", "NoNewPrivileges=yes", "ProtectKernelTunables=yes", "PrivateTmp=yes"):
        assert line in doctor


@pytest.mark.parametrize("way", [("--prefect",), ("--worker", "http://10.0.0.1:4200/api")], ids=str)
def test_beside_prefect_the_doctor_has_a_timer_with_the_sandbox_that_it_needs(
    house: House, way: tuple[str, ...]
) -> None:
    house.deploy(*way)
    (house.folder / "zoffsite.toml").write_text(f'{SETTINGS}{SCHEDULE}doctor = "0 12 * * 0"\n')
    said = house.deploy(*way, "--dry-run")
    assert "restart" not in said, "what runs the other jobs has nothing to do with it"
    house.deploy(*way)
    assert {name for name in house.units if "doctor" in name} == {f"zoffsite-doctor-home.{kind}" for kind in KINDS}
    assert "CAP_NET_ADMIN" in house.units["zoffsite-doctor-home.service"]
    (enabled,) = [line for line in said.splitlines() if "enable --now" in line]
    assert enabled.endswith(" zoffsite-doctor-home.timer")
    assert "zoffsite-backup-home.timer" not in house.units


def test_timers_without_any_schedule_are_refused(house: House) -> None:
    (house.folder / "zoffsite.toml").write_text(SETTINGS)
    with pytest.raises(SettingsError) as refused:
        house.deploy()
    assert refused.value.code == "no-schedule"


def test_only_what_drills_may_mount_and_read_volumes(house: House) -> None:
    local = SETTINGS.replace('source = "nas"\n', "") + SCHEDULE
    (house.folder / "zoffsite.toml").write_text(f'{local}drill = "0 11 * * *"\n')
    house.deploy()
    drill, backup = (house.units[f"zoffsite-{verb}-home.service"] for verb in ("drill", "backup"))
    assert "zoffsite drill --job home\n" in drill
    assert ("RestrictNamespaces=mnt" in drill, "DeviceAllow=block-zvol r" in drill) == (True, True)
    assert ("RestrictNamespaces=yes" in backup, "block-zvol" in backup) == (True, False)
    house.deploy("--prefect")
    serve = house.units["zoffsite-serve.service"]
    assert ("RestrictNamespaces=mnt" in serve, "DeviceAllow=block-zvol r" in serve) == (True, True)


def test_runs_may_write_into_the_canary_and_nowhere_else() -> None:
    needs = Needs(zfs=True, disks=False, hooks=False, canaries=("/tank/my canary",))
    writable = [line for line in of_runs(needs, Path("/state")).splitlines() if line.startswith("ReadWritePaths")]
    assert writable == ["ReadWritePaths=/state", 'ReadWritePaths="-/tank/my canary"']
