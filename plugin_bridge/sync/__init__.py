"""Where the music is: one Transport value, from whoever leads, for whoever follows."""
