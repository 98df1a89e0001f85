"""The checks of a repository: settings, tags, lifecycle policy, and the remedies. Pure."""
