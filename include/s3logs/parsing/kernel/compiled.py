"""The compiled kernels as functions: built once for a processor, loaded in milliseconds.

Numba translates the kernels to LLVM's language, and LLVM to machine code, which is kept in a file. A process
that finds the file loads it in some milliseconds; Numba would take two seconds. The file's name tells
sources, versions, system and processor, so that a change of any of them builds anew. `make .venv` and the
image build do that ahead: python -m include.s3logs.parsing.kernel

Where nobody did, one process compiles and the others, the tasks of a new worker mostly, wait for its file.
"""

import ctypes
import fcntl
import hashlib
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

from llvmlite import binding

from include.s3logs.parsing.kernel.layout import ARGUMENTS
from include.s3logs.stores.user_cache import user_cache

log = logging.getLogger(__name__)
SOURCES = ("layout", "machine", "fields", "scan", "repeats", "rows", "build")
PROCESSOR = "NUMBA_CPU_NAME"  # Numba heeds it, too
_HERE = Path(__file__).parent
_LOADING = Lock()
_DIGEST = hashlib.sha256().digest_size  # bytes at the end of the file: LLVM does not survive damaged code


def kernels() -> Any:
    """Return the kernels, by name: each takes addresses and numbers, and returns a number."""
    with _LOADING:  # of two that were loaded at once, one would go away while it is at work
        return _all_kernels()


@cache
def _all_kernels() -> Any:
    return _loaded(_folders())


def _loaded(folders: Sequence[Path], compiled: Callable[[], bytes] | None = None) -> Any:
    code = _kept(folders) or _kept_or_built(folders, compiled)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), _machine())
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    functions = {name: _function(engine.get_function_address(name), n) for name, n in ARGUMENTS.items()}
    return SimpleNamespace(**functions, engine=engine)  # the engine owns the code


def _kept_or_built(folders: Sequence[Path], compiled: Callable[[], bytes] | None) -> bytes:
    with _one_at_a_time(folders):
        if (code := _kept(folders)) is not None:  # by the one before
            return code
        log.warning("The parser's kernels are compiled now; do it ahead by: python -m %s", __package__)
        return build(folders, compiled)


def build(folders: Sequence[Path] | None = None, compiled: Callable[[], bytes] | None = None) -> bytes:
    """Compile the kernels, keep the code for later processes in the first folder that can be, return it."""
    code = (compiled or _compiled)()
    for folder in _folders() if folders is None else folders:
        temporary = folder / f"{_name()}.{secrets.token_hex(4)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(code + hashlib.sha256(code).digest())
            temporary.replace(folder / _name())
        except OSError as error:
            log.warning("The compiled kernels cannot be kept in %s: %s", folder, error)
        else:
            break
    return code


def _compiled() -> bytes:
    from include.s3logs.parsing.kernel.build import module  # noqa: PLC0415 (loads Numba)

    code: bytes = _machine().emit_object(module())
    return code


@contextmanager
def _one_at_a_time(folders: Sequence[Path]) -> Iterator[None]:
    """Wait for the other processes that would keep code here; where none can, there is nothing to wait for.

    The lock is the system's, on the folder itself: it leaves nothing, and goes with the process.
    """
    with ExitStack() as stack:
        for folder in folders:
            with suppress(OSError):  # it may not be written, or its file system has no locks
                folder.mkdir(parents=True, exist_ok=True)
                if os.access(folder, os.W_OK):
                    descriptor = os.open(folder, os.O_RDONLY)
                    stack.callback(os.close, descriptor)
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                    break
        yield


def _kept(folders: Sequence[Path]) -> bytes | None:
    for folder in folders:
        with suppress(OSError):
            kept = (folder / _name()).read_bytes()
            code, digest = kept[:-_DIGEST], kept[-_DIGEST:]
            if hashlib.sha256(code).digest() == digest:
                return code
            log.warning("The compiled kernels kept in %s are not whole", folder)
    return None


def _folders() -> list[Path]:
    """Return where the code may be kept: beside the sources, or in the user's cache."""
    cache = user_cache()
    return [_HERE / "__pycache__", *([cache] if cache else [])]


@cache
def _name(sources: Path = _HERE, version: Callable[[str], str] = version) -> str:
    """Return the name of the file: it tells everything that the code depends on."""
    system = os.uname()  # a folder may be shared by machines of more than one kind
    told = [system.sysname, system.machine, *_processor(), version("numba"), version("llvmlite")]
    digest = hashlib.sha256("\n".join(told).encode())
    for source in SOURCES:
        digest.update((sources / f"{source}.py").read_bytes())
    return f"kernels-{digest.hexdigest()[:16]}.o"


def _processor() -> tuple[str, str]:
    """Return the processor that code is made for, and its features; `generic` is every one of a kind."""
    name = os.environ.get(PROCESSOR)
    if name:
        return name, ""
    return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()


def _machine() -> Any:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    name, features = _processor()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(cpu=name, features=features, opt=3, jit=True, codemodel="jitdefault")


def _function(address: int, arguments: int) -> Callable[..., int]:
    """Return a kernel as a function, called as Numba calls its own: results and errors come by reference."""
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * arguments)
    function = kind(address)

    def call(*values: int) -> int:
        result, error = ctypes.c_int64(), ctypes.c_void_p()  # of this call: other threads call meanwhile
        function(ctypes.addressof(result), ctypes.addressof(error), *values)
        return result.value

    return call
