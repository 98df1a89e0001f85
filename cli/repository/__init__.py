"""A repository as it should be: its definition, what another one lacks, and what would expire."""
