"""`doctor`: the file that counts, what is printed, and the exit code."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.__main__ import parser
from cli.commands import doctor
from cli.doctor.examination import Group
from lib.errors import ConfigError
from lib.models.diagnostics import failed, note, ok, unknown
from tests.cli.test_destinations import ALERTS

GROUPS = [
    Group(
        "rules", (ok("rule a", "enabled"), failed("rule b", "disabled", "aws events enable-rule"))
    ),
    Group("alarms", (note("alarms", "pending"),)),
]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the files that examinations were given."""
    given: list[Any] = []

    def examination(*_: Any, file: Any, **__: Any) -> Any:
        given.append(file)
        return SimpleNamespace(groups=lambda: iter(GROUPS))

    cloudformation = SimpleNamespace(meta=SimpleNamespace(region_name="eu-central-1"))
    stage = SimpleNamespace(
        clients=SimpleNamespace(get=lambda _: cloudformation),
        outputs={},
        output=lambda name: name,
    )
    monkeypatch.setattr(doctor, "Examination", examination)
    monkeypatch.setattr(doctor, "deployment", lambda *_: stage)
    return given


def run(config: Path, *arguments: str) -> int:
    options = parser().parse_args(
        ["doctor", "--stage", "prod", "--config", str(config), *arguments]
    )
    return doctor.run(options)


def test_prints_groups_and_a_summary(
    files: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worst is counted first."""
    config = tmp_path / "alerts.yml"
    config.write_text(ALERTS)

    code = run(config)

    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert code == 1
    assert lines == [
        "rules",
        "ok rule a: enabled",
        "FAILED rule b: disabled",
        "to do: aws events enable-rule",
        "alarms",
        "note alarms: pending",
        "stage prod: 1 failed, 1 to note, 1 ok",
    ]
    assert files[0].document["version"] == 1


@pytest.mark.parametrize(
    ("checks", "code"),
    [((ok("a", "b"), note("a", "b")), 0), ((unknown("a", "b"),), 1), ((failed("a", "b"),), 1)],
)
def test_json(
    files: list[Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    checks: Any,
    code: int,
) -> None:
    """What is not known is not ok."""
    monkeypatch.setattr(f"{__name__}.GROUPS", [Group("alarms", checks)])

    assert run(tmp_path / "none.yml", "--format", "json") == code

    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is (code == 0)
    assert {check["group"] for check in document["checks"]} == {"alarms"}
    assert files[0].document is None


def test_a_file_that_nobody_named_is_marked(
    files: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one in the folder may be of another stage."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alerts.yml").write_text(ALERTS)

    doctor.run(parser().parse_args(["doctor", "--stage", "prod"]))
    run(tmp_path / "alerts.yml")

    assert [file.named for file in files] == [False, True]


def test_invalid_file_is_a_mistake(files: list[Any], tmp_path: Path) -> None:
    """It is not taken for one that is missing."""
    config = tmp_path / "alerts.yml"
    config.write_text("version: 2\n")

    with pytest.raises(ConfigError):
        run(config)
    assert not files
