"""Fixtures for every test: only those that need no import of their own."""

pytest_plugins = ["tests.browser_fixtures", "tests.cloud_fixtures"]
