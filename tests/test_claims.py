"""
What README.md, SECURITY.md and docs/ promise without a condition, and the tests that attack it.

A sentence with a word such as "never" or "every" is a claim. `CLAIMS` names a part of it and tests
that would fail if it were false; what only describes stands in `DESCRIPTIONS`. Whoever writes a new
one finds here that nothing attacks it yet.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from cli.__main__ import main
from cli.reference import MARK
from lib.models import Message, Notice
from lib.text import clean
from tests.support import docs
from tests.support.builders import a_finding
from tests.support.every import every
from tests.support.notices import a_notice, injected, injected_problem, notices
from tests.support.receivers import OPTIONS, THREADS, notifier, tools
from tests.support.streams import (
    a_part,
    a_reported_condition,
    a_state,
    a_view,
    a_watched,
    an_agreement,
    an_unscanned_part,
)

ROOT: Final = Path(__file__).parents[1]
STRONG: Final = re.compile(
    r"\b(never|always|nothing|nobody|every|whatever|however|cannot|whoever|exactly|none)\b"
    r"|\bno (mention|link|other)\b|\bonly\b.*\bhosts?\b",
    re.IGNORECASE,
)
MEASURED: Final = ("# Performance", "## Faults", "## What is created, and what it costs")
"""Sections of numbers: the matrix, the benchmarks and the template say what they are."""

CLAIMS: Final[Mapping[str, tuple[str, ...]]] = {
    "stdout stays a valid document in every": (
        "cli/test_gate.py::test_no_format_turns_unfixed_into_nothing",
    ),
    "the image cannot be judged": ("cli/test_gate.py::test_what_is_not_known_does_not_pass",),
    "an image that cannot be judged is a warning": (
        "test_recipes.py::test_the_workflows_of_the_gate",
    ),
    "of today's rules, whatever was sent before": (
        "core/test_digest.py::test_rules_of_today_decide",
    ),
    "cannot be made is `not known` in each format": (
        "cli/test_audit.py::test_one_answer_that_is_denied_hides_no_other",
        "cli/test_audit.py::test_a_sound_repository_is_not_called_so_without_an_answer",
    ),
    "is named on stderr and has a record of its own": (
        "cli/test_audit.py::test_what_may_not_be_read_is_no_all_clear",
    ),
    "reported as not checked, never as sound": (
        "cli/test_audit.py::test_what_may_not_be_read_is_no_all_clear",
        "flows/test_repository_checks.py::test_what_may_not_be_read_is_reported_once",
        "test_claims.py::test_a_scan_without_a_result_is_no_all_clear_anywhere",
    ),
    "no row is written, nothing is retried": ("e2e/test_health.py::test_every_destination_passes",),
    "every watched image, whatever its age": (
        "flows/test_passes.py::test_a_watched_image_of_any_age_that_was_scanned_again",
        "flows/test_passes.py::test_an_image_of_the_last_day_is_looked_at_unwatched",
    ),
    "what is the same again sends nothing": (
        "e2e/test_alerts.py::test_scans_whose_events_were_lost_are_found_and_no_others",
        "faults/test_matrix.py::test_nothing_is_lost_and_nothing_comes_twice",
    ),
    "every stream is synced: suppressions that ended": (
        "flows/test_stream_passes.py::test_every_stream_is_queued_once_a_day",
        "e2e/test_streams.py::test_a_suppression_that_ends_is_notified",
    ),
    "The same message is sent twice only where": (
        "faults/test_matrix.py::test_nothing_is_lost_and_nothing_comes_twice",
    ),
    "programs and PagerDuty get each stream": (
        "flows/test_summaries.py::test_who_needs_every_stream_gets_no_summary",
    ),
    "**Loses nothing.**": (
        "faults/test_matrix.py::test_nothing_is_lost_and_nothing_comes_twice",
        "faults/test_kill.py::test_a_killed_worker_loses_nothing",
        "faults/test_mutants.py::test_the_matrix_catches",
    ),
    "may come twice only where": (
        "faults/test_matrix.py::test_nothing_is_lost_and_nothing_comes_twice",
        "test_claims.py::test_a_possible_repeat_can_be_told",
    ),
    "it fetches **all** findings": (
        "sources/test_traps.py::test_trap_11_all_pages_are_read",
        "e2e/test_alerts.py::test_enhanced_findings_are_all_fetched",
    ),
    "redelivered batches do not alert twice": (
        "e2e/test_alerts.py::test_an_event_delivered_twice_alerts_once",
        "e2e/test_alerts.py::test_a_wake_up_delivered_twice_sends_once",
    ),
    "The first that matches wins": (
        "core/test_desired.py::test_the_first_route_that_matches_wins",
    ),
    "routes gets one alert": (
        "core/test_desired.py::test_items_are_those_of_all_routes_that_apply",
    ),
    "hour after its time, once": (
        "flows/test_digests.py::test_each_destination_has_its_digest_once",
        "flows/test_digests.py::test_a_destination_that_lacks_its_digest_gets_it_alone",
    ),
    "each finding once": ("core/test_merging.py::test_a_finding_of_every_platform_is_one",),
    "only those that ask for something are shown in the channel": (
        "notifiers/slack/test_bot.py::test_only_what_asks_for_something_is_shown_in_the_channel",
    ),
    "a lost answer makes no second issue": (
        "faults/test_mutants.py::test_the_matrix_catches_wrong_ideas_of_identity",
        "local/standins/test_jira_notifier.py::test_a_deleted_issue_and_a_lost_answer_make_one_new_issue",
    ),
    "An issue is edited only when a property": (
        "notifiers/jira/test_notifier.py::test_an_issue_of_others_is_never_changed",
        "local/standins/test_jira_notifier.py::test_our_label_on_an_issue_of_people_is_no_invitation",
        "local/standins/test_jira_notifier.py::test_a_key_of_the_same_site_that_is_not_ours_is_left_alone",
    ),
    "Keys of another site or project are not used, and two stages have an issue each": (
        "notifiers/jira/test_notifier.py::test_a_key_of_another_site_or_project_is_not_used",
        "local/standins/test_jira_notifier.py::test_another_site_keeps_its_issues",
        "local/standins/test_jira_notifier.py::test_two_stages_have_an_issue_each",
    ),
    "open before + new - resolved = open now": ("core/test_digest.py::test_numbers_add_up",),
    "of at most 256 KiB": (
        "notifiers/test_webhook.py::test_a_large_event_is_cut_by_whole_items",
        "notifiers/test_contract.py::test_any_alert_stays_within_every_limit",
    ),
    "the same event comes again, with the same `webhook-id`": (
        "notifiers/test_webhook.py::test_a_repeat_has_the_same_id_and_a_time_of_its_own",
    ),
    "makes only the calls that are missing": (
        "checks/test_completion.py::test_only_what_is_missing_is_added",
    ),
    "publishes only to the topics in `alerts.yml`": (
        "deploy/test_template.py::test_deliver_publishes_to_the_topics_of_the_file",
    ),
    "for a valid signature only": ("urls/test_signed.py::test_a_changed_link_does_not_open",),
    "at most an hour, and its other alerts with it (but not where Jira limits one issue)": (
        "test_http_client.py::test_any_retry_after_is_none_or_at_most_an_hour",
        "test_http_client.py::test_the_limit_of_one_issue_is_not_that_of_its_project",
    ),
    "A FIFO topic drops the repeat for five minutes": (
        "notifiers/sns/test_notifier.py::test_a_fifo_topic_delivers_a_repeat_once",
    ),
    "(no value is read)": ("test_claims.py::test_an_examination_only_reads",),
    "finds scans whose events never arrived": (
        "flows/test_passes.py::test_images_that_were_never_seen_are_fetched_where_they_can_count",
        "e2e/test_alerts.py::test_scans_whose_events_were_lost_are_found_and_no_others",
    ),
    "**Never a false all-clear.**": (
        "test_claims.py::test_a_scan_without_a_result_is_no_all_clear_anywhere",
        "test_claims.py::test_gaps_are_in_every_headline",
        "notifiers/test_digest.py::test_no_more_of_an_all_clear_than_is_true",
        "page/test_page.py::test_a_scan_without_a_result_is_not_a_clear_one",
    ),
    "is read and never changed": (
        "acceptance/test_run.py::test_whatever_ends_a_run_is_followed_by_a_clean_up",
        "acceptance/test_acceptance.py::test_a_stage_that_is_there_is_refused",
        "test_claims.py::test_the_acceptance_program_leaves_the_registry_alone",
    ),
    "an invalid file cannot be deployed": (
        "cli/test_commands.py::test_each_mistake_has_a_line",
        "cli/test_alerts_file.py::test_problems_come_in_the_order_of_lines",
        "test_claims.py::test_mistakes_do_not_hide_each_other",
        "deploy/test_package.py::test_an_invalid_configuration_is_not_packaged",
    ),
    "Whatever the format, filter policies match": (
        "notifiers/test_contract.py::test_filter_policies_match_whatever_the_format",
    ),
    "but never when it was closed as": (
        "notifiers/jira/test_notifier.py::test_issue_that_people_decided_against_stays_closed",
        "notifiers/jira/test_workflow.py::test_a_decision_not_to_do_it_is_recognized",
    ),
    "there is nothing to find": (
        "local/standins/test_jira_notifier.py::test_without_both_signs_only_the_ledger_knows_the_issue",
        "local/standins/test_jira_notifier.py::test_people_may_take_one_of_our_two_signs",
    ),
    "its role allows nothing else": (
        "deploy/test_template.py::test_deliver_reads_our_secrets_only",
        "config/test_secret_names.py::test_a_stage_reads_below_its_own_name",
    ),
    "An incident is resolved once nothing is left of what it showed": (
        "notifiers/pagerduty/test_notifier.py::test_an_incomplete_list_closes_nothing",
        "notifiers/test_quiet.py::test_what_has_nothing_left_of_its_sort_is_resolved",
        "local/standins/test_pagerduty_notifier.py::test_another_stage_does_not_close_the_incident",
    ),
    "A fix beside others that stay open changes nothing": (
        "notifiers/test_quiet.py::test_a_fix_beside_others_that_stay_changes_nothing",
        "local/standins/test_pagerduty_notifier.py::test_a_first_scan_and_a_fix_beside_others_wake_nobody",
    ),
    "edits the first one, and nothing is posted": (
        "local/standins/test_slack_bot_notifier.py::test_a_quiet_update_edits_the_root_whatever_fails",
        "notifiers/test_quiet.py::test_a_root_that_cannot_be_edited_stays",
    ),
    "changes the description of an open issue, without a comment": (
        "notifiers/test_quiet.py::test_the_issue_is_edited_without_a_comment",
        "local/standins/test_jira_notifier.py::test_a_quiet_update_is_seen_by_nobody",
    ),
    "A repeat changes nothing": (
        "local/standins/test_pagerduty_notifier.py::test_an_alert_that_comes_again_adds_to_its_incident",
    ),
    "can send nothing to another host than `host`": (
        "notifiers/test_webhook.py::test_another_host_than_the_one_that_was_named_is_not_called",
        "config/test_config.py::test_a_host_of_its_own_is_the_only_one",
        "test_http_client.py::test_other_addresses_are_refused",
    ),
    "`doctor` changes and sends nothing.": (
        "local/standins/test_destination_test.py::test_look_only_sends_nothing",
        "test_claims.py::test_an_examination_only_reads",
    ),
    "and answers nothing else": (
        "urls/test_signed.py::test_a_changed_link_does_not_open",
        "handlers/test_open_report.py::test_nothing_else_can_be_done_with_a_link",
    ),
    "In a pipe a row of a table is one line": (
        "cli/test_terminal.py::test_a_table_in_a_pipe_is_not_folded",
        "cli/test_deliveries.py::test_a_pipe_has_a_row_on_each_line",
    ),
    "Every line says what was found": (
        "local/standins/test_destination_test.py::test_wrong_secret_fails_with_remedy",
    ),
    "checks all of this and writes nothing": (
        "local/standins/test_destination_test.py::test_says_what_an_alert_would_do",
    ),
    "Such a limit holds up that issue, and no other alert": (
        "test_http_client.py::test_the_limit_of_one_issue_is_not_that_of_its_project",
    ),
    "writes nothing: checks site": (
        "local/standins/test_destination_test.py::test_says_what_an_alert_would_do",
    ),
    "which pages nobody": ("local/standins/test_destination_test.py::test_right_secret_passes",),
    "whose tags cannot be moved": (
        "cli/repository/test_templates.py::test_what_is_deployed_is_what_was_asked_for",
    ),
    "Nothing becomes weaker": (
        "cli/repository/test_settings.py::test_tags_are_kept_as_strictly_as_before_at_least",
        "checks/test_completion.py::test_missing_rules_are_added_around_own_ones",
    ),
    "nothing is written that `check-config` would not pass": (
        "cli/test_suppressions.py::test_what_check_config_would_not_pass_is_not_written",
        "cli/test_alerts_edits.py::test_adding_keeps_every_line",
    ),
    "listed with their lines and none is changed": (
        "cli/test_suppressions.py::test_of_several_none_is_guessed",
    ),
    "An import is never wider than its origin": (
        "cli/ignore_files/test_never_wider.py::test_trivyignore",
        "cli/ignore_files/test_never_wider.py::test_grype",
        "cli/ignore_files/test_never_wider.py::test_openvex",
    ),
    "something that a suppression cannot say": (
        "cli/ignore_files/test_never_wider.py::test_trivyignore_yaml",
    ),
    "every vulnerability that is known of its images": (
        "page/test_page.py::test_every_finding_is_on_the_page",
        "page/test_browser.py::test_a_search_looks_at_every_finding",
        "page/test_page.py::test_the_memory_of_a_page_has_a_limit",
    ),
    "ends all links": ("urls/test_signed.py::test_a_new_secret_ends_all_links",),
    "nothing of the stage can be reached from outside": (
        "deploy/test_template.py::test_without_links_nothing_can_be_reached_from_outside",
        "deploy/test_template.py::test_only_the_function_that_opens_links_can_be_reached_from_outside",
    ),
    "An alert whose link cannot be": (
        "flows/test_notifying.py::test_a_message_goes_out_without_its_link",
    ),
    "A link that nobody opens costs": (
        "flows/test_pages.py::test_a_page_that_nobody_opens_costs_nothing",
    ),
    "A program that only asks for the head of a link makes no page": (
        "handlers/test_open_report.py::test_a_program_that_looks_at_a_link_opens_nothing",
    ),
    "A link that is forged or has ended costs no read of a": (
        "handlers/test_open_report.py::test_a_forged_link_costs_no_read_of_a_report",
    ),
    "Each message links to a [report page]": (
        "notifiers/test_contract.py::test_every_message_links_to_its_page",
        "e2e/test_alerts.py::test_a_message_links_to_its_report_page",
    ),
    "Every message in full and every report names the commit": (
        "test_claims.py::test_every_message_in_full_names_the_commit",
        "e2e/test_source.py::test_labels_link_to_the_commit",
        "e2e/test_source.py::test_an_image_that_says_nothing_says_what_to_add",
    ),
    "at most three calls": (
        "sources/test_provenance.py::test_an_index_speaks_with_one_of_its_images",
        "e2e/test_source.py::test_a_rescan_asks_nothing_again",
    ),
    "What cannot be read holds up no alert": (
        "e2e/test_source.py::test_what_cannot_be_read_holds_nothing_up",
        "flows/test_provenances.py::test_an_image_whose_provenance_cannot_be_read_says_why",
    ),
    "asks for nothing; tags and `sources` still count": (
        "e2e/test_source.py::test_switched_off_it_asks_nothing",
    ),
    "does not stop the others": ("flows/test_passes.py::test_a_repository",),
    "in turn, however many rows one of them has": (
        "flows/test_waking.py::test_a_long_queue_of_one_destination_keeps_no_other_waiting",
        "store/test_stream_contracts.py::test_no_destination_hides_the_others_from_the_sweep",
    ),
    "none in configuration, logs, errors or metrics": (
        "config/test_config.py::test_a_pasted_secret_is_refused",
        "e2e/test_alerts.py::test_no_secret_is_logged",
        "notifiers/test_contract.py::test_secrets_stay_out_of_payloads",
        "notifiers/test_contract.py::test_retry_class_of_every_status",
    ),
    "with exactly the calls that the function makes": (
        "deploy/test_template.py::test_a_role_allows_the_calls_of_its_function_and_no_other",
        "e2e/test_roles.py::test_nothing_that_a_function_asks_for_is_denied",
        "e2e/test_roles.py::test_everything_that_is_granted_is_used",
    ),
    "Errors name a receiver's host, never its path": (
        "test_http_client.py::test_no_error_shows_the_path_of_a_webhook",
        "test_http_client.py::test_no_answer_repeats_credentials",
        "test_redaction.py::test_no_mixture_of_spellings_lets_a_secret_pass",
    ),
    "are called over https, at their vendors' hosts": (
        "test_http_client.py::test_other_addresses_are_refused",
        "test_http_client.py::test_plain_http_is_for_loopback",
        "test_http_client.py::test_redirects_are_not_followed",
    ),
    "signed over exactly the bytes that are sent": (
        "notifiers/test_webhook.py::test_it_covers_id_time_and_body",
        "notifiers/test_webhook.py::test_the_official_library_verifies_every_secret",
    ),
    "no mention, link or query comes alive": (
        "notifiers/slack/test_webhook.py::test_nothing_from_outside_comes_alive",
        "notifiers/slack/test_bot.py::test_nothing_from_outside_comes_alive",
        "notifiers/jira/test_notifier.py::test_text_from_outside_stays_text",
        "notifiers/pagerduty/test_notifier.py::test_text_from_outside_stays_text",
        "notifiers/sns/test_amazon_q.py::test_no_mention_or_link_of_others_comes_alive",
        "page/test_page.py::test_nothing_breaks_out_of_its_place",
    ),
    "without the scope for history it cannot ask": (
        "local/standins/test_slack_bot_notifier.py::test_a_bot_without_the_scope_for_history_cannot_tell",
        "test_claims.py::test_a_possible_repeat_can_be_told",
    ),
    "Where it cannot be edited, replies go on": (
        "notifiers/slack/test_bot.py::test_a_root_that_cannot_be_edited_does_not_stop_the_alert",
    ),
    "There is no repeat where no answer is lost": (
        "faults/test_matrix.py::test_nothing_is_lost_and_nothing_comes_twice",
        "faults/test_mutants.py::test_the_matrix_catches_wrong_ideas_of_identity",
    ),
    "stand in no log line, error or metric": (
        "e2e/test_alerts.py::test_no_secret_is_logged",
        "notifiers/test_contract.py::test_accepted_answers_do_not_tell_secrets",
        "test_redaction.py::test_no_mixture_of_spellings_lets_a_secret_pass",
    ),
    "control and invisible characters are removed": (
        "test_text.py::test_no_control_and_no_invisible_character_is_left",
        "test_claims.py::test_no_invisible_character_reaches_a_person",
        "test_claims.py::test_programs_get_no_raw_control_character",
    ),
    "are stored encrypted, in a private bucket": (
        "deploy/test_template.py::test_the_bucket_is_private",
        "deploy/test_template.py::test_the_table_is_protected",
    ),
    "to the one host that a webhook names": (
        "test_http_client.py::test_vendor_hosts_are_allowed",
        "test_http_client.py::test_other_addresses_are_refused",
        "notifiers/test_webhook.py::test_another_host_than_the_one_that_was_named_is_not_called",
    ),
}
"""A part of the sentence, and tests by their file below tests/ and their name."""

DESCRIPTIONS: Final = (
    "USD a month when nothing is pushed",
    "every role has a boundary and a path",
    "as CloudFormation's registry describes them",
    "a chart of eight weeks",
    "A program that keeps a state gets every kind",
    "It changes nothing.",
    "`labels` (`false` for none)",
    "2xx that cannot be read",
    "NONE`).",
    "so is an index none of whose images is ever scanned",
    "`NONE` when things only got better",
    "close the issue when nothing is left",
    "has no scan, or none within `scanned_within` days",
    "stay forever: no rule deletes them, in standard storage or from the archive",
    "Whoever has the link can open the page",
    "wake-ups for rows that need nothing",
    "a routing key of nobody",
    "`host` (the only one that is called)",
    "Whoever can write `alerts.yml` decides",
    "can read every alert sent to it",
    "`Host … is not allowed here`",
)
"""Definitions, conditions and options: nothing to attack."""

MODES: Final = (
    *((mode, {}) for mode in sorted(OPTIONS)),
    *(("sns", {"format": format_}) for format_ in ("json", "ocsf", "amazon-q")),
)
FOR_PROGRAMS: Final = (("webhook", {}), ("sns", {"format": "json"}), ("sns", {"format": "ocsf"}))
STORIES: Final = notices()
each_mode = pytest.mark.parametrize(("mode", "options"), MODES)


def rendered(mode: str, options: Mapping[str, Any], alert: Message) -> Iterator[Any]:
    """Yield what a receiver gets of an alert: in full and plain, as the first and as another."""
    made = notifier(mode, tools(), **options)
    for thread in {None, THREADS.get(mode)}:
        yield made.render(alert, thread=thread)
        yield made.plain(alert, thread=thread)


def said(payload: Any) -> str:
    """Return the text of a payload; an SNS message of a program is JSON inside of it."""
    return json.dumps(payload, ensure_ascii=False)


# --- the documents ----------------------------------------------------------------------------


@cache
def sentences(document: str) -> tuple[str, ...]:
    """Return the sentences of a document, without code and sections of numbers."""
    by_hand, *_ = docs.prose_of(document).split(MARK)
    sections = re.split(r"\n(?=##+ )", by_hand)
    kept = "\n\n".join(each for each in sections if not each.startswith(MEASURED))
    blocks = re.split(r"\n\s*\n|\n(?=[|\-#])", kept)
    return tuple(
        sentence
        for block in blocks
        for sentence in re.split(r"(?<=[.!?:;])\s+(?=[A-Z*`\[])", " ".join(block.split()))
    )


@every("document", docs.FOR_USERS)
def test_every_claim_is_attacked(document: str) -> None:
    """A sentence that promises without a condition is listed above, or reworded."""
    known = (*CLAIMS, *DESCRIPTIONS)

    missing = [
        sentence
        for sentence in sentences(document)
        if STRONG.search(sentence) and not any(part in sentence for part in known)
    ]

    assert missing == []


@every("part", [*CLAIMS, *DESCRIPTIONS])
def test_the_list_has_what_is_written(part: str) -> None:
    """A claim that was reworded is looked at anew."""
    everything = " ".join(" ".join(docs.text_of(page).split()) for page in docs.FOR_USERS)

    assert part in everything


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@every("test", sorted({test for tests in CLAIMS.values() for test in tests}))
def test_the_attacks_exist(test: str) -> None:
    """Under the names that the list has."""
    file, _, name = test.partition("::")

    assert name in names_in(file)


# --- attacks on the operator's commands --------------------------------------------------------


def test_mistakes_do_not_hide_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six in one file: each is named with its own line in one run."""
    lines = MISTAKES.splitlines()
    wrong = [number for number, line in enumerate(lines, 1) if line.endswith("# wrong")]
    file = tmp_path / "alerts.yml"
    file.write_text(MISTAKES, "utf-8")

    code = main(["check-config", str(file)])

    printed = capsys.readouterr()
    named = {int(found) for found in re.findall(r"alerts\.yml:(\d+)", printed.out + printed.err)}
    assert code == 1
    assert named == {*wrong}


CHANGES: Final = re.compile(
    r"(add|associate|cancel|change|copy|create|delete|disable|enable|execute|import|modify|publish"
    r"|purge|put|reboot|redrive|register|remove|reset|restore|run|send|set|start|stop|subscribe|tag"
    r"|terminate|transact|untag|update|upload|write)_[a-z_]+"
)
"""How the methods of boto3 that change something begin."""


def methods_called(*files: Path) -> set[str]:
    """Return the names of all methods that are called in files."""
    return {
        node.func.attr
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


def test_the_acceptance_program_leaves_the_registry_alone() -> None:
    """It asks how the registry scans, and calls nothing that changes a registry as a whole."""
    called = methods_called(*(ROOT / "acceptance").rglob("*.py"))

    assert "get_registry_scanning_configuration" in called
    assert [name for name in called if "registry" in name and CHANGES.fullmatch(name)] == []


def test_an_examination_only_reads() -> None:
    """No call of AWS that `doctor` makes is named like one that changes something."""
    called = methods_called(*(ROOT / "cli/doctor").glob("*.py"), ROOT / "cli/commands/doctor.py")

    assert any(name.startswith("describe_") for name in called)
    assert "get_secret_value" not in called
    assert {name for name in called if CHANGES.fullmatch(name)} <= {"add_argument"}


MISTAKES: Final = """version: 1
destinations:
  a: {type: slack, webhook: {secret: ecr-scan-alerts/a}, chanel: C1}  # wrong
  b: {type: carrier-pigeon}  # wrong
  c: {type: sns, topic_arn: "arn:aws:sns:eu-central-1:000474600478:c", format: prose}  # wrong
routes:
  - {name: one, severity: TERRIBLE, notify: [a]}  # wrong
  - name: two
    notify: [nobody]  # wrong
suppressions:
  - id: CVE-2026-1
    expires: soon  # wrong
    reason: x
"""


# --- attacks on all receivers -----------------------------------------------------------------

CLEAR: Final = re.compile(
    r"(?<!not an )all.clear|\b[Nn]o findings|\b0 findings|[Nn]othing (open|new)|\bNONE\b|\bINFO\b"
    r'|"event_action": "resolve"'
)
FAILURES: Final = ("scan-failed", "not-scanned", "multi-platform-failed", "repository-denied")


@each_mode
@every("story", FAILURES)
def test_a_scan_without_a_result_is_no_all_clear_anywhere(
    story: str, mode: str, options: Mapping[str, Any]
) -> None:
    """No receiver reads "no findings" out of it, and none closes an incident."""
    for payload in rendered(mode, options, STORIES[story]):
        found = [hit[0] for hit in CLEAR.finditer(said(payload))]

        assert found == []


@each_mode
def test_gaps_are_in_every_headline(mode: str, options: Mapping[str, Any]) -> None:
    """A subject or the first line may be all that is read."""
    failed = an_unscanned_part(part="windows/amd64")
    parts = (a_part(a_finding()), a_part(part="linux/arm64"), failed)
    view = a_view(a_reported_condition("FAILED windows/amd64"), agreed=an_agreement())
    partly = a_notice(a_state(a_watched(parts=parts), version=2), view)
    listed = a_notice(a_state(a_watched(a_finding(), complete=False)))

    for gap, words in (
        (partly, "1 of 3 platforms not scanned"),
        (listed, "the list is incomplete"),
    ):
        assert all(words in said(payload) for payload in rendered(mode, options, gap))


@each_mode
def test_every_message_in_full_names_the_commit(mode: str, options: Mapping[str, Any]) -> None:
    """Where the image says it."""
    alert = STORIES["new-and-resolved"]
    made = notifier(mode, tools(), **options)

    assert alert.provenance is not None
    assert str(alert.provenance.commit)[:7] in said(made.render(alert))


@each_mode
def test_a_possible_repeat_can_be_told(mode: str, options: Mapping[str, Any]) -> None:
    """People read that it may be one; programs find the id of the first in it."""
    alert = replace(STORIES["new-and-resolved"], attempt=2, possible_repeat=True)

    for payload in rendered(mode, options, alert):
        text = said(payload)
        told_apart = mode in ("pagerduty", "sns", "webhook")
        assert "may be a repeat" in text or told_apart
        assert alert.delivery_id in text or '"dedup_key"' in text


HIDDEN: Final = (
    "\x00\x07\x1b\x7f\x9b\u00ad\u034f\u061c\u115f\u180e\u200b\u200f\u2028\u202e\u2066\u2800\u3164\ufe01"
    "\ufeff\uffa0\ufff9\ufdd0\ufffe\U0001bca0\U0001d173\U000e0041\U000e0101\U0010ffff"
)
"""One of each range that is removed."""


def hidden(text: str) -> list[str]:
    """Return the characters of a text that no person should get."""
    return [f"{ord(character):x}" for character in set(text) & set(HIDDEN)]


def hostile() -> tuple[Notice, ...]:
    """Return notices whose texts are full of hidden characters."""
    text = f"open{HIDDEN}ssl"
    return (injected(text), injected_problem(text))


@pytest.mark.parametrize(("mode", "options"), [each for each in MODES if each not in FOR_PROGRAMS])
def test_no_invisible_character_reaches_a_person(mode: str, options: Mapping[str, Any]) -> None:
    """Not by any text of an image or an advisory."""
    for alert in hostile():
        for payload in rendered(mode, options, alert):
            assert hidden(said(payload)) == []


@pytest.mark.parametrize(("mode", "options"), FOR_PROGRAMS)
def test_programs_get_no_raw_control_character(mode: str, options: Mapping[str, Any]) -> None:
    """Their documents keep what was found, as escapes of JSON."""
    for alert in hostile():
        for payload in rendered(mode, options, alert):
            body = payload["Message"] if mode == "sns" else json.dumps(payload)
            raw = {character for character in body if clean(character) != character}

            assert raw <= {"\r"}
            json.loads(body.splitlines()[0])
