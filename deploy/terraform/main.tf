# One stage of ecr-scan-alerts: the stack of a release, in the region of the provider.
#
# The zip and the templates of a release lie in the bucket PREFIX-REGION: docs/deploy.md.

data "aws_region" "current" {}

data "aws_partition" "current" {}

locals {
  folder   = "ecr-scan-alerts/${var.release}"
  template = var.report_link_days == 0 ? "template-without-links.json" : "template.json"
  host     = "${var.code_bucket_prefix}-${data.aws_region.current.name}.s3.${data.aws_region.current.name}.${data.aws_partition.current.dns_suffix}"
}

resource "aws_cloudformation_stack" "stage" {
  name         = "ecr-scan-alerts-${var.stage}"
  template_url = "https://${local.host}/${local.folder}/${local.template}"
  capabilities = ["CAPABILITY_NAMED_IAM"]

  parameters = merge(
    {
      Stage               = var.stage
      CodeBucketPrefix    = var.code_bucket_prefix
      CodeKey             = "${local.folder}/ecr-scan-alerts.zip"
      TopicArns           = length(var.topic_arns) == 0 ? "none" : join(",", var.topic_arns)
      AlarmEmail          = var.alarm_email
      ReceiverHosts       = join(",", var.receiver_hosts)
      ConfigBucket        = var.config_bucket
      ConfigKey           = var.config_key
      Arch                = var.arch
      LogLevel            = var.log_level
      LogRetentionDays    = var.log_retention_days
      ReportRetentionDays = var.report_retention_days
      ReconcileDays       = var.reconcile_days
      DeletionProtection  = var.deletion_protection
      Workloads           = var.workloads
      Traceability        = var.traceability
      ScanConcurrency     = var.scan_concurrency
      DeliveryConcurrency = var.delivery_concurrency
      PermissionsBoundary = var.permissions_boundary
      RolePath            = var.role_path
    },
    var.report_link_days == 0 ? {} : { ReportLinkDays = var.report_link_days },
  )
}

# alerts.yml as JSON: the functions check it, and follow it within a minute.
resource "aws_s3_object" "alerts" {
  count = var.alerts_file == "" ? 0 : 1

  bucket       = aws_cloudformation_stack.stage.outputs["ConfigBucketName"]
  key          = aws_cloudformation_stack.stage.outputs["ConfigKey"]
  content      = jsonencode(yamldecode(file(var.alerts_file)))
  content_type = "application/json"
}
