"""
`make acceptance`: tests that need a real account, step by step, in one region.

    python -m acceptance --stage accept --region eu-central-1

`run` executes the steps in order; `steps` has one module per step; `images` builds images without
Docker; `resources` creates and deletes what the steps share; `deployment` deploys with `make`. The
tests in tests/acceptance run the same program against the embedded AWS.
"""
