"""
`doctor`: whether a deployed stage is as it should be.

    facts        what was read, as data
    reads        AWS -> facts
    judgements   facts -> checks; pure
    examination  one after the other; what cannot be read hides nothing else
"""
