"""The alert pipeline. Start with `lib.pipeline`; `bootstrap` wires it, `models` names its words."""
