"""A repository in ECR, with the operator's credentials: its settings read and changed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from cli.repository.settings import (
    AES256,
    MUTABLE,
    Change,
    Mutability,
    RegistryScanning,
    Settings,
)
from lib.errors import DocumentError, SourceError, SourceThrottledError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

_THROTTLED: Final = ("RequestLimitExceeded", "TooManyRequestsException")


class Repository:
    """One repository. Every method raises `DocumentError` or `SourceError` with what to do."""

    def __init__(self, client: "ECRClient", name: str) -> None:
        self.client = client
        self.name = name

    def settings(self) -> Settings:
        """Return what the repository is, and what its registry says about scans."""
        with explained(self):
            (found,) = self.client.describe_repositories(repositoryNames=[self.name])[
                "repositories"
            ]
            registry = self.client.get_registry_scanning_configuration()
            lifecycle = self._lifecycle()
        encryption = found.get("encryptionConfiguration", {})
        return Settings(
            name=self.name,
            mutability=_mutability(found),
            scan_on_push=found.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            lifecycle=lifecycle,
            encryption=encryption.get("encryptionType", AES256),
            key=encryption.get("kmsKey"),
            registry=_registry(registry.get("scanningConfiguration", {})),
        )

    def apply(self, change: Change) -> None:
        """Make one change."""
        with explained(self):
            getattr(self.client, change.operation)(repositoryName=self.name, **change.request)

    def _lifecycle(self) -> str | None:
        try:
            return self.client.get_lifecycle_policy(repositoryName=self.name)["lifecyclePolicyText"]
        except self.client.exceptions.LifecyclePolicyNotFoundException:
            return None


@contextmanager
def explained(repository: Repository) -> Iterator[None]:
    """Turn what ECR refuses into a sentence that says what to do."""
    try:
        yield
    except ClientError as error:
        raise _explained(error, repository) from error


def _explained(error: ClientError, repository: Repository) -> DocumentError | SourceError:
    stated = error.response.get("Error", {})
    code, said = stated.get("Code", "Unknown"), stated.get("Message", "")
    name, region = repository.name, repository.client.meta.region_name
    action = f"ecr:{error.operation_name}"
    if code == "RepositoryNotFoundException":
        return DocumentError(
            f"There is no repository {name} in {region}: check the name, --region and the account; "
            f"`repository template {name}` defines one"
        )
    if code.startswith("AccessDenied"):
        return SourceError(
            f"Your credentials may not do this with {name}: allow {action} in their policy ({said})"
        )
    if code in _THROTTLED or code.startswith("Throttling"):
        return SourceThrottledError(
            f"AWS wants fewer calls ({action}: {code}): wait a minute, and say it again"
        )
    return SourceError(f"ECR refused {action} for {name}: {code}: {said}")


def _mutability(found: Mapping[str, Any]) -> Mutability:
    filters = found.get("imageTagMutabilityExclusionFilters", ())
    mode = found.get("imageTagMutability", MUTABLE)
    return Mutability(mode, tuple(each["filter"] for each in filters))


def _registry(found: Mapping[str, Any]) -> RegistryScanning:
    return RegistryScanning(found.get("scanType") == "ENHANCED", tuple(found.get("rules", ())))
