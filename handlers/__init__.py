"""
Lambda entry points; they translate, nothing else.

Most of what they import is imported here, while the collector is paused: boto3 with the objects of
the process, and the data.
"""

from lib.bootstrap.garbage import kept_for_good

with kept_for_good():
    import lib.bootstrap.process
    import lib.models.views  # noqa: F401  # it imports the other chapters
