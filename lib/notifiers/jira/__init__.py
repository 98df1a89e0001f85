"""Jira Cloud: one issue per destination and image stream."""
