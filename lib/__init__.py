"""The alert pipeline. Start with `lib.flows.scans`; `bootstrap` wires it, `models` names its words."""
