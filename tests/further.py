"""What `make further` shows beside `make test`: the same once more, on another database, with
another fault or another story. Each costs seconds of CPU, and fails for a reason of its own rarely.
"""

from typing import Final

import pytest

FURTHER: Final = (
    "attacks/test_a71_brute_force.py::test_many_networks_share_what_the_account_allows",
    "bench/test_growth.py::test_it_fills_measures_and_grows[postgres",
    "bench/test_users.py",
    "cli/test_brand.py::test_pages_can_be_written_as_files",
    "demo/test_flows.py::test_every_step_holds_and_nothing_is_left[ciba",
    "demo/test_flows.py::test_every_step_holds_and_nothing_is_left[embedded",
    "demo/test_flows.py::test_every_step_holds_and_nothing_is_left[exchange",
    "demo/test_flows.py::test_every_step_holds_and_nothing_is_left[fapi",
    "demo/test_flows.py::test_every_step_holds_and_nothing_is_left[machine",
    "demo/test_flows.py::test_every_step_holds_and_nothing_is_left[passkey",
    "demo/test_flows.py::test_every_step_holds_and_nothing_is_left[stolen-phone",
    "demo/test_flows.py::test_every_step_holds_and_nothing_is_left[upstream",
    "demo/test_story.py::test_a_signal_ends_it_and_nothing_is_left[SIGINT",
    "demo/test_story.py::test_a_step_that_does_not_hold_is_named[step 4 another one",
    "demo/test_story.py::test_a_step_that_does_not_hold_is_named[step 4 another permission",
    "demo/test_story.py::test_a_step_that_does_not_hold_is_named[step 7",
    "demo/test_story.py::test_in_a_real_browser",
    "demo/test_story.py::test_it_ends_where_nobody_reads_on",
    "demo/test_story.py::test_two_at_the_same_time_are_kept_until_a_signal_ends_each",
    "docs/test_quickstarts.py::test_audit_the_server",
    "docs/test_reference.py::test_the_documentation_builds_without_a_warning",
    "embedded/test_hosts.py::test_discovery[django by WSGI",
    "embedded/test_workers.py::test_a_killed_worker_is_replaced_nothing_is_lost[gunicorn, SQLite",
    "embedded/test_workers.py::test_what_one_worker_began_another_ends[gunicorn, SQLite",
    "journeys/test_each_way.py::test_each_way[by_provider-another account",
    "journeys/test_each_way.py::test_each_way[by_provider-sign-out",
    "journeys/test_each_way.py::test_each_way[by_provider-two tabs",
    "journeys/test_live_key.py::test_a_limit_is_seen_in_the_apps_window",
    "packaging/test_wheel.py::test_the_base_is_enough",
    "packaging/test_wheel.py::test_with_its_server_extra_it_plays_the_demo",
    "promises/test_acts.py::test_no_act_on_an_account_is_lost[R01 PostgreSQL",
    "promises/test_acts.py::test_no_act_on_an_account_is_lost[R01 SQLite, two",
    "promises/test_failover.py::test_the_old_primary_accepts_nothing",
    "promises/test_full_postgres.py::test_a_full_disk[its log",
    "promises/test_limits.py::test_a_budget_is_never_passed[postgres",
    "promises/test_link.py::test_no_link_is_lost[postgres",
    "promises/test_live.py::test_a_node_that_is_parted_from_its_database",
    "promises/test_live.py::test_nothing_opens_after_the_bound[R08 the followers",
    "promises/test_live.py::test_nothing_opens_after_the_bound[R08 the way carries",
    "promises/test_live.py::test_nothing_opens_after_the_bound[R08 the way holds",
    "promises/test_live.py::test_nothing_opens_after_the_bound[R08 the way is cut for",
    "promises/test_mail.py",
    "promises/test_once.py::test_used_at_most_once[sqlite",
    "promises/test_poison.py::test_poison_is_its_bringers_own[sqlite",
    "promises/test_refresh.py::test_one_lineage[sqlite",
    "promises/test_refresh.py::test_who_holds_the_key[postgres",
    "promises/test_refusal_times.py::test_refusals_take_the_same_time[A70 none",
    "promises/test_statistics.py::test_statistics_agree_with_what_was_committed[postgres",
    "promises/test_storm.py::test_nobody_is_refused_for_a_counter[A94 PostgreSQL-",
    "promises/test_storm.py::test_nobody_is_refused_for_a_counter[A94 SQLite-",
    "promises/test_trouble.py::test_trouble_never_lies[frozen",
    "promises/test_trouble.py::test_trouble_never_lies[taken",
    "resource/test_breaker.py::test_nobody_waits_for_a_silent_server_in_any_framework[django by",
    "resource/test_breaker.py::test_nobody_waits_for_a_silent_server_in_any_framework[drf",
    "resource/test_breaker.py::test_nobody_waits_for_a_silent_server_in_any_framework[fastapi",
    "resource/test_breaker.py::test_nobody_waits_for_a_silent_server_in_any_framework[wsgi",
    "server/admin/test_grants.py::test_a_use_is_known_by_the_day[postgres",
    "server/pages/test_looks.py::test_nothing_scrolls_sideways[ar-XB-1280",
    "server/pages/test_looks.py::test_nothing_scrolls_sideways[ar-XB-800",
    "server/pages/test_looks.py::test_nothing_scrolls_sideways[en-1280",
    "server/pages/test_looks.py::test_nothing_scrolls_sideways[en-800",
    "server/pages/test_looks.py::test_nothing_scrolls_sideways[es-1280",
    "server/pages/test_looks.py::test_nothing_scrolls_sideways[es-320",
    "server/pages/test_looks.py::test_nothing_scrolls_sideways[es-800",
    "server/pages/test_looks.py::test_nothing_scrolls_sideways[fr-1280",
    "server/pages/test_looks.py::test_nothing_scrolls_sideways[fr-320",
    "server/pages/test_looks.py::test_nothing_scrolls_sideways[fr-800",
    "server/store/test_failing_disk.py::test_a_failing_disk_loses_nothing[an error, seven times",
    "server/store/test_failing_disk.py::test_a_failing_disk_loses_nothing[full, once",
    "server/store/test_failing_disk.py::test_a_failing_disk_loses_nothing[full, seven times",
    "server/store/test_postgres.py::test_it_grows_with_users_not_with_sign_ins",
)
"""The beginnings of their names, below `tests/`."""


def mark(items: list[pytest.Item], *, whole: bool) -> None:
    """Marks them as `further`. Where the whole suite was collected, each name must be one of
    something. Raises UsageError."""
    beginnings = tuple(f"tests/{one}" for one in FURTHER)
    further = [one for one in items if one.nodeid.startswith(beginnings)]
    for one in further:
        one.add_marker(pytest.mark.further)
    gone = [one for one in beginnings if not any(it.nodeid.startswith(one) for it in further)]
    if whole and gone:
        raise pytest.UsageError(f"tests/further.py names no test: {gone}")
