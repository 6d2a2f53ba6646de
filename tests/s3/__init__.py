"""The main job against a real S3 server: links, refusals, bad input, locks."""
