"""The titles of what messages and pages show, each written once. Pure."""

from typing import Final

TO_DO: Final = "What to do"
ACCEPT: Final = "Accept the risk"
URGENCY: Final = "Urgency"
CAN_WAIT: Final = "it can wait for working hours"
NO_SCAN_NEEDED: Final = "If it needs no scan"
ACCEPT_INSTEAD: Final = "To accept the risk of {id} instead"
NOT_SHOWN: Final = "Not listed here"
NOT_CAUSED: Final = " (not caused by this release)"
LINKS: Final = "Links"
NUMBERS: Final = "Numbers"
REPORT_NAME: Final = "Full report"
NO_VERSION: Final = "No fix version named"
PLATFORMS: Final = "By platform"
CHANGED: Final = "What changed"
HAPPENED: Final = "What happened"
OPEN_NOW: Final = "Open now"
WHY_PAGED: Final = "Why you are paged"
LAST_CHANGE: Final = "Last change:"
DONE: Final = "Done when"
DONE_WHEN: Final = (
    "no scan lists these vulnerabilities any more, or their risk is accepted. Every scan updates "
    "this issue."
)
DONE_WHEN_PATCHED: Final = (
    "the hosts run a patched kernel and no scan lists these vulnerabilities any more, or their "
    "risk is accepted. Every scan updates this issue."
)
DONE_DIGEST: Final = (
    "no vulnerability is open in these images, or each risk is accepted, and each image has a scan "
    "result. Every digest updates this issue."
)
NOTES: Final = "Notes"
ABOUT: Final = "About"
DETAILS: Final = "Image and scan details"
DELIVERY: Final = "Delivery"
NO_RESULT: Final = "No result"
PACKAGE_COLUMNS: Final = ("Package", "Vulnerabilities", "Notes")
UPGRADE_COLUMNS: Final = ("Package", "From", "To", "Removes")
UNVERSIONED_COLUMNS: Final = ("Package", "Installed", "Upgrade to", "Open")
NOT_NAMED: Final = "not named"
NONE_NAMED: Final = " (none named)"
"""What stands behind a filter without a row to choose."""
LOOK: Final = "Then look for newer versions of the packages whose version to go to is not named"
"""The step for packages of which neither the scanner nor a description names a version."""
