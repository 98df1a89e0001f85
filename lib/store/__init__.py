"""
The ports of `lib.ports` on DynamoDB, S3 and SQS.

One table with nine kinds of rows:

    IMAGE#<image key>               STATE         last evaluation of a digest
    IMAGE#<image key>               INDEX         the index that an image belongs to
    IMAGE#<image key>               TAG           the digest that a tag points to
    STREAM#<stream>                 HEAD          newest image of a stream
    STREAM#<stream>                 HISTORY#…     one evaluation of a stream, by time
    DELIVERY#<delivery id>          ROW           one alert for one destination
    THREAD#<destination>#<stream>   ROW           the thread of a stream's messages
    DESTINATION#<destination>       PAUSE         the time until which nothing is sent
    RECONCILIATION                  PLACE         the bookmark of a pass over all images

Open deliveries are in the sparse index `due`, too, ordered by the time the sweep wakes them.
"""
