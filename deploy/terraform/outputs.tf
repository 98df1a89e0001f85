output "alarm_topic_arn" {
  description = "The topic of the alarms."
  value       = aws_cloudformation_stack.stage.outputs["AlarmTopicArn"]
}

output "reports_bucket" {
  description = "The bucket of reports, which also has the published configuration of the stage."
  value       = aws_cloudformation_stack.stage.outputs["ReportsBucketName"]
}

output "dashboard_url" {
  description = "The dashboard of the stage."
  value       = aws_cloudformation_stack.stage.outputs["DashboardUrl"]
}
