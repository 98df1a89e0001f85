"""The whole program against the embedded AWS: so that it works when somebody needs it."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.account import Poll
from acceptance.outcome import Status
from acceptance.resources import existing, tagged
from acceptance.session import Ports, accept, check
from acceptance.settings import Names, SettingsError, names_of
from acceptance.steps import STEPS
from local.process import ROOT, CloudError, EmbeddedAws, cloud_python
from tests.acceptance.embedded import WAITS, Browser, EmbeddedDeployment, Scanner


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """Yield an embedded AWS of its own: another deployed stage would see the pushes, too."""
    try:
        cloud_python()
    except CloudError as error:
        pytest.skip(str(error))
    with EmbeddedAws(log=tmp_path_factory.mktemp("cloud") / "cloud.log") as running:
        yield running


@pytest.fixture
def names() -> Names:
    return names_of(f"Try-{uuid.uuid4().hex[:6]}")


@pytest.fixture
def ports(aws: EmbeddedAws, tmp_path: Path) -> Ports:
    if not (ROOT / "node_modules/.bin/osls").exists():
        pytest.skip("osls is not installed; run `make test`, which does that")
    return Ports(
        client_of=aws.client,
        deployment=EmbeddedDeployment(aws),
        folder=tmp_path,
        waits=WAITS,
        poll=Poll(WAITS.poll),
        before_push=Scanner(aws),
        open_page=Browser(aws),
    )


def test_every_step_sees_on_the_embedded_aws_what_is_expected(
    aws: EmbeddedAws, ports: Ports, names: Names
) -> None:
    """Two are skipped with their reason; nothing is left, not even in the list of tags."""
    lines: list[str] = []
    check(ports, names)

    report = accept(STEPS, ports, names, region=aws.region, slow=False, say=lines.append)

    outcomes = {result.number: result.outcome for result in report.results}
    assert {
        number: outcome for number, outcome in outcomes.items() if outcome.status is Status.FAILED
    } == {}
    assert {number for number, outcome in outcomes.items() if outcome.status is Status.SKIPPED} == {
        4,
        6,
    }
    assert (report.left, report.stopped, report.exit_code) == ((), "", 0)
    assert existing(aws.client, names) == ()
    assert aws.client("logs").describe_log_groups()["logGroups"] == []
    assert aws.client("s3").list_buckets()["Buckets"] == []


def test_a_stage_that_is_there_is_refused(aws: EmbeddedAws, ports: Ports, names: Names) -> None:
    """Whatever has one of the names may belong to somebody."""
    check(ports, names)
    aws.client("cloudformation").create_stack(
        StackName=names.stack,
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
    )

    with pytest.raises(SettingsError, match=f"stack {names.stack}"):
        check(ports, names)

    aws.client("cloudformation").delete_stack(StackName=names.stack)


def test_what_an_ended_run_left_is_found_by_its_tag(
    aws: EmbeddedAws, ports: Ports, names: Names
) -> None:
    """A run that was killed cleans up nothing; its stage cannot be used until somebody does."""
    from acceptance.resources import make_shared
    from acceptance.session import tidy

    make_shared(aws.client, names)

    left = tagged(aws.client)

    assert set(left) == {names.stage}
    assert len(left[names.stage]) == 4
    with pytest.raises(SettingsError, match="make acceptance-clean"):
        check(ports, names)
    assert tidy(ports, names, lambda _: None) == ()
    assert tidy(ports, names, lambda _: None) == ()
    assert tagged(aws.client) == {}
