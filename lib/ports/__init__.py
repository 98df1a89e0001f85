"""What flows need from the outside, by the room that implements it; the face hands nothing on."""
