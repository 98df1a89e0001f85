"""What happens, over the ports: scans, deliveries, digests, reconciliation, audits. No clients."""
