"""
The sentences of alerts and digests, the same for every receiver, the page and the command. Pure.

    alert     what of an evaluation a destination gets, in numbers
    text      all that is said about an alert; `parts` is its tree
    digest    all that is said about a digest
"""
