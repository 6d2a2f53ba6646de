"""The requirement pages: their snippets run as they stand there."""
