"""
DynamoDB, S3 and SQS behind the ports of `lib.ports`.

One table, six kinds of rows:

    IMAGE#<image key>               STATE   last evaluation of a digest
    STREAM#<stream>                 HEAD    newest image of a stream
    DELIVERY#<delivery id>          ROW     one alert for one destination
    THREAD#<destination>#<stream>   ROW     where the next message of a stream belongs
    DESTINATION#<destination>       PAUSE   until when nothing is sent there
    RECONCILIATION                  PLACE   where a pass over all images stopped

Open deliveries also stand in the sparse index `due`, ordered by when the sweep wakes them.
"""
