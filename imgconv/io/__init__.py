"""Files of pictures: read, written, and those larger than memory."""
