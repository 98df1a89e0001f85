"""
The receivers on this machine: as strict as the vendors, and scriptable.

`wire` has the words, `journal` remembers, `script` holds the faults to play; the others each answer
the calls of one receiver. `local.standins.server` puts them behind one port.
"""
