"""Packaging and deployment: one zip for all functions, and its template. Not part of the zip."""
