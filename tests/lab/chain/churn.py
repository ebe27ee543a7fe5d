"""A day of changes in a filesystem, at random, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

FILES = ("a", "b", "c", "d/e", "d/f")
CHANGES = 12


def day(tree: str, seed: int) -> str:
    """A shell script; what cannot be done just then is not done."""
    random = Random(seed)
    changes = [random.choice(_KINDS)(random) for _ in range(CHANGES)]
    record, compression = random.choice(("4K", "16K", "128K", "1M")), random.choice(("off", "lz4", "zstd", "gzip"))
    settings = f"zfs set recordsize={record} compression={compression} dnodesize={random.choice(('legacy', 'auto'))}"
    return "\n".join((f"{settings} {tree}", f"cd /{tree}; mkdir -p d", *changes, "zpool sync tank"))


def _write(random: Random) -> str:
    size, at = random.randrange(1, 400_000), random.randrange(0, 2_000_000)
    of = f"dd of={random.choice(FILES)} bs=64K oflag=seek_bytes seek={at} conv=notrunc status=none"
    return f"head -c {size} /dev/urandom | {of}"


def _text(random: Random) -> str:
    return f"yes {random.random()} | head -c {random.randrange(1, 300_000)} >{random.choice(FILES)}"


def _truncate(random: Random) -> str:
    return f"truncate -s {random.randrange(0, 3_000_000)} {random.choice(FILES)}"


def _remove(random: Random) -> str:
    return f"rm -f {random.choice(FILES)}"


def _rename(random: Random) -> str:
    return f"mv -f {' '.join(random.sample(FILES, 2))} 2>/dev/null || true"


def _link(random: Random) -> str:
    return f"ln -f {' '.join(random.sample(FILES, 2))} 2>/dev/null || true"


def _mark(random: Random) -> str:
    """An attribute that may be so long that it takes a block of its own."""
    size = random.choice((10, 1000, 40_000))
    set_it = f'os.setxattr("{random.choice(FILES)}", "user.mark", b"x" * {size})'
    return f"python3 -c 'import os; {set_it}' 2>/dev/null || true"


def _many(random: Random) -> str:
    """Small files come and go: their numbers are used again."""
    first = random.randrange(100)
    return f"rm -f small*; for i in $(seq {first} {first + 40}); do echo $i >small$i; done"


_KINDS: tuple[Callable[[Random], str], ...] = (_write, _text, _truncate, _remove, _rename, _link, _mark, _many)
