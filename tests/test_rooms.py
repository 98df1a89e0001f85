"""The rooms of the code: planted violations of every kind are caught by the import contracts."""

import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("acceptance", "benchmarks", "cli", "deploy", "handlers", "lib", "local")
MOST_ROOMS = 24


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the code with the contracts, to plant violations in."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in CODE:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def broken(checkout: Path, plants: dict[str, str]) -> str:
    """Return what the contracts say about a copy with planted files or lines."""
    before = {path: checkout / path for path in plants}
    originals = {
        path: file.read_text("utf-8") if file.exists() else None for path, file in before.items()
    }
    try:
        for path, text in plants.items():
            file = checkout / path
            file.write_text(f"{text}\n{originals[path] or ''}", encoding="utf-8")
        answer = subprocess.run(
            [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "", "PYTHONPATH": str(checkout), "COLUMNS": "200"},
        )
    finally:
        for path, original in originals.items():
            file = checkout / path
            if original is None:
                file.unlink()
            else:
                file.write_text(original, encoding="utf-8")
    return answer.stdout + answer.stderr


def test_no_imports_go_in_a_circle() -> None:
    """Nor do those for types alone, or in functions: each module is read after those it needs."""
    # The collection of all other tests would wait for it.
    import grimp

    graph = grimp.build_graph(*CODE, cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}

    # Raises `CycleError` with the modules of a circle.
    TopologicalSorter(imports).prepare()


@pytest.mark.slow
def test_the_code_as_it_is_keeps_every_contract(checkout: Path) -> None:
    """Without this, the plants below would prove nothing."""
    assert "0 broken" in broken(checkout, {})


@pytest.mark.slow
def test_a_planted_violation_of_every_kind_is_named(checkout: Path) -> None:
    """Input in a pure room, an import that points up, one of a neighbour, and one of a program."""
    said = broken(
        checkout,
        {
            "lib/core/planted.py": '"""Planted."""\n\nimport boto3\nfrom tests import builders\n',
            "lib/normalizer/planted.py": '"""Planted."""\n\nimport aws_lambda_powertools\n',
            "lib/messages/planted.py": '"""Planted."""\n\nfrom lib.notifiers import NOTIFIERS\n',
            "lib/store/planted.py": '"""Planted."""\n\nfrom lib.sources import ecr\n',
            "lib/flows/planted.py": '"""Planted."""\n\nfrom local import standins\n',
        },
    )

    for violation in (
        "lib.core.planted -> boto3",
        "lib.core.planted -> tests",
        "lib.normalizer.planted -> aws_lambda_powertools",
        "lib.messages.planted -> lib.notifiers",
        "lib.store.planted -> lib.sources",
        "lib.flows.planted -> local",
    ):
        assert violation in said, f"{violation} is not caught:\n{said}"


@pytest.mark.slow
@pytest.mark.parametrize("path", ["lib/planted.py", "lib/planted/__init__.py"])
def test_a_module_outside_of_every_room_is_refused(checkout: Path, path: str) -> None:
    """A new module must be given a room before the checks pass."""
    (checkout / path).parent.mkdir(exist_ok=True)

    said = broken(checkout, {path: '"""Planted."""'})

    assert "planted" in said
    assert "0 broken" not in said


def test_the_rooms_of_lib_can_be_read_at_a_glance() -> None:
    """A listing of more entries is no map any more."""
    entries = [path.name for path in (ROOT / "lib").iterdir() if path.name != "__pycache__"]

    assert len(entries) <= MOST_ROOMS, sorted(entries)
