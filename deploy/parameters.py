"""
The template of serverless.yml with CloudFormation parameters for its values.

osls makes the template with a mark in the place of each value. Here each mark becomes a reference
to a parameter, whose description, default and rule are those of schemas/stage-1.0.0.json. Pure.
"""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from lib.models import Json

STAGE: Final = "StageOfTheTemplate"
"""The mark of the stage. It is a valid name of a stage, because it stands in names of resources."""
_MARKED_VALUES: Final[Mapping[str, int | str]] = MappingProxyType(
    {
        # osls reads it, so it is a number of days.
        "reportLinkDays": "37",
        "logRetentionDays": 3653,
        "reportRetentionDays": 98_765,
        "scanConcurrency": 991,
        "deliveryConcurrency": 992,
    }
)
"""Values in places where osls takes no reference. No other value of the template is one of them."""
_REFERENCES: Final = (
    *("alarmEmail", "receiverHosts", "workloads", "traceability", "reconcileDays", "logLevel"),
    *("rolePath", "deletionProtection", "configKey"),
)
"""Values in places where osls takes a reference."""
_BUCKET_OUTPUT: Final = "ServerlessDeploymentBucketName"
NO_TOPIC: Final = "none"
"""The value of TopicArns where alerts.yml names no topic: a list parameter cannot be empty."""
_NOBODY: Final = "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:no-topic-in-alerts-yml"
"""A policy statement needs a resource. This topic does not exist."""
_ORDER: Final = (
    *("Stage", "AlarmEmail", "ConfigBucket", "ConfigKey", "TopicArns", "ReceiverHosts"),
    *("Workloads", "ReportLinkDays"),
)
"""The parameters that people fill in, in the order of the console; the others follow."""


def marks(*, links: bool) -> dict[str, Json]:
    """Return the parameters with which osls makes the template: a mark or a reference for each."""
    references = {name: {"Ref": logical(name)} for name in _REFERENCES}
    boundary, bucket = {"Ref": "PermissionsBoundary"}, {"Ref": "ConfigBucket"}
    return {
        **references,
        **_MARKED_VALUES,
        **({} if links else {"reportLinkDays": "0"}),
        "arch": "arm64",
        "configBucket": {"Fn::If": ["HasConfigBucket", bucket, {"Ref": "ReportsBucket"}]},
        "permissionsBoundary": {"Fn::If": ["HasBoundary", boundary, {"Ref": "AWS::NoValue"}]},
        "topicArns": {"Fn::If": ["HasTopics", {"Ref": "TopicArns"}, [{"Fn::Sub": _NOBODY}]]},
    }


def logical(name: str) -> str:
    """Return the name of a parameter of CloudFormation: alarmEmail, AlarmEmail."""
    return name[0].upper() + name[1:]


def parametrized(template: Json, schema: Json, *, version: str, links: bool) -> Json:
    """Return the template with parameters. Raises `ValueError` where a mark is left."""
    resources = template["Resources"]
    outputs = {
        name: _without_export(output)
        for name, output in template["Outputs"].items()
        if name != _BUCKET_OUTPUT
    }
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Function":
            _take_from_bucket(resource["Properties"])
    parameters = dict(_parameters(schema, version=version, links=links))
    conditions = {
        **template["Conditions"],
        "HasBoundary": _is_set("PermissionsBoundary"),
        "HasConfigBucket": _is_set("ConfigBucket"),
        "HasTopics": {
            "Fn::Not": [{"Fn::Equals": [{"Fn::Select": [0, {"Ref": "TopicArns"}]}, NO_TOPIC]}]
        },
    }
    parts = {"Conditions": conditions, "Resources": resources, "Outputs": outputs}
    replaced = {name: _replaced(part) for name, part in parts.items()}
    if STAGE in json.dumps(replaced):
        raise ValueError("The mark of the stage stands in a place that takes no reference")
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"ecr-scan-alerts {version}",
        "Metadata": {"EcrScanAlerts": {"version": version}, **_interface(parameters)},
        "Parameters": parameters,
        **replaced,
    }


def _is_set(parameter: str) -> Json:
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}


def _without_export(output: Json) -> Json:
    """Return an output that two stacks of an account can both have."""
    return {name: value for name, value in output.items() if name != "Export"}


def _take_from_bucket(function: dict[str, Any]) -> None:
    """Let a function take its code from the bucket of the code in its own region."""
    function["Code"] = {
        "S3Bucket": {"Fn::Sub": "${CodeBucketPrefix}-${AWS::Region}"},
        "S3Key": {"Ref": "CodeKey"},
    }
    function["Architectures"] = [{"Ref": "Arch"}]


# --- marks --------------------------------------------------------------------------------------


def _replaced(node: Any) -> Any:
    """Return a part of the template with references in the place of marks."""
    match node:
        case {"Fn::Sub": [str(text), dict(variables)]}:
            return {"Fn::Sub": [text.replace(STAGE, "${Stage}"), _replaced(variables)]}
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": text.replace(STAGE, "${Stage}")}
        case dict():
            return {key: _replaced(value) for key, value in node.items()}
        case list():
            return [_replaced(value) for value in node]
    return _value(node)


def _value(value: str | int | None) -> Json:
    """Return a reference for a value that is a mark, or holds one; else the value."""
    if isinstance(value, str) and STAGE in value:
        if value == STAGE:
            return {"Ref": "Stage"}
        return {"Fn::Sub": _escaped(value).replace(STAGE, "${Stage}")}
    names = {mark: name for name, mark in _MARKED_VALUES.items()}
    return {"Ref": logical(names[value])} if value in names else value


def _escaped(text: str) -> str:
    """Return a plain text for Fn::Sub, which reads ${!name} as ${name}."""
    return text.replace("${", "${!")


# --- parameters ---------------------------------------------------------------------------------


def _parameters(schema: Json, *, version: str, links: bool) -> Iterator[tuple[str, Json]]:
    yield "Stage", _stage()
    yield (
        "CodeBucketPrefix",
        {
            "Type": "String",
            "MinLength": 1,
            "Description": "The zip lies in the bucket PREFIX-REGION, in the region of the stack.",
        },
    )
    yield (
        "CodeKey",
        {
            "Type": "String",
            "Default": f"ecr-scan-alerts/{version}/ecr-scan-alerts.zip",
            "Description": "The key of the zip in that bucket.",
        },
    )
    yield (
        "TopicArns",
        {
            "Type": "CommaDelimitedList",
            "Default": NO_TOPIC,
            "Description": "The SNS topics that alerts may be published to.",
        },
    )
    for name, rule in schema["properties"].items():
        if "default" in rule and (links or name != "reportLinkDays"):
            yield logical(name), _parameter(rule, name)


def _stage() -> Json:
    return {
        "Type": "String",
        "Default": "prod",
        # LONGEST_STAGE in deploy/package.py; a test compares.
        "AllowedPattern": "[A-Za-z][A-Za-z0-9-]{0,28}",
        "Description": "The name of this deployment. It is a part of the names of its resources.",
    }


def _parameter(rule: Json, name: str) -> Json:
    parameter: dict[str, Json] = {
        "Type": "Number" if type(rule["default"]) is int else "String",
        "Default": _default(rule["default"]),
        "Description": rule["description"],
    }
    if "enum" in rule:
        parameter["AllowedValues"] = list(map(_default, rule["enum"]))
    elif rule.get("type") == "boolean":
        parameter["AllowedValues"] = ["true", "false"]
    elif "pattern" in rule:
        pattern = str(rule["pattern"]).removeprefix("^").removesuffix("$")
        parameter["AllowedPattern"] = pattern if rule["default"] else f"({pattern})?"
        parameter["ConstraintDescription"] = rule["patternErrorMessage"]
    for bound, key in (("minimum", "MinValue"), ("maximum", "MaxValue")):
        if bound in rule:
            # A template with links has links; 0 days is the other template.
            parameter[key] = 1 if (name, bound) == ("reportLinkDays", "minimum") else rule[bound]
    return parameter


def _default(value: Json) -> Json:
    """Return a default in the way that parameters write it: texts and numbers."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(value)
    return value


def _interface(parameters: Mapping[str, Json]) -> Json:
    """Return the order of the parameters in the console."""
    first = [name for name in _ORDER if name in parameters]
    code = ["CodeBucketPrefix", "CodeKey"]
    rest = [name for name in parameters if name not in {*first, *code}]
    groups = (("What you decide", first), ("Where the code lies", code), ("The rest", rest))
    return {
        "AWS::CloudFormation::Interface": {
            "ParameterGroups": [
                {"Label": {"default": label}, "Parameters": names} for label, names in groups
            ]
        }
    }
