"""format_sealed.py - what docs/format.md says of encryption, with the
XChaCha20-Poly1305 of libsodium (docs/format.md names the function)."""

import ctypes
import struct

MORE = 40  # bytes that sealed text has more: nonce and tag
sodium = ctypes.CDLL("libsodium.so.23")


def bound(letter, first=0, second=0):
    return struct.pack("<QQQ", ord(letter), first, second)


def opened(sealed, key, bound_to):
    """The text; None: it is not what was sealed with that key and that data."""
    if len(sealed) < MORE:
        return None
    nonce, text = sealed[:24], sealed[24:]
    room = ctypes.create_string_buffer(len(text))
    length = ctypes.c_ulonglong()
    failed = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        room,
        ctypes.byref(length),
        None,
        text,
        ctypes.c_ulonglong(len(text)),
        bound_to,
        ctypes.c_ulonglong(len(bound_to)),
        nonce,
        key,
    )
    return None if failed else room.raw[: length.value]
