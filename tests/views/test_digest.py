from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.views.test_overview import ALONE, AWAY, FRESH, SEEN
from tests.views.values import EMPTY, ERROR, NOTICE, REPLICA, STARTED, STATUS, past
from zoffsite.views.digest import MOST, SPAN, digest_message


def test_a_digest_says_how_old_each_replica_is_how_runs_went_and_how_long_there_is_room() -> None:
    runs = [past(started=STARTED), past(started=STARTED - timedelta(days=1), good=False)]
    message = digest_message(FRESH, runs)
    assert message.title == "zoffsite home: digest: all 1 replicas are good"
    assert message.body == (
        "OK: tank/a: data as of 2 h ago (at most 26 h), 4.0 KiB\n\n"
        "Backups of the last 7 days: 2, 1 of them failed; 2.0 KiB sent\n"
        "Last run 2026-11-23 03:00 UTC: home: all well\n"
        "Next run 2026-11-24 03:00 UTC by schedule\n"
        "Room: 931.3 GiB free; full in about 1000 days; 30 days more of history cost at most 27.9 GiB"
    )


def test_what_is_not_good_comes_first_with_its_remedy() -> None:
    message = digest_message(SEEN, [])
    assert message.title == "zoffsite home: digest: 1 of 2 replicas are not good"
    assert message.body.startswith("NOT GOOD: tank/a: nothing on the box")
    assert "\n  Next: zoffsite backup\nOK: tank/a" in message.body


def test_a_side_that_is_away_is_the_news() -> None:
    message = digest_message(AWAY, [])
    assert message.title == "zoffsite away: digest: it cannot be told how the replicas stand"
    assert "send tank/b: no byte moved\nNext: zoffsite backup" in message.body


def test_while_the_source_is_away_the_news_is_what_the_box_says() -> None:
    message = digest_message(ALONE, [])
    title = "digest: by the box's word alone, 1 of 1 replicas are within their objective"
    assert message.title == f"zoffsite home: {title}"
    assert message.body.startswith(
        "OK: tank/a: data as of 2 h ago, says the box (at most 26 h), 4.0 KiB\n\nsend tank/b:"
    )


def test_only_backups_of_the_last_week_count() -> None:
    when = STATUS.when
    old, other = past(started=when - SPAN - timedelta(seconds=1)), replace(past(started=when), verb="verify")
    assert "Backups of the last 7 days: 0" in digest_message(FRESH, [old, other]).body


def test_many_replicas_and_hostile_words_stay_readable() -> None:
    hostile = replace(EMPTY, error=replace(ERROR, message="\x1b[2J" + "x" * 9999 + "\r\nSubject: y"))
    many = replace(
        STATUS, replicas=(hostile, *(replace(REPLICA, source=f"t/{n}") for n in range(MOST + 4))), notices=(NOTICE,)
    )
    body = digest_message(replace(SEEN, status=many), []).body
    assert body.count("OK: t/") == MOST - 1
    assert "… and 5 more." in body
    assert all(char.isprintable() or char == "\n" for char in body)
    assert "\nSubject" not in body
    assert len(body) < 120 * MOST
    assert NOTICE.message in body
