"""What programs print, read as values. Each raises ValueError for what the program does not print."""
