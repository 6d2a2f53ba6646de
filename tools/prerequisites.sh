#!/bin/sh
# Look for what the checkout cannot install into itself, before anything else runs.
#
#   sh tools/prerequisites.sh GOAL...     GOAL: build, check, reference
#
# cmake and nasm (libjpeg-turbo's SIMD code is built with them) and Debian's venv module are
# installed by apt-get where that is allowed: as root, or with a sudo that asks nothing. Of what
# is still missing then, the first line printed names all of it, with the command to run.
set -u

missing=''
remedy=''

lacks() { # NAME, COMMAND that brings it
    missing="${missing:+$missing, }$1"
    case "; $remedy;" in *"; $2;"*) ;; *) remedy="${remedy:+$remedy; }$2" ;; esac
}

has() { command -v "$1" >/dev/null 2>&1; }

# A version manager's placeholder may exist and still run nothing: ask the interpreter itself.
python_is() { "${PYTHON:-python3}" -c "import sys; sys.exit(not ($1))" >/dev/null 2>&1; }

packages='' # Debian names of what apt-get may bring
has cmake || packages="$packages cmake"
case "$(uname -m)" in x86_64 | amd64 | i?86) has nasm || packages="$packages nasm" ;; esac
if python_is 'sys.version_info >= (3, 11)'; then
    "${PYTHON:-python3}" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        packages="$packages python3-venv"
else
    lacks "Python 3.11 or newer" "install it and run: make PYTHON=/path/to/python3"
fi

if [ -n "$packages" ] && has apt-get; then
    as_root=''
    [ "$(id -u)" -eq 0 ] || as_root='sudo -n'
    if [ -z "$as_root" ] || { has sudo && sudo -n true 2>/dev/null; }; then
        log=$(mktemp)
        # shellcheck disable=SC2086 # lists of words on purpose
        { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends $packages; } >"$log" 2>&1 ||
            tail -n 5 "$log" >&2
        rm -f "$log"
    fi
fi
for package in $packages; do
    program=$package
    if [ "$package" = python3-venv ]; then
        "${PYTHON:-python3}" -c 'import ensurepip, venv' >/dev/null 2>&1 && continue
    elif has "$program"; then
        continue
    fi
    if has brew; then lacks "$package" "brew install$packages"
    else lacks "$package" "sudo apt-get install -y$packages"; fi
done

has cc || has gcc || has clang || lacks "a C compiler" "sudo apt-get install -y build-essential"
has cargo || lacks "Rust (cargo)" "install the stable toolchain with rustup"

for goal in "$@"; do
    case "$goal" in
    check)
        if has cargo; then
            cargo fmt --version >/dev/null 2>&1 || lacks rustfmt "rustup component add rustfmt clippy"
            cargo clippy --version >/dev/null 2>&1 || lacks clippy "rustup component add rustfmt clippy"
        fi
        ;;
    reference)
        [ -n "${REFERENCE_PYTHON:-}" ] ||
            lacks "Python 3.11 (the reference package runs on no newer one)" \
                "sudo apt-get install -y python3.11 python3.11-venv, or make test REFERENCE_PYTHON=/path/to/python3.11"
        ;;
    esac
done

if [ -n "$missing" ]; then
    echo "missing: $missing. To get it: $remedy"
    exit 1
fi
