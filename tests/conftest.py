"""Fixtures for every test: only those that need no import of their own."""

pytest_plugins = ["tests.cloud_fixtures"]
