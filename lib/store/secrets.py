"""Secrets of a stage by name, read with Powertools parameters and cached for five minutes."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from lib.config.secret_names import creation_command, stage_name
from lib.errors import ConfigError

MAX_AGE: Final = 300
"""Seconds until a rotated secret is read again."""
_MISSING: Final = ("ResourceNotFoundException", "ParameterNotFound")


class CachedSecrets:
    """
    See `lib.ports.store.SecretReader`. A failed read is not cached.

    With a `stage`, names are read below it, see `lib.config.secret_names`. Without one, as in the
    operator's `scan --send`, names are read as written.
    """

    def __init__(self, client_of: Callable[[str], Any], *, stage: str | None = None) -> None:
        self._client_of = client_of
        self._stage = stage
        self._secrets: SecretsProvider | None = None
        self._parameters: SSMProvider | None = None
        self._values: dict[tuple[str, str], str] = {}

    def read(self, reference: Mapping[str, str]) -> str:
        """
        See `SecretReader.read`.

        Error texts hold the full name that was read, and never the value.
        """
        kind, written = next(iter(reference.items()))
        name = stage_name(kind, written, self._stage)
        self._values[kind, name] = value = self._read(kind, name)
        return value

    def renew(self) -> bool:
        """See `SecretReader.renew`. A secret that cannot be read any more counts as changed."""
        self._secrets = self._parameters = None
        before, self._values = self._values, {}
        for kind, name in before:
            with suppress(ConfigError):
                self.read({kind: name})
        return self._values != before

    def _read(self, kind: str, name: str) -> str:
        try:
            value = self._from_parameters(name) if kind == "parameter" else self._from_secrets(name)
        except GetParameterError as error:
            # The cause may hold account ids and request text, so only its code is quoted.
            response = getattr(error.__context__, "response", {})
            code = response.get("Error", {}).get("Code", type(error.__context__).__name__)
            raise ConfigError(
                f"The {kind} {name!r} could not be read ({code})" + self._remedy(kind, name, code),
                reason="secret",
            ) from None
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(f"The {kind} {name!r} is empty or not text", reason="secret")
        return value.strip()

    def _remedy(self, kind: str, name: str, code: str) -> str:
        if code not in _MISSING:
            return ""
        service = "ssm" if kind == "parameter" else "secretsmanager"
        region = self._client_of(service).meta.region_name
        return f"; create it: {creation_command(kind, name, region)}"

    def _from_secrets(self, name: str) -> object:
        if self._secrets is None:
            self._secrets = SecretsProvider(boto3_client=self._client_of("secretsmanager"))
        return self._secrets.get(name, max_age=MAX_AGE)

    def _from_parameters(self, name: str) -> object:
        if self._parameters is None:
            self._parameters = SSMProvider(boto3_client=self._client_of("ssm"))
        return self._parameters.get(name, max_age=MAX_AGE, decrypt=True)
