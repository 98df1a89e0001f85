# Needs hashicorp/aws 6.8.0 or later.
# The provider's region has to be eu-central-1.
resource "aws_ecr_repository" "payments_api" {
  # A tag means the same image for ever, except for latest, dev-*.
  name                 = "payments/api"
  image_tag_mutability = "IMMUTABLE_WITH_EXCLUSION"

  image_tag_mutability_exclusion_filter {
    filter      = "latest"
    filter_type = "WILDCARD"
  }

  image_tag_mutability_exclusion_filter {
    filter      = "dev-*"
    filter_type = "WILDCARD"
  }

  # Where the registry has enhanced scanning, its rules decide instead.
  image_scanning_configuration {
    scan_on_push = true
  }

  # Cannot be changed later.
  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = "arn:aws:kms:eu-central-1:000474600478:key/made-up"
  }

  # Its images would go with it: Terraform refuses to destroy it.
  lifecycle {
    prevent_destroy = true
  }
}

# Images without a tag go after 14 days, and all but the newest 5.
# Those without a tag count, too: an index for two platforms is three images.
resource "aws_ecr_lifecycle_policy" "payments_api" {
  repository = aws_ecr_repository.payments_api.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Untagged images go after 14 days"
        selection = {
          tagStatus   = "untagged"
          countType   = "sinceImagePushed"
          countUnit   = "days"
          countNumber = 14
        }
        action = {
          type = "expire"
        }
      },
      {
        rulePriority = 2
        description  = "The newest 5 images stay"
        selection = {
          tagStatus   = "any"
          countType   = "imageCountMoreThan"
          countNumber = 5
        }
        action = {
          type = "expire"
        }
      }
    ]
  })
}
