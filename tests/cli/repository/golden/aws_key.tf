resource "aws_ecr_repository" "payments_api" {
  # A tag means the same image for ever.
  name                 = "payments/api"
  image_tag_mutability = "IMMUTABLE"

  # Where the registry has enhanced scanning, its rules decide instead.
  image_scanning_configuration {
    scan_on_push = true
  }

  # Cannot be changed later.
  encryption_configuration {
    encryption_type = "KMS"
  }

  # Its images would go with it: Terraform refuses to destroy it.
  lifecycle {
    prevent_destroy = true
  }
}

# Images without a tag go after 14 days, and all but the newest 20.
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
        description  = "The newest 20 images stay"
        selection = {
          tagStatus   = "any"
          countType   = "imageCountMoreThan"
          countNumber = 20
        }
        action = {
          type = "expire"
        }
      }
    ]
  })
}
