"""
From a scan to an alert. Read `lib.flows.scans` first; `bootstrap` wires everything.

    normalizer -> core -> messages -> notifiers    raw answers, decisions, words, receivers
    flows                                          which happens when, over the ports
"""
