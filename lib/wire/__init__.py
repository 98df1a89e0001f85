"""The published JSON documents and our own events, from and to the models. Pure."""
