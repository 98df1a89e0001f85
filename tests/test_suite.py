"""How the tests run: what tests/conftest.py decides about them."""

import gc
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import BuiltinMethodType, SimpleNamespace
from typing import Any

import botocore.session
import pytest
from coverage import Coverage
from coverage.python import PythonFileReporter
from hypothesis import given
from hypothesis import strategies as st

from lib.notifiers.slack import bot as slack_bot
from lib.notifiers.slack import webhook as slack_webhook
from lib.notifiers.sns import notifier as sns
from tests.conftest import (
    ONLY_FAST,
    SLOW_FOLDERS,
    TESTS,
    UNTRACED,
    UNTRACED_FOLDER,
    pytest_ignore_collect,
)
from tests.support import scheduling
from tests.support.collecting import OBJECTS, pytest_collection
from tests.support.coverage_report import Parsed, exclusion, parse, share
from tests.support.notices import notices
from tests.support.reporting import Reporting
from tests.support.scheduling import APP, LONGEST, MOST, units_of
from tests.support.shared_texts import READERS
from tests.support.tracing import is_traced


@given(st.none())
def test_a_property_test_covers_nothing(example: None) -> None:
    """What an example reaches by chance does not count; nor does tracing slow it."""
    assert not is_traced(), example


@pytest.mark.untraced
def test_a_test_that_repeats_others_at_length_covers_nothing() -> None:
    """The shorter ones cover the same lines."""
    assert not is_traced()


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="coverage has no tracer there")
def test_every_other_test_covers(pytestconfig: pytest.Config) -> None:
    """The tracer is back after a test without it."""
    assert is_traced() == pytestconfig.pluginmanager.hasplugin("_cov")


def test_the_tracer_calls_no_python_for_its_lock() -> None:
    """It takes the lock for each call of a measured function: an eighth of the time of tests."""
    lock = getattr(sys.gettrace(), "lock_data", None)

    assert isinstance(lock, BuiltinMethodType) == is_traced()


def test_what_was_collected_is_no_garbage_to_look_for() -> None:
    """Before the first test, the collector sets aside what lives to the end."""
    collection = pytest_collection()
    next(collection)
    assert gc.get_threshold()[0] == 0

    with pytest.raises(StopIteration):
        collection.send(None)

    assert gc.isenabled()
    assert gc.get_threshold()[0] == OBJECTS
    assert gc.get_freeze_count() > 0


def test_every_folder_with_a_rule_is_there() -> None:
    """A folder that was renamed would be traced, and run by `make unit`."""
    folders = {*SLOW_FOLDERS, UNTRACED_FOLDER}

    assert {name for name in folders if list((TESTS / name).rglob("test_*.py"))} == folders


def test_every_module_with_a_rule_is_there() -> None:
    """A module that was renamed would be traced."""
    assert {path for path in UNTRACED if not (TESTS / path).is_file()} == set()


@pytest.mark.parametrize("name", SLOW_FOLDERS)
def test_the_quick_run_imports_no_slow_folder(name: str) -> None:
    """It would deselect all of it; every other run takes the folder."""
    assert pytest_ignore_collect(TESTS / name, asking_for(ONLY_FAST)) is True
    assert pytest_ignore_collect(TESTS / name, asking_for("")) is None
    assert pytest_ignore_collect(TESTS / "core", asking_for(ONLY_FAST)) is None


def asking_for(marks: str) -> Any:
    return SimpleNamespace(getoption={"markexpr": marks}.get)


def test_sessions_share_the_models_of_services() -> None:
    """Each test of a command has a session of its own: reading them anew takes 100 ms."""
    first, second = (
        botocore.session.Session()
        .get_component("data_loader")
        .load_service_model("sqs", "service-2")
        for _ in range(2)
    )

    assert first is second


def test_sessions_share_what_they_find_out_about_their_handlers() -> None:
    """The other names of events, and which handlers take any argument; that is still checked."""
    first, second = (
        botocore.session.Session().get_component("event_emitter")._alias_name_cache  # noqa: SLF001  # it has no other way
        for _ in range(2)
    )

    assert first is second
    assert first["before-call.apigateway"] == "before-call.api-gateway"
    with pytest.raises(ValueError, match="kwargs"):
        botocore.session.Session().register("before-call", lambda model: model)


def test_receivers_share_the_text_of_a_notice() -> None:
    """It takes half of their time; a copy of the notice gets a text of its own."""
    notice = notices()["one-left"]

    shared = slack_bot.text_of(notice)

    assert slack_webhook.text_of(notice) is shared
    assert slack_webhook.text_of(replace(notice)) is not shared
    assert sns.text_of(notice, rows=1) is not shared


def test_whatever_lays_out_a_text_shares_it() -> None:
    """A new receiver stands in the list."""
    modules = {module.__name__ for module in READERS}

    assert modules == {
        name
        for name, module in sys.modules.items()
        if name.startswith(("lib.notifiers.", "lib.page.")) and hasattr(module, "text_of")
    }


@pytest.mark.parametrize(
    ("changes", "is_read"),
    [
        ({}, False),
        ({"when": "teardown"}, False),
        ({"when": "call"}, True),
        ({"outcome": "failed"}, True),
        ({"outcome": "skipped"}, True),
        ({"when": "teardown", "outcome": "failed"}, True),
        ({"sections": [("Captured stdout setup", "made")]}, True),
        ({"duration": 1.5}, True),
    ],
)
def test_a_worker_reports_what_is_shown(changes: dict[str, Any], *, is_read: bool) -> None:
    """Results, output, and the time of what is slow; not that a quick set-up passed."""
    values: dict[str, Any] = {"when": "setup", "outcome": "passed", "duration": 0.5}
    report = pytest.TestReport("a", ("a", 1, "a"), {}, longrepr=None, **(values | changes))

    assert Reporting(1.0).is_read(report) == is_read


def test_workers_parse_for_the_report_every_measured_file_once() -> None:
    """A file that none of them parses takes its time when all cores but one have nothing to do."""
    parts = [set(share(number, 3)) for number in range(3)]

    assert sum(map(len, parts)) == len(set.union(*parts))
    assert set.union(*parts) == {
        str(path)
        for name in ("handlers", "lib", "cli")
        for path in (TESTS.parent / name).rglob("*.py")
    }


def test_the_report_takes_what_a_worker_parsed() -> None:
    """It is all that the report asks of a file; another pattern of exclusions parses it again."""
    coverage = Coverage(data_file=None)
    reporter = PythonFileReporter(str(TESTS.parent / "lib" / "text.py"), coverage)
    parser = parse(reporter.filename, exclusion(coverage))
    parsed = Parsed()
    parsed.add(pickle.dumps([parser]))

    shared = parsed.of(reporter)

    assert parsed.of(reporter) is shared
    for name in ("statements", "excluded", "multiline_map", "text"):
        assert getattr(shared, name) == getattr(reporter.parser, name), name
    assert shared.arcs() == reporter.parser.arcs() != set()
    assert shared.exit_counts() == reporter.parser.exit_counts()
    coverage.exclude("return")
    assert parsed.of(reporter).excluded > shared.excluded


def test_what_shares_an_app_or_a_package_is_one_unit() -> None:
    """The app is deployed once, and a module of a slow folder makes what it needs once."""
    apps = [f"{path}::test_{number}" for path in APP for number in range(MOST)]
    package = [f"tests/deploy/test_template.py::test_{number}" for number in range(2 * MOST)]

    units = units_of([*apps, *package])

    assert {units[test] for test in apps} == {"app"}
    assert {units[test] for test in package} == {"tests/deploy/test_template.py"}


def test_quick_modules_are_cut_and_faults_stand_alone() -> None:
    """A large module would keep one worker busy at the end."""
    quick = [f"tests/core/test_sync.py::test_{number}" for number in range(MOST + 1)]
    faults = [
        "tests/faults/test_matrix.py::test_row[1]",
        "tests/faults/test_matrix.py::test_row[2]",
    ]

    units = units_of([*quick, *faults])

    assert [units[test] for test in (quick[0], quick[MOST - 1], quick[MOST])] == [
        "tests/core/test_sync.py 0",
        "tests/core/test_sync.py 0",
        "tests/core/test_sync.py 1",
    ]
    assert units[faults[0]] != units[faults[1]]


def test_every_module_that_is_begun_first_is_there() -> None:
    """A renamed module would be cut, or begun last."""
    assert [path for path in LONGEST if not (TESTS.parent / path).is_file()] == []


def test_a_unit_runs_in_one_worker(tmp_path: Path) -> None:
    """The modules of the app run in one worker, and a quick one in the other."""
    test = "import os\n\n\ndef test_one(worker_id):\n    print(end=f'{worker_id} ')\n"
    for path in ("tests/core/test_quick.py", *APP[:3]):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(test, "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-rP", "-n2", "--dist", scheduling.DISTRIBUTION]
    command += ["--import-mode=importlib", "-p", scheduling.__name__, "-p", "no:cacheprovider"]
    # Three processes would load the plugins of all other tests.
    command += ["-p", "xdist"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TESTS.parent)}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

    answer = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    workers = [line for line in answer.stdout.splitlines() if line.startswith("gw")]
    assert sorted(map(workers.count, set(workers))) == [1, 3], answer.stdout
