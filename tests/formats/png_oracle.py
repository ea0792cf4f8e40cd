"""Compares our decoded PNGs with Pillow, and 16-bit ones with a decoder in plain Python.

Argument: a folder with `list.txt` (a line each: path of a PNG) and, for line N, what we
decoded: N.npy (indices kept) and N.rgb.npy (palette expanded).
"""
import pathlib
import struct
import sys
import zlib

import numpy as np
from PIL import Image


def chunks(data):
    at = 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at:at + 4])
        yield data[at + 4:at + 8], data[at + 8:at + 8 + length]
        at += 12 + length


def unfilter(raw, rows, row_bytes, step):
    out, previous, at = [], bytearray(row_bytes), 0
    for _ in range(rows):
        kind, line = raw[at], bytearray(raw[at + 1:at + 1 + row_bytes])
        at += 1 + row_bytes
        for i in range(row_bytes):
            a = line[i - step] if i >= step else 0
            b = previous[i]
            c = previous[i - step] if i >= step else 0
            if kind == 1:
                guess = a
            elif kind == 2:
                guess = b
            elif kind == 3:
                guess = (a + b) // 2
            elif kind == 4:
                p = a + b - c
                pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
                guess = a if pa <= pb and pa <= pc else b if pb <= pc else c
            else:
                guess = 0
            line[i] = (line[i] + guess) & 255
        out.append(bytes(line))
        previous = line
    return b"".join(out)


def plain_16_bit(data):
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", data[16:29])
    assert depth == 16 and interlace == 0
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    raw = zlib.decompress(b"".join(body for kind, body in chunks(data) if kind == b"IDAT"))
    pixels = unfilter(raw, height, width * channels * 2, channels * 2)
    return np.frombuffer(pixels, ">u2").reshape(height, width, channels)


def check(path, kept, expanded):
    data = path.read_bytes()
    depth, colour = data[24], data[25]
    picture = Image.open(path)
    if colour == 3:
        assert kept.shape[2] == 1
        assert np.array_equal(np.array(picture), kept[:, :, 0]), "palette indices"
        assert np.array_equal(np.array(picture.convert("RGB")), expanded), "palette colours"
        return
    assert np.array_equal(kept, expanded)
    if depth == 16:
        assert kept.dtype == np.uint16
        assert np.array_equal(plain_16_bit(data), kept), "16 bit against plain Python"
        if colour == 0:
            assert np.array_equal(np.array(picture), kept[:, :, 0]), "16 bit against Pillow"
        else:  # Pillow keeps the high bytes, and makes gray with alpha RGBA
            seen = np.array(picture)
            seen = seen[:, :, [0, 3]] if colour == 4 else seen
            assert np.array_equal(seen, kept >> 8), "high bytes against Pillow"
        return
    expected = np.array(picture).astype(np.uint8)
    if depth < 8:  # Pillow gives a bool or stretches to 255; we keep the numbers
        expected = expected if picture.mode == "1" else expected // (255 // (2**depth - 1))
    expected = expected.reshape(expected.shape[0], expected.shape[1], -1)
    assert np.array_equal(expected, kept)


def main():
    folder = pathlib.Path(sys.argv[1])
    paths = (folder / "list.txt").read_text().splitlines()
    assert paths
    for number, line in enumerate(paths):
        try:
            check(pathlib.Path(line), np.load(folder / f"{number}.npy"),
                  np.load(folder / f"{number}.rgb.npy"))
        except AssertionError as error:
            sys.exit(f"{line}: differs: {error}")
    print(f"{len(paths)} PNGs as Pillow reads them")


main()
