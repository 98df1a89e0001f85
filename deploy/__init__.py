"""Packaging: one zip for all functions, and the template that deploys it. Nothing of it ships."""
