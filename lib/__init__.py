"""
From a scan to a notification. Read `lib.flows.syncs` first; `bootstrap` wires everything.

    normalizer -> core -> messages -> notifiers    raw answers, decisions, words, receivers
    flows                                          which happens when, over the ports
"""
