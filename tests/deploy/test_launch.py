"""The text of a release about its deployment."""

from urllib.parse import parse_qs

import pytest

from deploy import launch
from deploy.launch import launch_link, launch_text, regions_without_links


def test_a_link_for_each_region_that_has_a_bucket() -> None:
    """With the template that the region takes, and the bucket of its own."""
    lines = list(
        launch_text("1.2.0", prefix="acme", regions=["eu-central-1", "eu-central-2"], address="")
    )

    assert [line.partition("]")[0] for line in lines[2:]] == ["- [eu-central-1", "- [eu-central-2"]
    query = parse_qs(launch_link("1.2.0", "acme", "eu-central-2").rpartition("?")[2])
    host = "https://acme-eu-central-2.s3.eu-central-2.amazonaws.com"
    assert query == {
        "templateURL": [f"{host}/ecr-scan-alerts/1.2.0/template-without-links.json"],
        "stackName": ["ecr-scan-alerts-prod"],
        "param_CodeBucketPrefix": ["acme"],
    }
    assert "1.2.0%2Ftemplate.json" in launch_link("1.2.0", "acme", "eu-central-1")


def test_without_a_bucket_the_commands_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    """For CloudShell: checked sums, and the template through the bucket, as it is large."""
    assert launch.main(["1.2.0", "--address", "https://releases.acme.io/v1.2.0"]) == 0

    text = capsys.readouterr().out
    assert "VERSION=1.2.0" in text
    assert 'curl -fLO "https://releases.acme.io/v1.2.0/$FILE"' in text
    assert "sha256sum --check" in text
    assert '--s3-bucket "$BUCKET-$AWS_REGION"' in text
    assert "eu-central-2" in text


def test_regions_without_links_are_read_from_the_template() -> None:
    """There is one list."""
    assert len(regions_without_links()) == 14
