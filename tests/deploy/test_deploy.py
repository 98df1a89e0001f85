"""What is refused before anything is packaged or sent to AWS."""

import pytest

from deploy.deploy import main


def test_the_stage_of_the_embedded_aws_is_not_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    """Its table and its bucket are deleted with the stack, and its receivers are this machine."""
    code = main(["--stage", "local", "--region", "eu-central-1"])

    assert code == 1
    assert "Not deployed. The stage local is that of `make demo`" in capsys.readouterr().err
