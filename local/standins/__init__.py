"""
Slack, Jira, SNS subscribers and webhooks on this machine: as strict as the vendors, and scriptable.

`wire` has the words, `journal` remembers, `script` holds the faults to play; `slack`, `jira`, `sns`
and `webhook` each answer the calls of one receiver. `local.receivers` puts them behind one port.
"""
