"""What happens, step by step, over the ports: scans, deliveries, digests, reconciliation, audits."""
