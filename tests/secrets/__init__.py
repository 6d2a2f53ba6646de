"""No secret comes out of anything: one list of calls, run with every log on."""
