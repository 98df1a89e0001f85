"""Events and raw answers of AWS, normalized into the one format. Pure."""
