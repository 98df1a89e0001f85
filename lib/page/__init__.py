"""
The report page: one notification as a self-contained HTML file. Pure.

    document   the whole page: head, sections, data, script
    steps      what to do
    sections   what stands in it without any script
    rows       every vulnerability of the stream, and what became of it
    controls   the filter of the table
    findings   the rows as columns for the script and as the first lines of the table
    charts     severities and history as SVG
    markup     HTML that cannot be broken out of

It asks nothing of any server, opens from a file, prints, and its Content-Security-Policy allows the
one style and the one script that are in it, and nothing else.
"""

from lib.page.document import render

__all__ = ["render"]
