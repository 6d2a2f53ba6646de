"""How the corpus was made. These files run in the environments of the packages that wrote it."""
