"""The demo: real photographs in a real S3 bucket, linked, written and read back by lakebed.

`python -m demo` (or `make demo`) runs it; each file is one part of it:

    prepare.py    checks that everything is installed
    sources.py    the photographs that two packages ship, and what is on them
    photos.py     makes a thousand distinct JPEG files out of those
    album.py      uploads the photographs and writes the dataset
    reader.py     the fresh process: reopens read-only, reads everything, measures and verifies
    sheet.py      draws the contact sheet
    screen.py     progress bars and tables on the terminal

The S3 server and the latency proxy are those of the tests (`tests/servers`).
"""
