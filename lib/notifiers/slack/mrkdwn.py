"""Text from outside in Slack's mrkdwn: escaped, flat, and as links. Pure."""

from lib.text import clean, one_line, truncate

_SLACK = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


_FORMATTING = str.maketrans({"*": "\N{ASTERISK OPERATOR}", "`": "'"})


def escape_slack(text: str) -> str:
    """
    Escape for Slack mrkdwn and for the fallback text alike, so that no mention or link comes alive.

    Exactly these three: https://docs.slack.dev/messaging/formatting-message-text
    """
    return "".join(_SLACK.get(character, character) for character in clean(text))


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
