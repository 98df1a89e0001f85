"""
The ports of `lib.ports` on DynamoDB, S3 and SQS.

`lib.store.rows` lists the rows of the table, docs/architecture.md the objects of the bucket, too.
"""
