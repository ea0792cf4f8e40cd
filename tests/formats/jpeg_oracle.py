"""Pillow writes JPEGs of every kind, and says what it sees in them and in real ones.

Argument: a folder with list.txt (paths of real files). Left there: cases.txt, a line each of
file, what is seen upright (npy), what is stored (npy), the orientation.
"""
import ctypes
import pathlib
import struct
import sys

import numpy as np
from PIL import Image, ImageOps

FOLDER = pathlib.Path(sys.argv[1])
cases = []


def expect(path, orientation=1):
    stored = Image.open(path)
    stored.load()
    mode = "L" if stored.mode == "L" else "RGB"
    upright = ImageOps.exif_transpose(stored).convert(mode)
    number = len(cases)
    for image, suffix in (upright, "upright"), (stored.convert(mode), "stored"):
        array = np.asarray(image)
        np.save(FOLDER / f"{number}.{suffix}.npy", array.reshape(array.shape[0], array.shape[1], -1))
    cases.append((path, f"{number}.upright.npy", f"{number}.stored.npy", orientation))


def picture(mode, size):
    """Smooth with an edge and some noise, so that the transform has all to do."""
    random = np.random.default_rng(size[0] * 1000 + size[1])
    y, x = np.mgrid[:size[1], :size[0]]
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    layers = [128 + 100 * np.sin(x / (5 + 3 * c) + y / (7 - c)) + random.normal(0, 8, x.shape)
              + 60 * (x + y > sum(size) / 2) for c in range(channels)]
    pixels = np.clip(np.stack(layers, -1), 0, 255).astype(np.uint8)
    pixels = pixels[:, :, 0] if channels == 1 else pixels
    return Image.fromarray(pixels, mode)


def save(image, **options):
    path = FOLDER / f"{len(cases)}.jpg"
    image.save(path, **options)
    return path


def exif(order, orientation, extra=b""):
    entries = [(271, 2, 4, b"abc\0"), (274, 3, 1, struct.pack(order + "HH", orientation, 0))]
    body = struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        body += struct.pack(order + "HHI", tag, kind, count) + value
    mark = b"II" if order == "<" else b"MM"
    return b"Exif\0\0" + mark + struct.pack(order + "HI", 42, 8) + body + bytes(4) + extra


for mode in "L", "RGB", "CMYK":
    for size in (1, 1), (8, 8), (17, 33), (100, 61):
        for quality in 30, 95:
            for progressive in False, True:
                for subsampling in (0, 1, 2) if mode == "RGB" else (-1,):
                    expect(save(picture(mode, size), quality=quality, progressive=progressive,
                                subsampling=subsampling, optimize=quality == 30))
for orientation in range(0, 10):
    for order in "<>":
        shown = orientation if 1 <= orientation <= 8 else 1
        for mode in "L", "RGB":
            expect(save(picture(mode, (24, 10)), exif=exif(order, orientation)), shown)
expect(save(picture("L", (20, 20)), exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
expect(save(picture("L", (20, 20)), exif=b"Exif\0\0"))
# What Pillow does not write: YCCK, and chroma at a half of the height or a quarter of the width.
turbo = ctypes.CDLL("libturbojpeg.so.0")
turbo.tjInitCompress.restype = ctypes.c_void_p
handle = ctypes.c_void_p(turbo.tjInitCompress())
for mode, pixel_format, subsamplings in ("CMYK", 11, (0, 2)), ("RGB", 0, (4, 5)):
    for subsampling in subsamplings:
        image = picture(mode, (51, 37))
        buffer = ctypes.POINTER(ctypes.c_ubyte)()
        size = ctypes.c_ulong(0)
        assert turbo.tjCompress2(handle, image.tobytes(), 51, 0, 37, pixel_format,
                                 ctypes.byref(buffer), ctypes.byref(size), subsampling, 90, 0) == 0
        path = FOLDER / f"{len(cases)}.jpg"
        path.write_bytes(ctypes.string_at(buffer, size.value))
        expect(path)
for line in (FOLDER / "list.txt").read_text().splitlines():
    expect(pathlib.Path(line), Image.open(line).getexif().get(274, 1))
with open(FOLDER / "cases.txt", "w") as out:
    for case in cases:
        out.write("\t".join(str(field) for field in case) + "\n")
