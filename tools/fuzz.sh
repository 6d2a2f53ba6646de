#!/bin/sh
# Run the fuzz targets of rust/fuzz.
#
#   sh tools/fuzz.sh check                      say what is missing, and how to get it
#   sh tools/fuzz.sh run SECONDS [TARGET...]    each target for so long; ends at the first finding
set -eu
cd "$(dirname "$0")/../rust"

case "$1" in
check)
    status=0
    cargo +nightly --version >/dev/null 2>&1 || {
        echo "fuzzing needs nightly Rust: rustup toolchain install nightly" >&2
        status=1
    }
    cargo fuzz --version >/dev/null 2>&1 || {
        echo "fuzzing needs cargo-fuzz: cargo install cargo-fuzz" >&2
        status=1
    }
    exit $status
    ;;
run)
    seconds=$2
    shift 2
    [ $# -gt 0 ] || set -- $(cargo +nightly fuzz list --fuzz-dir fuzz)
    for target in "$@"; do
        echo "fuzzing $target for $seconds s"
        # 2 GiB and 10 s an input: nothing that a parser is given may take as much.
        cargo +nightly fuzz run --fuzz-dir fuzz "$target" -- -max_total_time="$seconds" -max_len=8192 \
            -rss_limit_mb=2048 -timeout=10 -verbosity=0 -print_final_stats=0
    done
    ;;
*)
    echo "usage: fuzz.sh check | run SECONDS [TARGET...]" >&2
    exit 2
    ;;
esac
