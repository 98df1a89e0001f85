"""Whether a repository is set up well: settings, tags, lifecycle policies, remedies. Pure."""
