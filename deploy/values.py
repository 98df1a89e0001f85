"""
The values of the template's parameters: from the settings of a stage, and back again.

CloudFormation has texts only. The settings have the types of schemas/stage-1.0.0.json. Pure.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from cli.stage_file import defaults, with_defaults
from deploy.osls import regions_without_links
from deploy.parameters import NO_TOPIC, logical
from lib.models import Json

_LINKS: Final = "reportLinkDays"
MOST_BYTES: Final = 4_096
"""Of a parameter's value.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
_REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ReceiverHosts": "in receiverHosts, name a domain with a leading dot for all its hosts",
        "TopicArns": "use fewer topics, and subscribe several receivers to one",
    }
)


def has_links(parameters: Mapping[str, Json], region: str) -> bool:
    """Whether a stage takes the template with links to reports."""
    return with_defaults(parameters)[_LINKS] != 0 and region not in regions_without_links()


def template_values(
    stage: str, parameters: Mapping[str, Json], *, topics: Collection[str], links: bool
) -> dict[str, str]:
    """
    Return the values of the parameters for the settings of a stage.

    The place of the code is not among them: it is known when the code is there.
    """
    values = {
        logical(name): _text(value)
        for name, value in with_defaults(parameters).items()
        if links or name != _LINKS
    }
    return {"Stage": stage, "TopicArns": ",".join(sorted(topics)) or NO_TOPIC, **values}


def too_long(values: Mapping[str, str]) -> str | None:
    """Return why CloudFormation would refuse the values, with the remedy; None if it would not."""
    for name, value in values.items():
        if len(value.encode()) > MOST_BYTES:
            return (
                f"{name} takes {len(value.encode()):,} bytes with its commas, and a parameter has "
                f"room for {MOST_BYTES:,}: {_REMEDIES.get(name, 'use a shorter value')}"
            )
    return None


def stage_settings(values: Mapping[str, str], region: str) -> dict[str, Json]:
    """
    Return the settings that a stack was deployed with, from the values of its parameters.

    Parameters that are newer than the stack had their defaults.
    """
    settings = {
        name: _typed(values[logical(name)], default) if logical(name) in values else default
        for name, default in defaults().items()
    }
    if logical(_LINKS) not in values:
        # The template without links: the choice of a person, unless the region has no other.
        del settings[_LINKS]
        settings |= {} if region in regions_without_links() else {_LINKS: 0}
    return settings


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


def _typed(text: str, default: Json) -> Json:
    """Return a text as a value of the type that the default has."""
    match default:
        case bool():
            return text == "true"
        case int():
            return int(text)
        case list():
            return [part for part in text.split(",") if part]
        case _:
            return text
