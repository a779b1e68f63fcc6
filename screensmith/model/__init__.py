"""What all models share: create, load, encode, answer, save."""
