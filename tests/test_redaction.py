"""Secrets in what receivers repeat, in every spelling and in spellings within spellings."""

import html
import json
from collections.abc import Callable
from html.entities import html5
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from lib.redaction import redacted, secrets_of
from tests.support.every import every

SECRET = "not/a+real=token&yet#1"
NAMES = {text: name for name, text in html5.items() if name.endswith(";") and len(text) == 1}
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda char: char,
    "percent": lambda char: "".join(f"%{byte:02X}" for byte in char.encode()),
    "percent in lower case": lambda char: "".join(f"%{byte:02x}" for byte in char.encode()),
    "unicode": lambda char: f"\\u{ord(char):04x}",
    "unicode in upper case": lambda char: f"\\u{ord(char):04X}",
    "unicode in braces": lambda char: f"\\u{{{ord(char):x}}}",
    "JavaScript": lambda char: f"\\x{ord(char):02x}" if ord(char) < 256 else char,
    "decimal": lambda char: f"&#{ord(char)};",
    "decimal with zeros": lambda char: f"&#000{ord(char)};",
    "hexadecimal": lambda char: f"&#x{ord(char):X};",
    "name": lambda char: f"&{NAMES[char]}" if char in NAMES else char,
    "backslash": lambda char: char if char.isalnum() else f"\\{char}",
}
CHARACTERS = st.characters(
    min_codepoint=0x21, max_codepoint=0x17F, exclude_categories=["Cc"], exclude_characters="\\%&"
)


@every("name", SPELLINGS)
def test_every_character_may_be_spelled(name: str) -> None:
    """In one way throughout, and the words around it stay."""
    spelled = "".join(map(SPELLINGS[name], SECRET))

    assert redacted(f"the token {spelled}, unknown", [SECRET]) == "the token …, unknown"


@every(
    "spelled",
    [
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
        # As Gson writes it, https://github.com/google/gson: = & < > ' are escaped.
        SECRET.replace("=", "\\u003d").replace("&", "\\u0026"),
        json.dumps(json.dumps(SECRET)[1:-1].replace("=", "\\u003d"))[1:-1],
        html.escape(SECRET),
        html.escape(html.escape(SECRET)),
        quote(SECRET, safe=""),
        quote(quote(SECRET, safe=""), safe="").lower(),
        html.escape(SECRET).replace("&", "\\u0026"),
        quote(html.escape(SECRET), safe=""),
        quote(quote(quote(quote(SECRET, safe="")))),
        SECRET.replace("=", "&equals;").replace("+", "&plus;").replace("/", "&sol;"),
        SECRET.replace("=", "&#61").replace("#", "&#x23;"),
    ],
)
def test_what_frameworks_make_of_it(spelled: str) -> None:
    """Encoders that are in use, and two of them in a row."""
    assert redacted(f"<{spelled}>", [SECRET]) == "<…>"


@given(st.data(), st.text(CHARACTERS, min_size=6, max_size=40))
def test_no_mixture_of_spellings_lets_a_secret_pass(data: st.DataObject, secret: str) -> None:
    """Each character in a way of its own, and all of it once more in one way."""
    names = st.sampled_from(sorted(SPELLINGS))
    mixed = "".join(SPELLINGS[data.draw(names)](char) for char in secret)
    spelled = "".join(map(SPELLINGS[data.draw(names)], mixed))

    assert redacted(f"( {spelled} )", [secret]) == "( … )"


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=5), max_size=3))
def test_any_text_comes_through(text: str, secrets: list[str]) -> None:
    """Whatever escapes it has: without a secret as it was, else without the secret."""
    assert redacted(text, []) == text
    assert not [secret for secret in secrets if secret != "…" and secret in redacted(text, secrets)]


def test_secrets_within_each_other_leave_no_rest() -> None:
    """The path of a webhook holds its token, and both may stand there."""
    assert redacted("/hooks/abcdef, abcdef, def/hooks", ["abcdef", "/hooks/abcdef"]) == (
        "…, …, def/hooks"
    )


def test_a_secret_that_holds_escapes_is_found_in_both_forms() -> None:
    """As it was sent, and as a receiver decodes it."""
    text = "a%2Fb%41c\\u003dx and a/bAc=x"

    assert redacted(text, ["a%2Fb%41c\\u003dx"]) == "… and …"


def test_an_answer_full_of_escapes_is_searched() -> None:
    """In one pass for each layer, however many there are."""
    text = '{"a": "\\u003d&amp;%20"} ' * 20_000

    assert redacted(text, [SECRET] * 6) == text


def test_secrets_of_a_request() -> None:
    """Path and query of the address, and the account; not words that are too short for a secret."""
    url = "https://hooks.example.com/services/not-a-real-token?sig=not-a-real-signature&a=b"

    found = set(secrets_of(url, {"authorization": "Bearer not-a-real-bearer", "X-Other": "1" * 20}))

    assert found == {
        "/services/not-a-real-token",
        "not-a-real-token",
        "not-a-real-signature",
        "Bearer not-a-real-bearer",
        "not-a-real-bearer",
    }
