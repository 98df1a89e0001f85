"""Text from outside, made safe and short: control characters, truncation, escaping per receiver."""

import json
import re
import unicodedata

ELLIPSIS = "…"

# C0 and C1 controls, and the characters that reorder or hide text (bidirectional controls, zero
# width, tags): in a message they let one name look like another. Lone surrogates and noncharacters
# are no text at all, and receivers refuse them.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_BLANKS = re.compile(r"\s+")
_SLACK = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Slack has no escape for these; they only change how text looks, but that can hide or stress it.
# What begins an address, and the end of a label that markdown reads a target behind.
_LINK = re.compile(r"://|\bwww\.|\bmailto:|\](?=\s*[(\[:])", re.IGNORECASE)
_LOOK_ALIKES = str.maketrans(
    {":": "\N{RATIO}", ".": "\N{ONE DOT LEADER}", "]": "\N{FULLWIDTH RIGHT SQUARE BRACKET}"}
)
_FORMATTING = str.maketrans({"*": "\N{ASTERISK OPERATOR}", "`": "'"})


def clean(text: str) -> str:
    """Remove control and invisible characters; newlines and tabs stay."""
    return _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def escaped(document: str) -> str:
    """Return a JSON text with JSON's escapes for control and invisible characters."""
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], document)


def one_line(text: str) -> str:
    """Clean, and fold every run of white space into one blank."""
    return _BLANKS.sub(" ", clean(text)).strip()


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return "1 alert", "2 alerts", "1,200 alerts"; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def truncate(text: str, limit: int) -> str:
    """Cut to `limit` characters, the last one an ellipsis when something was cut."""
    if len(text) <= limit:
        return text
    cut = limit - len(ELLIPSIS)
    # Never leave a base character without the marks that belong to it.
    while cut > 0 and unicodedata.combining(text[cut]):
        cut -= 1
    return text[: max(cut, 0)].rstrip() + ELLIPSIS if limit > 0 else ""


def escape_slack(text: str) -> str:
    """
    Escape for Slack mrkdwn and for the fallback text alike, so that no mention or link comes alive.

    Exactly these three: https://docs.slack.dev/messaging/formatting-message-text
    """
    return "".join(_SLACK.get(character, character) for character in clean(text))


def unlinked(text: str) -> str:
    """
    Return text in which no receiver finds a link: neither one of markdown nor a bare address.

    The text looks the same; what would make it a link is a look-alike.
    """
    return _LINK.sub(lambda match: match[0].translate(_LOOK_ALIKES), text)


def slack_flat(text: str) -> str:
    """Return one line without the characters that format text in Slack."""
    return one_line(text).translate(_FORMATTING)


def slack_text(text: str, limit: int) -> str:
    """Escape for Slack, at most `limit` characters then. Cut first, so that no entity is cut."""
    cut = truncate(text, limit)
    while len(escaped := escape_slack(cut)) > limit:
        cut = truncate(text, len(cut) - max(1, (len(escaped) - limit) // 5))
    return escaped


def slack_link(url: str, label: str) -> str:
    """Return a Slack link; characters that would end the link are percent-encoded."""
    safe = url.replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return f"<{safe.replace('&', '&amp;')}|{escape_slack(one_line(label)).replace('|', '¦')}>"


def ascii_only(text: str) -> str:
    """Return the nearest ASCII spelling, for fields like the subject of an e-mail."""
    decomposed = unicodedata.normalize("NFKD", one_line(text).replace(ELLIPSIS, "..."))
    letters = "".join(each for each in decomposed if not unicodedata.combining(each))
    return letters.encode("ascii", "replace").decode("ascii")
