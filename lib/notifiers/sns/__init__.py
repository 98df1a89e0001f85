"""Amazon SNS: text, JSON, OCSF and Amazon Q notifications."""
