"""The cloud on a laptop: an embedded AWS with ECR scanning, receivers to send to, and the demo."""
