"""The embedded AWS: ministack, with what it lacks of ECR, CloudTrail and IAM."""
