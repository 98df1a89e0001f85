"""
The ports of `lib.ports` on DynamoDB, S3 and SQS.

docs/architecture.md lists the rows of the table and the objects of the bucket.
"""
