"""Repositories: definitions, comparison with an existing one, and lifecycle previews."""
