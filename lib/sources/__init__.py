"""Questions to AWS: findings, images, repositories, coverage.

Input only; `lib.normalizer` reads the answers.
"""
