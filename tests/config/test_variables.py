"""The environment wins over .env, .env over the secrets directory, and all of them over the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoffsite.config.settings import Settings
from zoffsite.model.alert import AlertKind

from .conftest import House

SECRET = "hunter2-never-shown"


def urls(settings: Settings, job: str = "home") -> list[str]:
    return [each.url.get_secret_value() for each in settings.receivers(job)]


def test_each_place_wins_over_the_weaker_ones(house: House) -> None:
    house.add("parallel = 1\n")
    assert house.load().job("home").parallel == 1
    house.env("ZOFFSITE_JOB__HOME__PARALLEL=3\n")
    assert house.load().job("home").parallel == 3
    assert house.load(ZOFFSITE_JOB__HOME__PARALLEL="4").job("home").parallel == 4


def test_a_variable_changes_one_key_and_leaves_the_rest_of_its_table(house: House) -> None:
    house.add("[job.home.keep.box]\ndaily = 5\nweekly = 6\n")
    keep = house.load(ZOFFSITE_JOB__HOME__KEEP__BOX__DAILY="9").job("home").keep_box
    assert (keep.daily, keep.weekly) == (9, 6)


def test_a_dash_in_a_name_is_an_underscore_in_a_variable(house: House) -> None:
    house.replace("[job.home]", "[job.my-home]")
    assert house.load(ZOFFSITE_JOB__MY_HOME__PARALLEL="7").job("my-home").parallel == 7


@pytest.mark.parametrize("value", ["tank/a, tank/b", '["tank/a", "tank/b"]'])
def test_a_list_in_a_variable_is_json_or_simply_commas(house: House, value: str) -> None:
    assert house.load(ZOFFSITE_JOB__HOME__DATASETS=value).job("home").datasets == ("tank/a", "tank/b")


def test_urls_of_all_jobs_are_used_unless_a_job_has_its_own(house: House) -> None:
    house.env("ZOFFSITE_NOTIFY_URLS='json://a  json://b'\n")
    assert urls(house.load()) == ["json://a", "json://b"]
    assert urls(house.load(ZOFFSITE_JOB__HOME__NOTIFY_URLS="json://c")) == ["json://c"]
    assert urls(house.load(ZOFFSITE_JOB__HOME__NOTIFY_URLS="")) == []


def test_a_url_is_for_all_kinds_of_message_or_for_those_before_it(house: House) -> None:
    settings = house.env("ZOFFSITE_NOTIFY_URLS='json://a?x=y failure,Recovery=json://b digest=json://c'\n").load()
    kinds = [each.kinds for each in settings.receivers("home")]
    assert kinds == [set(AlertKind), {AlertKind.FAILURE, AlertKind.RECOVERY}, {AlertKind.DIGEST}]
    assert urls(settings) == ["json://a?x=y", "json://b", "json://c"]


@pytest.mark.parametrize(
    ("value", "message", "remedy"),
    [
        (f"json://a {SECRET}", "URL number 2 has no scheme", "mailto"),
        (f"failure=://{SECRET}", "URL number 1 has no scheme", "mailto"),
        (f"failures=json://{SECRET}", "what stands before URL number 1 is no kind of message", 'mean "failure"?'),
        (f"{SECRET}=json://a", "what stands before URL number 1 is no kind of message", "failure, warning"),
        (f"failure,=json://{SECRET}", "what stands before URL number 1 is no kind of message", "failure, warning"),
    ],
)
def test_a_url_that_nobody_understands_is_refused_without_being_shown(
    house: House, value: str, message: str, remedy: str
) -> None:
    problem = house.env(f"ZOFFSITE_NOTIFY_URLS='{value}'\n").problem()
    assert problem.message == message
    assert remedy in problem.remedy
    assert SECRET not in str(problem)


def test_a_secret_is_never_shown_by_the_settings(house: House) -> None:
    settings = house.env(f"ZOFFSITE_NOTIFY_URLS=mailto://me:{SECRET}@example.org\n").load()
    assert SECRET not in repr(settings)
    assert SECRET in urls(settings)[0]


def test_a_dollar_in_a_password_stays_one(house: House) -> None:
    house.env("ZOFFSITE_NOTIFY_URLS=json://me:pa${HOME}ss@example.org\n")
    assert urls(house.load(HOME="/root")) == ["json://me:pa${HOME}ss@example.org"]


def test_the_secrets_directory_holds_one_file_for_each_secret(house: House, tmp_path: Path) -> None:
    secrets = tmp_path / "credentials"
    secrets.mkdir()
    (secrets / "zoffsite_notify_urls").write_text("json://from-a-file\n")
    (secrets / "somebody-elses").write_text("x")
    assert urls(house.load(ZOFFSITE_SECRETS_DIR=str(secrets))) == ["json://from-a-file"]
    house.env(f"ZOFFSITE_SECRETS_DIR={secrets}\n")
    assert urls(house.load()) == ["json://from-a-file"]


def test_a_secret_held_twice_is_refused(house: House, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "ZOFFSITE_NOTIFY_URLS").write_text("json://a")
    problem = house.env("ZOFFSITE_NOTIFY_URLS=json://b\n").problem(ZOFFSITE_SECRETS_DIR=str(tmp_path / "s"))
    assert problem.remedy == "keep one of the two"


def test_a_secrets_directory_that_is_not_there_is_a_mistake(house: House) -> None:
    assert house.problem(ZOFFSITE_SECRETS_DIR="/nowhere").key == "ZOFFSITE_SECRETS_DIR"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_an_env_file_that_others_may_read_is_refused(house: House, mode: int) -> None:
    problem = house.env("ZOFFSITE_NOTIFY_URLS=json://a\n", mode).problem()
    assert problem.remedy == f"chmod 600 {house.path / '.env'}"


def test_mistakes_of_the_env_file_carry_its_line_and_variable_but_no_value(house: House) -> None:
    house.env(
        f"# text\nZOFFSITE_NOTIFY_URLS={SECRET}\nZOFFSITE_NOTIFY_URL={SECRET}\n"
        f"ZOFFSITE_JOB__HOME__PASSWORD={SECRET}\nZOFFSITE_JOB__HOEM__PARALLEL={SECRET}\n"
        f"ZOFFSITE_JOB__HOME__PARALLEL={SECRET}\nZOFFSITE_CONFIG={SECRET}\n"
        f"ZOFFSITE_NOTIFY_URLS={SECRET}\nwhat {SECRET}\n"
    )
    found = house.problems()
    assert {(problem.line, problem.key) for problem in found} == {
        (2, "ZOFFSITE_NOTIFY_URLS"),
        (3, "ZOFFSITE_NOTIFY_URL"),
        (4, "ZOFFSITE_JOB__HOME__PASSWORD"),
        (5, "ZOFFSITE_JOB__HOEM__PARALLEL"),
        (6, "ZOFFSITE_JOB__HOME__PARALLEL"),
        (7, "ZOFFSITE_CONFIG"),
        (8, "ZOFFSITE_NOTIFY_URLS"),
        (9, ".env"),
    }
    assert SECRET not in "".join(str(problem) for problem in found)
    assert all(problem.file == str(house.path / ".env") for problem in found)


def test_a_mistake_in_the_environment_names_the_variable_and_the_nearest_right_one(house: House) -> None:
    problem = house.problem(ZOFFSITE_NOTIFY_URL=SECRET)
    assert (problem.place, problem.key) == ("environment", "ZOFFSITE_NOTIFY_URL")
    assert problem.remedy == 'did you mean "ZOFFSITE_NOTIFY_URLS"?'
    assert SECRET not in str(problem)


def test_a_variable_makes_no_new_job_box_or_source(house: House) -> None:
    problem = house.problem(ZOFFSITE_JOB__HOEM__PARALLEL="3")
    assert 'no job "hoem"' in problem.message
    assert problem.remedy == 'did you mean "home"?'


@pytest.mark.parametrize("name", ["ZOFFSITE_JOB", "ZOFFSITE_JOB__HOME", "ZOFFSITE_JOB__", "ZOFFSITE_BOX____HOST"])
def test_a_variable_that_names_no_setting_is_refused(house: House, name: str) -> None:
    assert house.problem(**{name: "x"}).key == name


def test_variables_of_others_are_left_alone(house: House) -> None:
    house.env("PREFECT_API_URL=http://127.0.0.1:4200/api\nPATH=/bin\n")
    assert house.problems(ZOFFSITE_LAB_CACHE="/tmp", ZOFFSITE_CONFIG="x", ZOFFSITE_STATE_DIR="/y", HOME="/root") == []


def test_a_job_may_have_a_ping_url_which_is_a_secret(house: House) -> None:
    settings = house.env(f"ZOFFSITE_JOB__HOME__PING_URL=https://hc-ping.com/{SECRET}\n").load()
    assert settings.ping_urls["home"].get_secret_value() == f"https://hc-ping.com/{SECRET}"
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    "wrong",
    [
        "file:///hunter2-never-shown",
        "ftp://host/x",
        "hc-ping.com/x",
        "https://",
        "http://a:b/",
        "http://[x/",
        "http://é/",
    ],
)
def test_a_ping_url_that_is_none_of_the_web_is_refused_without_being_shown(house: House, wrong: str) -> None:
    problem = house.env(f"ZOFFSITE_JOB__HOME__PING_URL='{wrong}'\n").problem()
    assert problem.message == "this is no http or https URL"
    assert SECRET not in str(problem)


def test_a_ping_url_does_not_belong_in_the_file(house: House) -> None:
    problem = house.add(f'ping_url = "https://hc-ping.com/{SECRET}"\n').problem()
    assert problem.remedy == "move it to .env as ZOFFSITE_JOB__HOME__PING_URL"
    assert SECRET not in str(problem)
