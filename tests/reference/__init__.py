"""Second implementations, written from the rules' text alone; the tests compare the packages with them."""
