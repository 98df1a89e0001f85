"""The permissions of the calls that a check of a repository makes."""

from typing import Final

DESCRIBE_REPOSITORIES: Final = "ecr:DescribeRepositories"
SCANNING: Final = "ecr:GetRegistryScanningConfiguration"
CACHE_RULES: Final = "ecr:DescribePullThroughCacheRules"
LIFECYCLE_POLICY: Final = "ecr:GetLifecyclePolicy"
IMAGES: Final = "ecr:DescribeImages"
MANIFESTS: Final = "ecr:BatchGetImage"
SCANS: Final = "ecr:DescribeImageScanFindings"
