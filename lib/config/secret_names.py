"""
Names of secrets: from alerts.yml to the names of a stage.

alerts.yml is the same for every stage and names `ecr-scan-alerts/NAME`. The functions of a stage
read `ecr-scan-alerts/STAGE/NAME`, and their roles allow nothing else below `ecr-scan-alerts/`.
"""

from typing import Final

from lib.errors import ConfigError

PREFIX: Final = "ecr-scan-alerts/"


def stage_name(kind: str, name: str, stage: str | None) -> str:
    """
    Return the full name of a secret or parameter in a stage.

    A name that already begins with the stage stays. Without a stage every name stays as written.
    Parameters get the leading slash that Parameter Store asks of names in a hierarchy:
    https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
    Raises `ConfigError` for a name outside `PREFIX`, which no role of a stage may read.
    """
    if stage is None:
        return name
    below = name.removeprefix("/") if kind == "parameter" else name
    if not below.startswith(PREFIX):
        raise ConfigError(f"The {kind} {name!r} must begin with {PREFIX}", reason="secret")
    own = f"{PREFIX}{stage}/"
    full = below if below.startswith(own) else own + below.removeprefix(PREFIX)
    return f"/{full}" if kind == "parameter" else full


def creation_command(kind: str, name: str, region: str) -> str:
    """
    Return the shell command that creates a secret; its value comes from the variable VALUE.

    The value is read from standard input. As an argument it would be in the list of processes, and
    version 1 of the AWS CLI fetches an argument that begins with http:
    https://docs.aws.amazon.com/cli/v1/userguide/cli-usage-parameters-file.html
    """
    call = (
        f"ssm put-parameter --region {region} --name {name} --type SecureString --value"
        if kind == "parameter"
        else f"secretsmanager create-secret --region {region} --name {name} --secret-string"
    )
    return f'printf %s "$VALUE" | aws {call} file:///dev/stdin'
