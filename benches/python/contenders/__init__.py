"""The ways of reading that the linked-read bench compares; each runs as a process of its own.

    this_package.py   lakebed
    limit.py          obstore and libjpeg-turbo on every core, written by hand: the limit to aim at
    handmade.py       boto3 on threads and Pillow, as a careful user writes it
    reference.py      deeplake 3.9.52, in an environment of its own

`worker.py` is what they share: jobs come as JSON lines on stdin, replies go as JSON lines to
stdout. It must import nothing but the standard library, since the reference's environment has
other packages.
"""
