"""The words of alerts and digests, the same for every receiver, the page and the command.

Pure.
"""
