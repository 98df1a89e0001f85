"""The examples of all pages: commands that can be run, and YAML that is valid."""

import json
import re
from collections.abc import Mapping
from datetime import date
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from cli.__main__ import main
from cli.alerts_file import check_file, render_problems
from cli.commands import COMMANDS
from cli.stage_file import check_stage_file
from tests.support import commands, docs
from tests.support.commands import CommandError
from tests.support.docs import Block
from tests.support.every import every

TODAY: Final = date(2026, 12, 1)
LANGUAGES: Final = {"", "console", "hcl", "json", "mermaid", "python", "shell", "yaml"}
ALERTS: Final = json.loads((docs.ROOT / "schemas" / "alerts-1.0.0.json").read_text("utf-8"))
OF_ALERTS: Final = frozenset(ALERTS["properties"])


def name_of(block: Block) -> str:
    """Return the id of a test: page and line."""
    return f"{block.page}:{block.line}"


def of(*languages: str) -> list[Block]:
    """Return the blocks of all pages in some languages."""
    return list(docs.blocks(docs.PAGES, *languages))


@every("page", docs.PAGES)
def test_the_language_of_each_block_is_one_that_is_checked(page: str) -> None:
    """Another one needs a test here. Output has none."""
    assert set(re.findall(r"^ *```(\w+)", docs.text_of(page), re.MULTILINE)) <= LANGUAGES


# --- commands ---------------------------------------------------------------------------------


@every("block", of("console"), ids=name_of)
def test_commands_can_be_run(block: Block) -> None:
    """Ours are parsed by the program; those of make and the AWS CLI exist, with their options."""
    commands.check_lines(block.text)


@pytest.mark.parametrize("page", docs.FOR_USERS)
def test_commands_in_sentences_exist(page: str) -> None:
    """`deliveries redrive --all` is a command, an action and an option."""
    for mention in mentions(docs.prose_of(page)):
        commands.check_mention(mention)


@every("page", docs.FOR_USERS)
def test_targets_of_make_in_sentences_exist(page: str) -> None:
    """`make deploy STAGE=prod` names a target and a variable."""
    for words in re.findall(r"`make ([a-z][^`]*)`", docs.prose_of(page)):
        commands.check(["make", *words.replace("…", "x").split()])


def mentions(text: str) -> list[str]:
    """Return the commands that stand in sentences; those with alternatives are no commands."""
    found = []
    for code in re.findall(r"`([^`\n]+)`", text):
        words = code.removeprefix("./").removeprefix("ecr-scan-alerts ")
        if words.split(" ")[0] in COMMANDS and not re.search(r"[|…\[]", words):
            found.append(words)
    return found


@every(
    ("line", "reason"),
    [
        ("./ecr-scan-alerts scam payments/api", "refuses"),
        ("./ecr-scan-alerts scan", "refuses"),
        ("./ecr-scan-alerts scan payments/api --sent", "refuses"),
        ("make demo && make deplay STAGE=prod", "target deplay"),
        ("make deploy STEGE=prod", "STEGE"),
        ("aws secretsmanager make-secret --name a", "make-secret"),
        ("aws secretsmanager create-secret --nam a", "--nam"),
        ("aws secretsmanager create-secret --secret-string a", "--name"),
        ('echo "$(aws ecr batch-get-images --repository-name a)"', "batch-get-images"),
        ("rm -rf build", "rm"),
        ("echo 'never closed", "closing quotation"),
    ],
)
def test_a_wrong_command_is_noticed(line: str, reason: str) -> None:
    """The checks do not pass everything."""
    with pytest.raises(CommandError, match=f"(?i){reason}"):
        commands.check_lines(line)


@pytest.mark.parametrize(
    "mention", ["deliveries redrove --all", "deliveries redrive --every", "scan --sent"]
)
def test_a_wrong_mention_is_noticed(mention: str) -> None:
    """A name that does not exist is no command."""
    with pytest.raises(CommandError):
        commands.check_mention(mention)


# --- YAML, JSON, Python -----------------------------------------------------------------------


def is_of_alerts(document: Any) -> bool:
    """Whether YAML is an alerts.yml, or parts of one."""
    return isinstance(document, dict) and set(document) <= OF_ALERTS


def loaded(text: str) -> Any:
    """Return YAML as plain data."""
    return YAML(typ="safe").load(StringIO(text))


def completed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an alerts.yml of parts: with the destinations and the last route that they lack."""
    routes = list(document.get("routes", []))
    names = {name for route in routes for name in route.get("notify", [])}
    names |= set(document.get("digest", {}).get("notify", []))
    names |= {document["fallback"]} if "fallback" in document else set()
    topic = {"type": "sns", "topic_arn": "arn:aws:sns:eu-central-1:111122223333:alerts"}
    given = document.get("destinations", {})
    destinations = dict.fromkeys(sorted(names), topic) | given or {"topic": topic}
    if not routes or "match" in routes[-1]:
        routes.append({"name": "everything-else", "notify": sorted(destinations)})
    return {"version": 1, **document, "destinations": destinations, "routes": routes}


def problems_of(text: str, folder: Path) -> str:
    """Return the errors of an alerts.yml, or of parts of one; of a whole one, warnings, too."""
    document = loaded(text)
    is_whole = "version" in document
    path = folder / "alerts.yml"
    if is_whole:
        path.write_text(text, "utf-8")
    else:
        path.write_text(json.dumps(completed(document), default=str), "utf-8")
    problems = check_file(path, today=TODAY, receiver_hosts=())
    return render_problems(problem for problem in problems if is_whole or problem.level == "error")


@pytest.mark.parametrize("block", of("yaml"), ids=name_of)
def test_yaml_is_valid(block: Block, tmp_path: Path) -> None:
    """An alerts.yml, parts of one, a story, a stage file, or a workflow."""
    document = loaded(block.text)
    if is_of_alerts(document):
        assert problems_of(block.text, tmp_path) == ""
    elif "steps" in document and "start" in document:
        path = tmp_path / "story.yml"
        path.write_text(block.text, "utf-8")
        assert main(["simulate", str(path), "--check"]) == 0
    elif "region" in document:
        path = tmp_path / "prod.yml"
        path.write_text(block.text, "utf-8")
        assert check_stage_file(path) == ()
    elif "jobs" in document:
        check_workflow(document)
    else:
        scripts = [job["script"] for job in document.values() if "script" in job]
        assert scripts, f"{block.page}:{block.line}: no kind of YAML that is known"
        for line in chain.from_iterable(scripts):
            commands.check_lines(line)


def check_workflow(document: Mapping[str, Any]) -> None:
    """Check the commands of a workflow. Raises `CommandError`."""
    for job in document["jobs"].values():
        for step in job["steps"]:
            commands.check_lines(step.get("run", ""))


@pytest.mark.parametrize(
    "text",
    [
        "digest: {notify: [a], evry: week}",
        "routes: [{name: a, notify: [b], severity: high}]",
        "destinations: {a: {type: slack, webhook: {secrets: ecr-scan-alerts/a}}}",
        "suppressions: [{id: CVE-2024-3094}]",
    ],
)
def test_wrong_yaml_is_noticed(text: str, tmp_path: Path) -> None:
    """Parts are checked as a whole file is."""
    assert is_of_alerts(loaded(text))
    assert problems_of(text, tmp_path) != ""


@pytest.mark.parametrize("block", of("json", "python"), ids=name_of)
def test_json_and_python_can_be_read(block: Block) -> None:
    """What Python does is tested with the receiver that it is about."""
    if block.language == "json":
        json.loads(block.text)
    else:
        compile(block.text, block.page, "exec")


def test_the_page_about_stories_has_each_verb() -> None:
    """And no other."""
    schema = json.loads((docs.ROOT / "schemas" / "story-1.0.0.json").read_text("utf-8"))
    table = docs.text_of("docs/stories.md").partition("| in a step |")[2].partition("\n\n")[0]
    named = {
        name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }

    assert named == set(schema["$defs"]["step"]["properties"])
