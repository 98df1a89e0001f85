"""Addresses that alerts link to: forges, package URLs, signed links, console, advisories.

Pure.
"""
