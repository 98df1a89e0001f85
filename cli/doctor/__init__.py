"""
`doctor`: checks of a deployed stage.

    facts        data that was read from the stage
    reads        AWS -> facts
    judgements   facts -> checks; pure
    examination  all checks in order; an unreadable fact does not stop the others
"""
