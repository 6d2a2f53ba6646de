"""The reading half, run as a fresh process: `python -m demo.reader`, its job as JSON on stdin.

Opens the dataset read-only, reads and decodes every photograph through its link, measures that,
compares everything with what was written and with Pillow, and draws the contact sheet. Ends with
exit code 1 when anything differs.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import lakebed as deeplake
from demo.album import CREDS_KEY, Bucket, boxes_of
from demo.photos import Photo
from demo.screen import Progress, heading, say, table
from demo.sheet import Tile, draw_sheet
from demo.sources import LABELS, SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

# One in this many photographs is decoded by Pillow too and compared bit by bit.
PILLOW_EVERY = 10
SHEET_TILES = 24
# Larger batches gain nothing more, but hold all their decoded photographs in memory at once.
BATCH_SAMPLES = 200
EXIT_MISMATCH = 1
EXIT_INTERRUPTED = 130
SHOWN_MISMATCHES = 10


@dataclass(frozen=True)
class Job:
    """What the fresh process is told: nothing else passes between the two."""

    bucket: dict[str, str]
    slow_endpoint_url: str
    latency_ms: int
    one_by_one: int
    folder: str
    manifest: str
    sheet: str
    figures: str


@dataclass(frozen=True)
class Figure:
    """One measured way of reading."""

    way: str
    latency_ms: int
    samples: int
    seconds: float
    file_bytes: int
    decoded_bytes: int

    @property
    def samples_per_s(self) -> float:
        """Samples a second."""
        return self.samples / self.seconds


class Reading:
    """The open dataset beside what it should hold."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.photos = [Photo(**fields) for fields in json.loads(Path(job.manifest).read_text())]
        self.mismatches: list[str] = []
        self.pillow_compared = 0

    def open(self, bucket: Bucket) -> Any:
        """Open the dataset read-only; the links get the same user's keys."""
        ds = deeplake.load(bucket.dataset_path, creds=bucket.creds(), read_only=True, verbose=False)
        ds.populate_creds(CREDS_KEY, bucket.creds())
        return ds

    def measure(self, ds: Any, way: str, latency_ms: int) -> Figure:
        """Read one way; only the reading is timed, not the comparing."""
        total = len(self.photos)
        if way == "batched":
            count = total
            pieces = (
                slice(start, min(start + BATCH_SAMPLES, total))
                for start in range(0, total, BATCH_SAMPLES)
            )
        else:
            count = min(self.job.one_by_one, total)
            pieces = (slice(i, i + 1) for i in np.linspace(0, total - 1, count).astype(int))
        seconds, done, file_bytes, decoded_bytes = 0.0, 0, 0, 0
        with Progress(f"{way}, {latency_ms} ms", count) as bar:
            for piece in pieces:
                started = time.perf_counter()
                images = (
                    ds.images[piece].numpy(aslist=True)
                    if way == "batched"
                    else [ds.images[int(piece.start)].numpy()]
                )
                seconds += time.perf_counter() - started
                done += len(images)
                bar.update(done)
                file_bytes += sum(photo.nbytes for photo in self.photos[piece])
                decoded_bytes += sum(image.nbytes for image in images)
                self.compare_images(piece, images)
        return Figure(way, latency_ms, count, seconds, file_bytes, decoded_bytes)

    def compare_images(self, piece: slice, images: Sequence[Pixels]) -> None:
        """Compare all shapes, and the pixels of every tenth photograph with Pillow's."""
        expected = self.photos[piece]
        if len(images) != len(expected):
            self.mismatches.append(f"samples {piece}: {len(images)} images")
        for index, (photo, image) in enumerate(zip(expected, images, strict=False), piece.start):
            shape = photo.height, photo.width, 1 if photo.gray else 3
            if image.shape != shape or image.dtype != np.uint8:
                self.mismatches.append(
                    f"sample {index}: {image.dtype}{image.shape} instead of uint8{shape}"
                )
            elif index % PILLOW_EVERY == 0:
                self.pillow_compared += 1
                if not np.array_equal(image, self._by_pillow(photo).reshape(shape)):
                    self.mismatches.append(f"sample {index}: pixels differ from Pillow's")

    def _by_pillow(self, photo: Photo) -> Pixels:
        with Image.open(Path(self.job.folder, photo.name)) as file:
            return np.asarray(file)

    def compare_rest(self, ds: Any) -> None:
        """Compare labels, captions, boxes and links of all samples, and some stored bytes."""
        photos = self.photos
        labels = np.asarray(ds.labels.numpy()).ravel().tolist()
        self._compare("labels", labels, [photo.label for photo in photos])
        self._compare("class names", list(ds.labels.info["class_names"]), list(LABELS))
        self._compare("captions", ds.captions.text(), [photo.caption for photo in photos])
        boxes = [array.tolist() for array in ds.boxes.numpy(aslist=True)]
        self._compare("boxes", boxes, [boxes_of(photo).tolist() for photo in photos])
        bucket = Bucket(**self.job.bucket)
        links = [str(path) for path in np.asarray(ds.images.path()).ravel()]
        self._compare("links", links, [bucket.photo_url(photo.name) for photo in photos])
        for index in range(0, len(photos), PILLOW_EVERY):
            stored = ds.images[index].tobytes()
            if stored != Path(self.job.folder, photos[index].name).read_bytes():
                self.mismatches.append(f"sample {index}: bytes differ from the uploaded file")

    def _compare(self, what: str, found: Sequence[object], expected: Sequence[object]) -> None:
        if len(found) != len(expected):
            self.mismatches.append(f"{what}: {len(found)} instead of {len(expected)}")
        for index, (a, b) in enumerate(zip(found, expected, strict=False)):
            if a != b:
                self.mismatches.append(f"{what} {index}: {a!r} instead of {b!r}")

    def draw(self, ds: Any) -> None:
        """Write the contact sheet from decoded samples, all read in one call."""
        chosen = list(_spread(len(self.photos), SHEET_TILES))
        images = ds.images[chosen].numpy(aslist=True)
        names = ds.labels.info["class_names"]
        labels = np.asarray(ds.labels[chosen].numpy()).ravel()
        rows = zip(
            chosen, images, labels, ds.captions[chosen].text(),
            ds.boxes[chosen].numpy(aslist=True), strict=True,
        )  # fmt: skip
        tiles = [
            Tile(index, image, names[label], caption, boxes)
            for index, image, label, caption, boxes in rows
        ]
        title = f"{len(tiles)} of {len(self.photos):,} photographs, read through their links"
        draw_sheet(tiles, title, Path(self.job.sheet))


def _spread(total: int, count: int) -> Iterator[int]:
    """Yield `count` indices over the whole dataset, the kinds of photographs in turn."""
    step, kinds = max(1, total // count), len(SOURCES)
    for place in range(min(count, total)):
        start = place * step
        yield min(total - 1, start + (place - start) % kinds)


def run(job: Job) -> int:
    """Do the whole reading half; returns the exit code."""
    reading = Reading(job)
    direct = Bucket(**job.bucket)
    figures = []
    for endpoint_url, latency_ms in (
        (direct.endpoint_url, 0),
        (job.slow_endpoint_url, job.latency_ms),
    ):
        ds = reading.open(direct.at(endpoint_url))
        if latency_ms == 0:
            say(f"  opened read-only: {len(ds)} rows, tensors {', '.join(ds.tensors)}")
        figures += [reading.measure(ds, way, latency_ms) for way in ("one at a time", "batched")]
    ds = reading.open(direct)
    reading.compare_rest(ds)
    reading.draw(ds)
    Path(job.figures).write_text(json.dumps([asdict(figure) for figure in figures], indent=2))
    heading("Figures: linked JPEG files to decoded numpy arrays")
    say(figures_table(figures))
    return report(reading)


def figures_table(figures: Sequence[Figure]) -> str:
    """Return the table of the demo: each way of reading at each latency."""
    slowest = {f.latency_ms: f.samples_per_s for f in figures if f.way != "batched"}
    head = ("reading", "added latency", "samples", "samples/s", "JPEG MB/s", "decoded MB/s", "")
    rows = [
        (
            f.way,
            f"{f.latency_ms} ms",
            f"{f.samples:,}",
            f"{f.samples_per_s:,.0f}",
            f"{f.file_bytes / f.seconds / 1e6:.1f}",
            f"{f.decoded_bytes / f.seconds / 1e6:,.0f}",
            "" if f.way != "batched" else f"{f.samples_per_s / slowest[f.latency_ms]:.1f} times",
        )
        for f in figures
    ]
    return table(head, rows)


def report(reading: Reading) -> int:
    """Say what was compared; returns the exit code."""
    heading("Verified")
    if reading.mismatches:
        for line in reading.mismatches[:SHOWN_MISMATCHES]:
            say(f"  MISMATCH  {line}")
        say(f"  {len(reading.mismatches)} mismatches")
        return EXIT_MISMATCH
    total = len(reading.photos)
    say(f"  shape of every decoded photograph ({total:,}, each read at both latencies)")
    say(f"  pixels of {reading.pillow_compared} reads: equal to Pillow's, bit by bit")
    say(f"  all {total:,} labels, captions, box sets and links; bytes of every tenth file")
    return 0


def main() -> int:
    """Read the job from stdin and run it."""
    try:
        return run(Job(**json.load(sys.stdin)))
    except KeyboardInterrupt:
        # The parent, interrupted as well, says so and stops the servers.
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
