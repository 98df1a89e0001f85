"""
Limits of AWS that depend on alerts.yml, checked before deployment. Pure.

How many destinations an image can reach is none: each view is written by itself.
"""

from collections.abc import Iterable
from typing import Final

MOST_TOPICS: Final = 4_096
"""
Maximum characters of the topics, which are a parameter of the stack.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
They stand in the policy of the function that publishes, too. The policies of a role have at most
10,240 together, without blanks; a test counts the others.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""
_TOPIC: Final = len('"",')


def topics_size(topics: Iterable[str]) -> int:
    """Return the number of characters that topics take in a policy."""
    return sum(len(topic) + _TOPIC for topic in set(topics))
