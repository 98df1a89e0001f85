"""The titles of what messages and pages show, each written once. Pure."""

from typing import Final

TO_DO: Final = "What to do"
ACCEPT: Final = "Accept the risk for 90 days"
URGENCY: Final = "Urgency"
WORKING_HOURS: Final = "in working hours"
IN_WORKING_HOURS: Final = "look at it in working hours"
STOP_PAGES: Final = (
    "To stop such pages, leave SCAN_FAILED and NOT_SCANNED out of kinds of the route in alerts.yml"
)
NO_SCAN_NEEDED: Final = "Accept for 90 days that the image is not scanned"
ACCEPT_ONE: Final = "Accept a risk for 90 days, for example"
NOT_LISTED: Final = "Besides these"
ACCEPTED: Final = "Accepted, not counted"
"""Before what entries of alerts.yml accept."""
BEGINS: Final = "listed here: "
"""Before the severities that a destination asks for."""
SAME_IMAGE: Final = "Same image as "
SAME_AS_BEFORE: Final = "The image has not changed"
PUSHED_ON: Final = " since it was pushed on {day}"
ADDED: Final = "the scanner added {what}"
"""Where nothing else changed in the report about an image."""
NOT_COUNTED: Final = ", not counted as open"
LINKS: Final = "Links"
REPORT_NAME: Final = "Full report"
HOSTS_CHECKED: Final = (
    "If you checked the hosts that run {tag} after that message, there is nothing more to do"
)
FULL_REPORT: Final = "full report"
"""Within a sentence."""
NEWEST: Final = "Newest message in the thread"
"""Below the state of a stream, whose thread has what happened and what to do."""
NO_VERSION: Final = "No fix version named"
PLATFORMS: Final = "By platform"
CHANGED: Final = "What changed"
HAPPENED: Final = "What happened"
STILL_OPEN: Final = "Also open"
ALSO_CHECK: Final = "Also check"
"""Before what is not listed any more and may be there all the same."""
OPEN_NOW: Final = "Open now"
WHY_PAGED: Final = "Why you are paged"
DONE: Final = "Done when"
DONE_WHEN_ONE: Final = "no scan lists the vulnerability below, or its risk is accepted"
ITS_RISK: Final = "its risk"
EACH_RISK: Final = "each risk"
DONE_WHEN: Final = "no scan lists the {number} vulnerabilities below, or each risk is accepted"
DONE_WHEN_PATCHED: Final = "the hosts run a patched kernel, or {risk} is accepted"
DONE_WHEN_BOTH: Final = (
    "the hosts run a patched kernel and no scan lists what else is open below, or each risk is "
    "accepted"
)
CLOSED_BY_HAND: Final = "Then close the issue by hand"
CLOSED_UNSEEN: Final = f"{CLOSED_BY_HAND}: a scan of the image cannot see the hosts"
STAYS_CLOSED: Final = "It stays closed until there is something new"
CLOSED_BY_ITSELF: Final = "Then this issue closes by itself"
CLOSED_IF_CLEAR: Final = f"{CLOSED_BY_ITSELF}, unless there is something to report"
RESOLVE: Final = "Resolve when"
BY_ITSELF: Final = "then it resolves by itself"
RESOLVE_ONE: Final = f"No {{look}} lists it, or its risk is accepted: {BY_ITSELF}"
RESOLVE_SEVERAL: Final = f"No {{look}} lists any of them, or each is accepted: {BY_ITSELF}"
RESOLVE_PATCHED: Final = (
    "The hosts run a patched kernel: resolve it by hand, a scan of the image cannot see the hosts. "
    f"Or {{risk}} is accepted: {BY_ITSELF}"
)
RESOLVE_BOTH: Final = (
    "The hosts run a patched kernel, and no scan lists the others: resolve it by hand, a scan of "
    f"the image cannot see the hosts. Or {{risk}} is accepted: {BY_ITSELF}"
)
RESOLVE_SCANNED: Final = f"A {{look}} has a result, or the {{subject}} is deleted: {BY_ITSELF}"
DONE_WHEN_SCANNED: Final = (
    "a scan of {name} succeeds, the image is deleted, or somebody accepts that it stays unscanned"
)
DONE_WHEN_CHECKED: Final = "a check of {name} has a result, or the repository is deleted"
NOTES: Final = "Notes"
ABOUT: Final = "About"
OTHERS: Final = "Others"
"""Before a row of what no row of a table names."""
DETAILS: Final = "Image and scan details"
TECHNICAL: Final = "Technical details"
HOW_TO_ACCEPT: Final = "How to accept a risk, and technical details"
DELIVERY: Final = "Delivery"
NO_RESULT: Final = "No result"
PACKAGE_COLUMNS: Final = ("Package", "Vulnerabilities", "Notes")
UPGRADE_COLUMNS: Final = ("Package", "From", "To", "Removes")
UNVERSIONED_COLUMNS: Final = ("Package", "Installed", "Open")
NOT_NAMED: Final = "not named"
DESCRIBED_STEP: Final = "Upgrade or replace (versions from the CVE texts, not from the scanner)"
NEW: Final = "new"
LOOK_STEP: Final = "Look for newer versions"
STILL_LISTED: Final = "If the next scan still lists {them}"
"""The others come with the base image, and wait for its next version."""
