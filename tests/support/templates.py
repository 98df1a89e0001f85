"""The template of CloudFormation with values in the place of its parameters."""

from collections.abc import Mapping
from typing import Any

_CHOICES = ("HasBoundary", "HasConfigBucket", "HasTopics")
"""Conditions of the template that choose between a parameter and what stands for its absence."""


def resolved(template: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Return a template as it reads for some values; the others have their defaults."""
    parameters = {
        name: _typed(values.get(name, rule.get("Default", "")), rule["Type"])
        for name, rule in template["Parameters"].items()
    }
    parts = {part: node for part, node in template.items() if part != "Parameters"}
    result: dict[str, Any] = _resolved(parts, parameters, _chosen(parameters))
    return result


def _typed(value: Any, kind: str) -> Any:
    if kind == "CommaDelimitedList":
        return value.split(",")
    return int(value) if kind == "Number" else value


def _chosen(parameters: Mapping[str, Any]) -> dict[str, bool]:
    boundary, bucket = parameters["PermissionsBoundary"], parameters["ConfigBucket"]
    chosen = (bool(boundary), bool(bucket), parameters["TopicArns"] != ["none"])
    return dict(zip(_CHOICES, chosen, strict=True))


def _resolved(  # noqa: PLR0911  # a case each
    node: Any, parameters: Mapping[str, Any], chosen: Mapping[str, bool]
) -> Any:
    match node:
        case {"Ref": str(name)} if name in parameters:
            return parameters[name]
        case {"Fn::If": [str(name), yes, no]} if name in chosen:
            return _resolved(yes if chosen[name] else no, parameters, chosen)
        case {"Fn::Sub": str(text)}:
            return _sub(_substituted(text, parameters))
        case {"Fn::Sub": [str(text), dict(variables)]}:
            others = _resolved(variables, parameters, chosen)
            return {"Fn::Sub": [_substituted(text, parameters), others]}
        case dict():
            return {key: _resolved(value, parameters, chosen) for key, value in node.items()}
        case list():
            return [_resolved(value, parameters, chosen) for value in node]
        case _:
            return node


def _substituted(text: str, parameters: Mapping[str, Any]) -> str:
    for name, value in parameters.items():
        text = text.replace(f"${{{name}}}", str(value))
    return text


def _sub(text: str) -> Any:
    """Return a text that is left to CloudFormation only if it refers to something else."""
    return {"Fn::Sub": text} if "${" in text.replace("${!", "") else text.replace("${!", "${")
