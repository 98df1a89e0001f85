"""Events and raw answers of AWS, normalized to scan reports and findings. Pure."""
