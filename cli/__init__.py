"""
The operator's command, `ecr-scan-alerts`: the same code paths as the handlers, on a terminal.

A command is a module of `commands`; `__main__` and `parser` find it. What commands share:

    inputs               documents and configuration: files, stdin, AWS
    terminal             output for people; durations, check_list: parts of it
    session              the operator's own AWS
    failures             whatever stops a command, as one sentence; aws_errors: those of AWS
    files                files written whole or not at all
    reference            the generated part of docs/cli.md

alerts.yml:

    alerts_file          the file with line numbers; alerts_edits: edits that keep the rest
    suppressions_file    the file as `suppressions` changes it; ignore_files: of other tools
    starting             the first file, as `init` writes it
    placeholders         what an example left in it
    publishing           publishing it to a stage; config_changes: what differs
    left_open            what nobody closes once a destination has gone

A deployed stage:

    stage_file           what it is deployed with; stacks: its stack
    deployment           its stores and queues; destination_names
    deliver_function     its function `deliver`, invoked directly
    delivery_rows        its notifications for a person; view_checks: its views
    stream_names         a stream by its name, or by a tag
    redriving            dead ones sent again; pacing: how many at once
    sending              what `scan --send` sends
    rehearsal            a pass without writing
    doctor               checks of all of it

A scan:

    judging              by the rules, as if its image had just become current; cases, verdicts
    selection, gate      what a pipeline asks for, and whether it may go on; waiting: for a scan

Others:

    simulation           stories in virtual time
    repository           definitions and settings of a repository; audit_results: of `audit`
"""
