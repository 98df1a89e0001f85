"""
The decisions about scans, streams, routes and notifications. No input, no output, no clock.

What a sync decides about a stream, in the order of the calls:

    causes             why it is synced
    stream_plan        all of it: tags, images, state, views
      tags             which image a tag points to
      streams          which stream a tag belongs to
      watching         which images count; usage: whether they run
      settled          whether anything can be different
      states           the next state; lifecycles, history, proof, conditions: parts of it
    sync               one view: what its destination should show, and what is written
      desired          what it should show, and conditions
        verdicts       routes, filters and suppressions, applied to each finding
      delta            what differs; arrivals and endings: why
        worth_notifying  what somebody is notified of: kinds, by route and destination
      notification_rows  its one open row: opened, changed or dropped

What the rules say:

    routing            routes and filters; globs: whether patterns overlap
    suppressions       what is excluded until a date; applied in verdicts
    owners             who owns an image

What becomes of a notification:

    attempts           its row: taken, put off, refused, given up
    retries            what a refusal for good means, and when the next attempt is
    alert_time         how long it took

What is known of an image:

    evidence           whether a report can be believed yet; patience: how long a result is awaited
    merging            the result of an index from those of its parts; distinct: each finding once
    vulnerabilities    findings as vulnerabilities; aliases: ids that are one
    upgrades           packages to upgrade; named_versions: those that descriptions name
    disputes           whether a vulnerability is disputed
    problems           scans without a result
    provenance         what it was made from
    same_images        its name in another stream
    overdue            whether its stored report is behind
    scanners           what differs from scanner to scanner

By schedule:

    digest             the digest of a destination; digest_steps: its packages; schedule: when
    shares             what each stream adds
    current            the copy of a stream for readers
    moved_tags         the message that a tag moved
"""
