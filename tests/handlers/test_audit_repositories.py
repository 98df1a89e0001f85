"""Every day: one check of each repository is queued, where alerts.yml asks for it."""

from types import SimpleNamespace
from typing import Any

from handlers.audit_repositories import audit_repositories
from lib.checks.expectations import Expectations
from lib.errors import NotAllowedError
from lib.flows.audit import Audit
from lib.normalizer.events import parse_event
from tests.checks.test_check import a_repository
from tests.checks.test_templates import a_template
from tests.support.builders import NOW
from tests.support.fakes import RecordingScanEvents, ScriptedRepositories


def an_app(events: RecordingScanEvents, expected: Expectations | None) -> Any:
    source = ScriptedRepositories({"payments/api": a_repository()})
    audit = Audit(source=source, events=events, now=lambda: NOW.replace(microsecond=5))
    return SimpleNamespace(config=SimpleNamespace(repositories=expected), audit=audit)


def test_each_repository_is_queued(logged: Any) -> None:
    events = RecordingScanEvents()

    assert audit_repositories(an_app(events, Expectations())) == {"queued": 1}

    (queued,) = events.queued
    event = parse_event(queued)
    assert event.time == NOW  # type: ignore[union-attr]  # a check has one
    assert event.image == a_repository().image  # type: ignore[union-attr]  # and a repository
    (line,) = logged()
    assert (line["message"], line["repositories"]) == ("checks queued", 1)


def test_each_creation_template_is_queued() -> None:
    events = RecordingScanEvents()
    source = ScriptedRepositories({"prod/": a_template(), "ROOT": a_template("ROOT")})
    audit = Audit(source=source, events=events, now=lambda: NOW)

    assert audit.run() == (2, None)

    names = {parse_event(queued).image.repository for queued in events.queued}  # type: ignore[union-attr]  # a check has one
    assert names == {"prod/", "ROOT"}


def test_templates_that_may_not_be_listed_stop_nothing(logged: Any, counted: Any) -> None:
    """That is said, and counted."""

    class Denied(ScriptedRepositories):
        def templates(self) -> Any:
            raise NotAllowedError("AWS denies ecr:DescribeRepositoryCreationTemplates")

    events = RecordingScanEvents()
    source = Denied({"payments/api": a_repository()})

    application = an_app(events, Expectations())
    application.audit = Audit(source=source, events=events, now=lambda: NOW)

    assert audit_repositories(application) == {"queued": 1}

    warning, _ = logged()
    assert warning["reason"] == "AWS denies ecr:DescribeRepositoryCreationTemplates"
    assert counted()["ChecksUnknown"] == 1


def test_two_runs_of_the_same_second_queue_the_same() -> None:
    """So they are evaluated once."""
    events = RecordingScanEvents()
    application = an_app(events, Expectations())

    audit_repositories(application)
    audit_repositories(application)

    first, second = events.queued
    assert first == second


def test_nothing_is_queued_where_nobody_asked(logged: Any) -> None:
    events = RecordingScanEvents()

    assert audit_repositories(an_app(events, None)) == {"queued": 0}

    assert events.queued == []
    (line,) = logged()
    assert line["reason"] == "alerts.yml has no `repositories`"
