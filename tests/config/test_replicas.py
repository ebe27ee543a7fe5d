"""Other names of replicas: checked before anything runs, each mistake with its key and line."""

from __future__ import annotations

import pytest

from zoffsite.zfs.names import replica_of

from .conftest import House


def test_a_dataset_is_kept_under_the_name_that_replicas_gives_it(house: House) -> None:
    job = house.add('replicas = { "tank/home" = "home-2" }\n').load().jobs["home"]
    assert replica_of(job, "tank/home") == "vault/home/home-2"
    assert replica_of(job, "tank/photos") == "vault/home/tank:photos"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('"tank/hoem" = "home-2"', 'the job has no dataset "tank/hoem"'),
        ('"tank/photos" = "tank:home"', 'would have one name on the box, "tank:home"'),
        ('"tank/photos/old" = "tank:photos"', 'would have one name on the box, "tank:photos"'),
        (f'"tank/home" = "{"h" * 210}"', "longer than ZFS's"),
        ('"tank/home" = "a/b"', "cannot be a replica's name"),
        ('"tank/home" = ".."', "cannot be a replica's name"),
        ('"tank/home" = ""', "cannot be a replica's name"),
        ('"tank/h*" = "home-2"', "is not a dataset"),
    ],
)
def test_a_name_that_cannot_be_is_refused_at_its_line(house: House, line: str, words: str) -> None:
    problem = house.add(f"[job.home.replicas]\n{line}\n").problem()
    assert problem.line == house.line("^" + line.split(" = ")[0].replace("*", r"\*"))
    assert problem.key.startswith("job.home.replicas")
    assert words in f"{problem.message}; {problem.remedy}"


def test_two_datasets_with_one_name_are_refused(house: House) -> None:
    house.add('replicas = { "tank/home" = "kept", "tank/photos" = "kept" }\n')
    assert 'would have one name on the box, "kept"' in house.problem().message


def test_an_excluded_dataset_has_no_replica_to_name(house: House) -> None:
    house.add('exclude = ["tank/home/tmp"]\nreplicas = { "tank/home/tmp/x" = "x" }\n')
    assert 'the job has no dataset "tank/home/tmp/x"' in house.problem().message


@pytest.mark.parametrize(
    "said",
    [
        'datasets = ["tank/h*", "tank/photos"]\nreplicas = { "tank/house" = "tank:home" }',
        'datasets = ["tank"]\nreplicas = { "tank/a/b" = "b" }',
        'by_property = true\nreplicas = { "data/x" = "x" }',
        'datasets = ["tank/home", "tank/a:b", "tank/a/b"]\nreplicas = { "tank/a/b" = "b" }',
    ],
)
def test_a_name_for_whatever_the_job_may_cover_is_right(house: House, said: str) -> None:
    house.replace('datasets = ["tank/home", "tank/photos"]', said)
    assert house.problems() == []
