"""
The order of things, over the ports. No clients.

    images       an event about an image: its report is fetched and stored
    syncs        a stream is compared with what its destinations were notified of
    notifying    a notification on its way to its destination
    passes       what the schedules look at; and stream_digests
"""
