"""What the tests of destinations share."""

import pytest

from lib.errors import ConfigError
from lib.models import HttpAnswer
from lib.notifiers.testing import reachable
from tests.support.receivers import HOOK, HOOK_HOST, ScriptedHttp


def test_a_host_is_asked_for_its_root_and_any_answer_will_do() -> None:
    """The path of a webhook is a secret, and the page of a root can be of any size."""
    http = ScriptedHttp([HttpAnswer(200, "<html>")])

    check = reachable(http, HOOK)

    (call,) = http.calls
    assert (call.method, call.url, call.any_answer) == ("GET", f"https://{HOOK_HOST}/", True)
    assert check.text == f"{HOOK_HOST} answers; no message was sent"


@pytest.mark.parametrize("url", ["", "https://[", f"https://{HOOK_HOST}\\x/", "ftp://a/"])
def test_what_is_no_address_is_named_and_not_asked(url: str) -> None:
    """Instead of a traceback; the text quotes nothing."""
    http = ScriptedHttp([])

    with pytest.raises(ConfigError, match="check its secret") as caught:
        reachable(http, url)

    assert http.calls == []
    assert HOOK_HOST not in str(caught.value)
