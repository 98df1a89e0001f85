"""The ports of the flows, by the room that implements them. This module exports nothing."""
