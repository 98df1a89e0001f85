"""Golden payloads: what each story looks like at each receiver, kept as files to read and diff."""

import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "golden"


def check(folder: str, name: str, payload: Any, *, text: str | None = None) -> None:
    """Compare with the kept payload; UPDATE_GOLDEN=1 keeps this one instead."""
    files = {f"{name}.json": json.dumps(payload, indent=1, ensure_ascii=False) + "\n"}
    if text is not None:
        files[f"{name}.txt"] = text
    for file, content in files.items():
        path = FOLDER / folder / file
        if os.environ.get("UPDATE_GOLDEN") == "1":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        assert path.is_file(), f"{path.name} is missing: run the tests with UPDATE_GOLDEN=1"
        assert path.read_text(encoding="utf-8") == content, "differs: UPDATE_GOLDEN=1 keeps it"
