"""What to do about a repository: commands are shown whole or not at all."""

from dataclasses import replace

from lib.models import Alert
from lib.notifiers import wording
from lib.repositories import COMMAND
from tests.notifiers.alerts import stories

SETTINGS = stories()["repository-settings"]


def with_command(alert: Alert, command: str) -> Alert:
    change = alert.standing[0]
    extra = {**change.finding.extra, COMMAND: command}
    return replace(alert, standing=(replace(change, finding=replace(change.finding, extra=extra)),))


def test_each_setting_has_its_commands() -> None:
    steps, hidden = wording.steps(SETTINGS, command=2000, limit=10_000)

    assert len(steps) == 3
    assert hidden == ""
    assert all(each.commands and each.risk and each.template for each in steps)


def test_what_does_not_fit_is_counted() -> None:
    steps, hidden = wording.steps(SETTINGS, command=2000, limit=500)

    assert len(steps) == 1
    assert hidden == "and 2 more; ecr-scan-alerts audit shows them"


def test_a_long_or_strange_command_is_not_cut() -> None:
    for command in ("aws " * 1000, "aws ecr `reboot`"):
        (step,), _ = wording.steps(with_command(SETTINGS, command), command=2000, limit=10_000)

        assert step.commands == ()
        assert "ecr-scan-alerts audit shows it" in step.remark


def test_a_vulnerability_has_no_such_step() -> None:
    assert wording.steps(stories()["baseline"], command=2000, limit=10_000) == ([], "")


def test_what_an_alert_is_about_has_a_name() -> None:
    told = stories()

    names = {each: wording.subject(told[each]) for each in ("baseline", "tag-moved")}

    assert names == {"baseline": "image", "tag-moved": "tag"}
    assert wording.subject(SETTINGS) == "repository"
    assert wording.columns(told["baseline"]) == ("Vulnerability", "Package")
    assert wording.columns(SETTINGS) == ("Check", "Setting")
