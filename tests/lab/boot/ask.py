"""Asks a TPM for the key of a LUKS volume, by systemd's own plugin: `ask.py DISK TPM SIGNATURE`; 0 given, 1 refused.

The plugin of systemd 252 looks for a device file, unless the caller names another; cryptsetup's command line cannot.
"""

from __future__ import annotations

import ctypes
import sys

ANY_TOKEN = -1


class Parameters(ctypes.Structure):
    """`systemd_tpm2_plugin_params` of systemd 252."""

    _fields_ = (
        ("search_pcr_mask", ctypes.c_uint32),
        ("device", ctypes.c_char_p),
        ("signature_path", ctypes.c_char_p),
    )


def main(disk: str, tpm: str, signature: str) -> int:
    """Opens nothing: without a name cryptsetup only looks whether a keyslot takes the key."""
    library = ctypes.CDLL("libcryptsetup.so.12")
    handle = ctypes.c_void_p()
    if library.crypt_init(ctypes.byref(handle), disk.encode()) or library.crypt_load(handle, b"LUKS2", None):
        print("no LUKS volume", file=sys.stderr)
        return 2
    parameters = Parameters(0xFFFFFFFF, tpm.encode(), signature.encode())
    slot = library.crypt_activate_by_token_pin(
        handle, None, b"systemd-tpm2", ANY_TOKEN, None, ctypes.c_size_t(0), ctypes.byref(parameters), 0
    )
    print(slot)
    return 0 if slot >= 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
