"""`make demo`: the story, the application, and pictures of both."""
