variable "stage" {
  description = "The name of this deployment. It is a part of the names of its resources."
  type        = string
  default     = "prod"
}

variable "release" {
  description = "The version of the release, such as 1.0.0."
  type        = string
}

variable "code_bucket_prefix" {
  description = "The zip and the templates lie in the bucket PREFIX-REGION, in the region of the stack."
  type        = string
}

variable "alerts_file" {
  description = "The path of alerts.yml. Without it another tool publishes the configuration."
  type        = string
  default     = ""
}

variable "topic_arns" {
  description = "The SNS topics that alerts may be published to."
  type        = list(string)
  default     = []
}

variable "alarm_email" {
  description = "This address is subscribed to the alarms of the stage. AWS asks it to confirm. Other receivers can subscribe to the topic AlarmTopicArn."
  type        = string
  default     = ""
}

variable "receiver_hosts" {
  description = "Hosts that receivers may have beside their vendors' own. A host that begins with a dot stands for all hosts below it."
  type        = list(string)
  default     = []
}

variable "config_bucket" {
  description = "The bucket that functions read the published configuration from, such as one for all accounts. Without it: the bucket of reports of this stage."
  type        = string
  default     = ""
}

variable "config_key" {
  description = "The key of the published configuration in its bucket."
  type        = string
  default     = "config/current.json"
}

variable "arch" {
  description = "The processor of the functions."
  type        = string
  default     = "arm64"
}

variable "log_level" {
  description = "Messages below this level are not logged."
  type        = string
  default     = "INFO"
}

variable "log_retention_days" {
  description = "Days that log lines are kept. CloudWatch Logs allows these values only."
  type        = number
  default     = 30
}

variable "report_retention_days" {
  description = "Days that reports are kept. The table points to reports for 365 days, so keep them longer."
  type        = number
  default     = 400
}

variable "reconcile_days" {
  description = "Each hour reconciliation looks at the images that count in a stream, whatever their age, and at all others that were pushed in this many days. For a first back-fill of older images: ecr-scan-alerts reconcile --since 180d."
  type        = number
  default     = 1
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the table of this stage."
  type        = bool
  default     = true
}

variable "workloads" {
  description = "Alerts name what runs an image, and an older image counts while it runs. ecs: services and tasks of ECS. inspector: what Amazon Inspector knows of ECS and EKS, with enhanced scanning."
  type        = string
  default     = ""
}

variable "traceability" {
  description = "Whether the source of each new image is read from its labels and attestations, in at most three calls."
  type        = bool
  default     = true
}

variable "report_link_days" {
  description = "Days that the links in messages open their report page. 0: messages have no links, and the stack has no address that can be reached from outside."
  type        = number
  default     = 30
}

variable "scan_concurrency" {
  description = "How many scan events may be handled at the same time; beside them as many images whose findings changed, and as many messages about streams. An account that is new to Lambda may run as few as 10 functions at a time; raise this number where the quota is higher and scans wait."
  type        = number
  default     = 4
}

variable "delivery_concurrency" {
  description = "How many destinations may be sent to at the same time; one destination never gets two messages at a time. A destination that does not answer takes one place for as long as ten seconds."
  type        = number
  default     = 10
}

variable "permissions_boundary" {
  description = "The ARN of the policy that limits every role of the stack."
  type        = string
  default     = ""
}

variable "role_path" {
  description = "The IAM path of every role of the stack."
  type        = string
  default     = "/"
}
