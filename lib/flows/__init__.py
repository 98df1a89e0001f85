"""
The order of things, over the ports. No clients.

An event about an image, in the order of the calls:

    images               an event: its report is stored, its tags are kept; streams are named
      fetching           the report, in as many invocations as it takes
      image_records      what is stored of an image
      image_outcomes     how the event ended
      doubts             whether a fetched report can be believed
      provenances        what the image was made from
    rounds               streams are synced, and what follows is done
      syncs              one stream: read, decide, write. Read this first
      copies             the copy for readers

A notification:

    waking               what is due is woken
    notifying            claimed, compared anew, pinned, sent, recorded
      attempt            what is read for it, and how its row is written
      couriers           the receiver of a destination
      deployments        what runs the images of a message
      same_images        by which tag of another stream they are known
      digest_reports     the links of a digest
      refusals           what follows a refusal: a pause after a 429, another attempt, an end
    pages                its report page
    outbox               messages that never change: digests, summaries, moved tags
    moved_tags           messages that a tag moved which should not

By schedule:

    passes, looks        the hourly pass over all images
    running              the hourly pass over what runs
    stream_passes        all streams: daily, and after a change of alerts.yml
    audit                checks of repositories are queued; repository_checks makes them
    digests              digests that are due
    rules, summaries     a changed alerts.yml
    sync_rules           alerts.yml as syncs use it

On request: destination_test.
"""
