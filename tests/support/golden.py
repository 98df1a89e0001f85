"""Golden files: texts and payloads that are kept to be read, and compared with what is made now."""

import json
import os
from pathlib import Path
from typing import Any, Final

TESTS: Final = Path(__file__).parents[1]
TEXTS: Final = TESTS / "messages" / "golden"
PAYLOADS: Final = TESTS / "notifiers" / "golden"

LAYOUTS: Final = ("new-and-resolved", "repository-settings", "scan-failed", "thirty-platforms")
"""Stories whose payloads are kept: findings, a check, no result, and lists that are cut."""
DOCUMENTS: Final = ("rescan", "scan-failed")
"""The same for documents, which hold findings in full."""
DIGEST: Final = "week"
_WIDTH: Final = 100


def check(folder: str, name: str, payload: Any, *, text: str | None = None) -> None:
    """Compare with the kept payload, and its text where it has one that people read."""
    compare(PAYLOADS / folder / f"{name}.json", written(payload) + "\n")
    if text is not None:
        compare(PAYLOADS / folder / f"{name}.txt", text)


def compare(path: Path, content: str) -> None:
    """Compare with a kept file; UPDATE_GOLDEN=1 keeps the content instead."""
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing: run the tests with UPDATE_GOLDEN=1"
    assert path.read_text(encoding="utf-8") == content, "differs: UPDATE_GOLDEN=1 keeps it"


def written(value: Any, indent: int = 0) -> str:
    """Return JSON to read: what fits on a line stands on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= _WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner = " " * (indent + 1)
    if isinstance(value, list):
        parts = [inner + written(item, indent + 1) for item in value]
        return "[\n" + ",\n".join(parts) + "\n" + " " * indent + "]"
    parts = [
        f"{inner}{json.dumps(name)}: {written(item, indent + 1)}" for name, item in value.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n" + " " * indent + "}"
