"""Calls to AWS that read findings, images, repositories and workloads.

Reads only. `lib.normalizer` interprets the answers.
"""
