"""
Stand-ins for the receivers: as strict as the vendors, and scriptable.

`wire` has the common types, `journal` records messages and requests, `script` holds faults to
play. Every other module answers the calls of one receiver. `local.standins.server` serves them on
one port.
"""
