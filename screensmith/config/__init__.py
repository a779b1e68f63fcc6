"""What a run is: typed, strict and free of torch."""
