"""The alerts.yml of a run, and the parameters of its stages."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

PARAMETERS: Final[Mapping[str, Any]] = MappingProxyType({"reconcileDays": 1})
"""Reconciliation ignores images of yesterday and before: an account may have many."""


def alerts(topic_arn: str) -> dict[str, Any]:
    """
    Return a configuration that sends every alert to the topic of the run.

    Alerts about other images of the account are ignored.
    """
    return {
        "version": 1,
        "destinations": {"acceptance": {"type": "sns", "topic_arn": topic_arn, "format": "json"}},
        "streams": ["[0-9]*"],
        "routes": [{"name": "everything", "severity": "LOW", "notify": ["acceptance"]}],
    }


def write_alerts(path: Path, topic_arn: str) -> Path:
    """Write the configuration as JSON, which is valid YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(alerts(topic_arn), indent=2) + "\n", encoding="utf-8")
    return path
