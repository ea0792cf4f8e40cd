"""huge.npz: 3 GiB of pages whose first byte is their number, in 3 MB.

Only the first 40 pages differ; the rest repeats one deflated page, so that it is quick. The
checksum is left out: nobody reads to the end.
"""
import io
import pathlib
import struct
import sys
import zlib

import numpy as np

ROWS = 3072
PAGE = 1 << 20
text = io.BytesIO()
np.lib.format.write_array_header_1_0(
    text, {"descr": "|u1", "fortran_order": False, "shape": (ROWS, 1024, 1024)})
pages = text.getvalue() + b"".join(bytes([number]) + bytes(PAGE - 1) for number in range(40))


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


body = deflated(pages) + deflated(bytes(PAGE)) * (ROWS - 40) + b"\x03\x00"
size = len(pages) + (ROWS - 40) * PAGE
name = b"train_images.npy"
local = struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, 0, 8, 0, 0, 0, len(body), size, len(name),
                    0) + name
entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 20, 20, 0, 8, 0, 0, 0, len(body), size,
                    len(name), 0, 0, 0, 0, 0, 0) + name
end = struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 1, 1, len(entry), len(local) + len(body), 0)
(pathlib.Path(sys.argv[1]) / "huge.npz").write_bytes(local + body + entry + end)
