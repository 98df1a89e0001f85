"""Stories about images, played in virtual time: what happens, and who is notified of what."""
