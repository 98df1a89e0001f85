"""
The sentences of notices and digests, the same for every receiver, the page and the command. Pure.

    text       all that is said about a notice; `parts` is its tree
    content    what a pinned message shows, and what it leaves out, in vulnerabilities
    comparing  what a notice is compared with
    headlines  what happened, in one sentence: "2 new CRITICAL since 1.4.1"; endings: its end
    changes    what differs from before, in numbers that add up
    sections   the lists, by kind; omissions: what is open and not in them
    urgency    how soon to look, and what is known of exploits; levels: its sentence
    dangers    beside what is new: open as before with an exploit, or perhaps there though unlisted
    paging     of an incident: what happened, and why it pages
    facts      what is watched, where, since when
    to_do      what fixes what is open; steps: one by one; settings: those of a repository
    advising   advice about hosts, base images and distributions
    linking    the links in a step; searching: packages without a version to go to
    kernels    the upgrades of a kernel in an image, which is not the one that runs
    named_upgrades  upgrades to versions that descriptions name
    provenance the source commit of an image
    described  upgrades that only descriptions name
    problem    scans without a result
    checks     the settings of a repository, and tags that moved
    digest     all that is said about a digest; digest_parts is its tree, digest_steps what to do,
               digest_fixes what fixes how many, digest_notes its numbers, digest_urgency how soon
    inventory  the words of the page's table
    lists      vulnerabilities as rows, by package, under a title
    describing one vulnerability in a line
    phrases    what several of them share
    titles     the titles of lists and links
"""
