"""
The text of a notification of the second core: `notice_text_of` in `text`. Pure.

    content    what a pinned message shows, and what it leaves out, in vulnerabilities
    verdict    what happened, in one sentence
    checks     the same about settings of a repository
    sections   the lists, by kind
    facts      what is watched, where, since when
    to_do      what fixes what is open
    problem    scans without a result
"""
