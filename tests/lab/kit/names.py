"""The name server of the friend's network, for one name; it runs on a guest: `names.py ADDRESS FILE`.

Every name has the address that stands in FILE, for a second.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

A = 1


def answer(question: bytes, address: str) -> bytes:
    """What RFC 1035 says to one question: a record of type A, or none of any other."""
    end = question.index(b"\0", 12) + 5
    found = int.from_bytes(question[end - 4 : end - 2], "big") == A
    record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(address) if found else b""
    return question[:2] + b"\x81\x80\0\1" + (b"\0\1" if found else b"\0\0") + bytes(4) + question[12:end] + record


def main(address: str, file: str) -> None:
    """Answer for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 53))
        while True:
            question, client = server.recvfrom(512)
            server.sendto(answer(question, Path(file).read_text().strip()), client)


if __name__ == "__main__":
    main(*sys.argv[1:])
