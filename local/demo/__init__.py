"""`make demo`: its story, the deployed application, and the pictures of README and docs."""
