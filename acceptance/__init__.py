"""
`make acceptance`: what only a real account can show, step by step, in one region.

    python -m acceptance --stage accept --region eu-central-1

`run` does the steps in order and cleans up; `steps` has one module per step; `images` builds images
without Docker; `resources` makes and deletes what the steps share; `deployment` deploys as a user
does. Against the embedded AWS the same program runs in tests/acceptance.
"""
