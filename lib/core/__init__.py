"""What is decided about scans, streams, routes and deliveries.

Pure: no input, no output, no clock.
"""
