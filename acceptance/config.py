"""The alerts.yml of a run, and the parameters of its stages."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

PARAMETERS: Final[Mapping[str, Any]] = MappingProxyType({"reconcileDays": 1})
"""An account may hold many images: reconciliation leaves those of yesterday and before alone."""


def alerts(topic_arn: str) -> dict[str, Any]:
    """
    Return the configuration: every alert goes to the topic of the run.

    Alerts about other images of the account, scanned meanwhile, are not read.
    """
    return {
        "version": 1,
        "destinations": {"acceptance": {"type": "sns", "topic_arn": topic_arn, "format": "json"}},
        "streams": ["[0-9]*"],
        "routes": [{"name": "everything", "severity": "LOW", "notify": ["acceptance"]}],
    }


def write_alerts(path: Path, topic_arn: str) -> Path:
    """Write the configuration; JSON is YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(alerts(topic_arn), indent=2) + "\n", encoding="utf-8")
    return path
