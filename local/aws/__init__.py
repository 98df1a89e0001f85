"""The embedded AWS: ministack, with the parts of ECR, CloudTrail and IAM that it lacks."""
