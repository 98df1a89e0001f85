"""
AWS clients as a deployment makes them, without an endpoint: botocore chooses host and signature.

The embedded AWS hides both choices. Nothing here sends a request.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.session
import pytest
from botocore.auth import SigV4Auth

from lib.bootstrap.clients import Clients
from lib.store.pages import S3Pages
from tests.support.every import every
from tests.support.thorough import THOROUGH

ROOT = Path(__file__).parents[1]
BUCKET = "ecr-scan-alerts-prod-reportsbucket-1a2b3c"
EVERYWHERE = {"iam"}
"""Services with one address for all regions of a partition."""
_SESSION = botocore.session.get_session()
REGIONS = [
    region
    for partition in _SESSION.get_available_partitions()
    for region in _SESSION.get_available_regions("s3", partition_name=partition)
]
"""All regions of all partitions that botocore knows."""
FIRST_REGIONS = {
    _SESSION.get_available_regions("s3", partition_name=partition)[0]
    for partition in _SESSION.get_available_partitions()
    if _SESSION.get_available_regions("s3", partition_name=partition)
}
"""One region of each partition."""
TURNS = 4
"""Regions beside the first ones that share the services among them."""


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "made-up")


@pytest.fixture(scope="module")
def session() -> boto3.session.Session:
    """One for all regions: it reads each service's description once."""
    return boto3.session.Session(
        aws_access_key_id="made-up",
        aws_secret_access_key="made-up",
        region_name="eu-central-1",
    )


@cache
def services() -> frozenset[str]:
    """Return the services that the functions and the command make clients of."""
    known = set(boto3.session.Session().get_available_services())
    return frozenset(
        name for name in _first_arguments("get", "_client_of", "client") if name in known
    )


def _services_in(region: str) -> list[str]:
    """Return the services that are tried in a region."""
    names = sorted(services() - EVERYWHERE)
    if THOROUGH or region in FIRST_REGIONS:
        return names
    return names[REGIONS.index(region) % TURNS :: TURNS]


def _first_arguments(*methods: str) -> Iterator[str]:
    for _, call in _calls():
        match call:
            case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(str(value)), *_]):
                if name in methods and "lient" in ast.unparse(call.func):
                    yield value


@cache
def _calls() -> tuple[tuple[Path, ast.Call], ...]:
    """Return the calls of the modules that name a client or a resource."""
    return tuple(
        (path, node)
        for folder in ("handlers", "lib", "cli")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if re.search("[Cc]lient|resource", text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
    )


def a_link(session: boto3.session.Session, region: str) -> str:
    """Return where a browser is sent for a page in a bucket of this region."""
    client = Clients(session).get("s3", region)
    return S3Pages(client, BUCKET).address("pages/payments/api.html")


def test_all_regions_and_services_are_looked_at() -> None:
    """The lists below come from botocore and from the code, so neither may be empty by accident."""
    assert len(REGIONS) > 40
    assert {"us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"} <= set(REGIONS)
    assert services() >= {
        "cloudformation",
        "dynamodb",
        "ecr",
        "ecs",
        "s3",
        "secretsmanager",
        "sns",
        "sqs",
        "ssm",
    }


def test_clients_are_made_where_this_test_looks() -> None:
    """
    By `Clients`, and once with no retries; another place would have options of its own.

    Those of a story reach nothing: their calls end in memory.
    """
    places = {
        path.relative_to(ROOT).as_posix()
        for path, call in _calls()
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"client", "resource"}
    }

    assert places == {
        "lib/bootstrap/clients.py",
        "cli/deliver_function.py",
        "cli/simulation/clients.py",
    }


@every("region", REGIONS)
def test_a_report_opens_at_the_host_of_its_region(
    session: boto3.session.Session, region: str
) -> None:
    """
    S3 answers a link of the global host with a redirect or a refusal, and refuses Signature V2.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    address = urlsplit(a_link(session, region))

    assert address.scheme == "https"
    assert address.hostname is not None
    assert address.hostname.startswith(f"{BUCKET}.s3.{region}.")
    assert address.path == "/pages/payments/api.html"
    query = parse_qs(address.query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert f"/{region}/s3/" in query["X-Amz-Credential"][0]
    assert "Signature" not in query


@pytest.mark.untraced
@pytest.mark.parametrize(
    "region",
    [
        region if region in FIRST_REGIONS else pytest.param(region, marks=pytest.mark.slow)
        for region in REGIONS
    ],
)
def test_clients_call_their_own_region_by_signature_v4(
    session: boto3.session.Session, region: str
) -> None:
    """
    Each client of a deployment, with no endpoint given.

    A partition's first region has every service. The others take turns, so that each region and
    each service is tried several times; `make thorough` has them all.
    """
    clients = Clients(session)
    for service in _services_in(region):
        client = clients.get(service, region)

        assert f".{region}." in f".{urlsplit(client.meta.endpoint_url).hostname}.", service
        assert client.meta.region_name == region
        signer = client._request_signer  # noqa: SLF001  # the signature that requests get
        assert signer.signature_version in {"v4", "s3v4"}, service
        kind = botocore.auth.AUTH_TYPE_MAPS[signer.signature_version]
        assert issubclass(kind, SigV4Auth), service


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "cloud"])
def test_another_aws_has_no_host_for_each_bucket(
    monkeypatch: pytest.MonkeyPatch, session: boto3.session.Session, variable: str, host: str
) -> None:
    """An emulator is found at its own address, with the bucket in the path."""
    monkeypatch.setenv(variable, f"http://{host}:4566")

    address = urlsplit(a_link(session, "eu-central-1"))

    assert address.netloc == f"{host}:4566"
    assert address.path == f"/{BUCKET}/pages/payments/api.html"
    assert parse_qs(address.query)["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
