"""Runs the whole demo: `python -m demo [--links 1200] [--latency-ms 30] [--out demo-out]`."""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from demo.prepare import CHECKOUT, check_installed, end_as_ctrl_c_does
from demo.screen import DemoError, Progress, heading, say

if TYPE_CHECKING:
    from demo.photos import Photo

BUCKET = "photos"
SEED = 2024
EXIT_MISSING = 2
EXIT_INTERRUPTED = 130


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--links", type=int, default=1200, help="photographs, one link each")
    parser.add_argument("--latency-ms", type=int, default=30, help="what the proxy adds")
    parser.add_argument(
        "--one-by-one", type=int, default=200, help="samples read one at a time for comparison"
    )
    parser.add_argument("--out", type=Path, default=CHECKOUT / "demo-out")
    return parser.parse_args()


def main() -> int:
    """Run the demo; returns the exit code."""
    args = arguments()
    end_as_ctrl_c_does()
    started = time.perf_counter()
    try:
        check_installed()
        code = run(args)
    except DemoError as error:
        sys.stderr.write(f"demo: {error.problem}\n")
        if error.remedy:
            sys.stderr.write(f"      to mend it: {error.remedy}\n")
        return EXIT_MISSING
    except KeyboardInterrupt:
        sys.stderr.write("\ndemo: stopped; the servers are down\n")
        return EXIT_INTERRUPTED
    say(f"\n{'Done' if code == 0 else 'FAILED'} in {time.perf_counter() - started:.0f} s.")
    return code


def run(args: argparse.Namespace) -> int:
    """Make the photographs, start the servers, write the dataset, read it in a fresh process."""
    from demo import album  # noqa: PLC0415 - after the check that its imports are installed
    from demo.photos import make_photos  # noqa: PLC0415
    from tests.servers import fault_proxy, seaweedfs  # noqa: PLC0415

    out: Path = args.out
    heading(f"1. Photographs: {args.links:,} distinct JPEG files from those that packages ship")
    for stale in (out / "photos").glob("*.jpg"):
        stale.unlink()
    with Progress("crop and encode", args.links) as bar:
        photos = make_photos(out / "photos", args.links, SEED, bar.update)
    manifest = out / "photos.json"
    manifest.write_text(json.dumps([photo.to_json() for photo in photos], indent=1))
    say(f"  {_megabytes(photos):.0f} MB, {_smallest(photos)} to {_largest(photos)} KB each")

    heading("2. Servers on loopback")
    with contextlib.ExitStack() as servers:
        s3 = servers.enter_context(seaweedfs.running())
        say(f"  SeaweedFS (S3, checks signatures)   {s3.endpoint}")
        proxy = servers.enter_context(fault_proxy.running(s3.endpoint, latency_ms=args.latency_ms))
        say(f"  proxy that adds {args.latency_ms} ms to a request   {proxy.endpoint}")
        s3.client().create_bucket(Bucket=BUCKET)
        writer, reader = (
            album.Bucket(BUCKET, s3.endpoint, seaweedfs.REGION, keys.access_key, keys.secret_key)
            for keys in (s3.writer, s3.reader)
        )
        heading(f"3. Upload and write the dataset {writer.dataset_path} (user `writer`)")
        with Progress("upload photographs", len(photos)) as bar:
            album.upload(writer, out / "photos", photos, bar.update)
        written = time.perf_counter()
        album.write_dataset(writer, photos)
        seconds = time.perf_counter() - written
        say(f"  {len(photos):,} rows of link, label, caption and boxes in {seconds:.1f} s")

        heading("4. Read it back in a fresh process (user `reader`, who may only read)")
        job = {
            "bucket": asdict(reader),
            "slow_endpoint_url": proxy.endpoint,
            "latency_ms": args.latency_ms,
            "one_by_one": args.one_by_one,
            "folder": str(out / "photos"),
            "manifest": str(manifest),
            "sheet": str(out / "contact-sheet.png"),
            "figures": str(out / "figures.json"),
        }
        code = _read_in_fresh_process(job)
    heading("Written")
    for name, what in (
        ("contact-sheet.png", "24 samples with labels, captions and boxes"),
        ("figures.json", "the figures above"),
        ("photos/", "the photographs that were uploaded"),
        ("photos.json", "what is on each"),
    ):
        say(f"  {_shown(out / name)}  {what}")
    say(f"  {writer.dataset_path}  the dataset: gone with the server")
    return code


def _read_in_fresh_process(job: dict[str, object]) -> int:
    """Run `demo.reader`; it gets its keys through a pipe, never on the command line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.reader"], stdin=subprocess.PIPE, text=True, cwd=CHECKOUT
    )
    try:
        process.communicate(json.dumps(job))
    except KeyboardInterrupt:
        # Ctrl-C reached it too, as part of our group; a plain `kill` did not.
        process.terminate()
        process.wait(10)
        raise
    return process.returncode


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        path = path.resolve().relative_to(Path.cwd())
    return f"{path!s:<28}"


def _megabytes(photos: list[Photo]) -> float:
    return sum(photo.nbytes for photo in photos) / 1e6


def _smallest(photos: list[Photo]) -> int:
    return min(photo.nbytes for photo in photos) // 1000


def _largest(photos: list[Photo]) -> int:
    return max(photo.nbytes for photo in photos) // 1000


if __name__ == "__main__":
    sys.exit(main())
