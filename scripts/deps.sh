#!/bin/sh
# Finds the two native parts that the build needs and writes them to .cargo/config.toml, so that a plain cargo build finds
# them too: V8's static library (RUSTY_V8_ARCHIVE, else ../shared/v8, else one that scripts/v8 built before, else the v8
# crate's own download, else one built now) and libclang, which bindgen loads (the system's, else a pinned wheel unpacked into
# the user's cache folder).
# The file is only rewritten when its content changes: a changed variable makes cargo build V8's crates again.
set -eu
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hoist/build
libclang_version=18.1.1

v8=${RUSTY_V8_ARCHIVE:-}
if [ -z "$v8" ]; then
    for found in ../shared/v8/librusty_v8_simdutf_release_"$(rustc -vV | sed -n 's/^host: //p')".a.gz; do
        [ -f "$found" ] && v8=$(cd "$(dirname "$found")" && pwd)/$(basename "$found")
    done
fi
if [ -z "$v8" ] && ! v8=$(python3 scripts/v8/build.py find) && ! python3 scripts/v8/build.py answers; then
    echo "V8's library is neither here nor to be downloaded: building it from the v8 crate's source" >&2
    v8=$(python3 scripts/v8/build.py build)
fi

system_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    command -v llvm-config >/dev/null 2>&1 && ls "$(llvm-config --libdir)"/libclang.so* >/dev/null 2>&1 && return 0
    for folder in /usr/lib /usr/lib64 /usr/lib/*-linux-gnu /usr/lib/llvm*/lib /usr/local/lib; do
        for library in "$folder"/libclang.so "$folder"/libclang.so.* "$folder"/libclang-[0-9]*.so*; do
            [ -e "$library" ] && return 0
        done
    done
    [ "$(uname -s)" = Darwin ]
}

libclang=${LIBCLANG_PATH:-}
if ! system_libclang; then
    libclang=$cache/libclang-$libclang_version
    if [ ! -d "$libclang/clang/native" ]; then
        echo "no libclang on this system: installing the wheel libclang $libclang_version under $cache" >&2
        mkdir -p "$cache"
        scratch=$(mktemp -d "$cache/libclang.XXXXXX")
        python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
            --target "$scratch" "libclang==$libclang_version"
        mv "$scratch" "$libclang" 2>/dev/null || rm -rf "$scratch"
    fi
    libclang=$libclang/clang/native
fi

mkdir -p .cargo
{
    echo "# Written by scripts/deps.sh; change that instead."
    echo "[env]"
    [ -z "$v8" ] || echo "RUSTY_V8_ARCHIVE = \"$v8\""
    if [ -n "$libclang" ]; then
        echo "LIBCLANG_PATH = \"$libclang\""
        echo "BINDGEN_EXTRA_CLANG_ARGS = \"-I$(cc -print-file-name=include)\""
    fi
} > .cargo/config.toml.new
if cmp -s .cargo/config.toml.new .cargo/config.toml; then rm .cargo/config.toml.new; else mv .cargo/config.toml.new .cargo/config.toml; fi
