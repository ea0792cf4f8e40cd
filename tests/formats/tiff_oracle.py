"""TIFFs of every kind, and what is in them.

Pillow and tifffile write what they can; the rest (12 bits, planes in tiles, predictors, both
byte orders, BigTIFF) comes from a small writer below. Real files are read with tifffile, or
with Pillow where tifffile lacks the codec. Argument: a folder with list.txt (paths of real
files). Left there: cases.txt, a line each of
  "page", file, page, array (npy), array with the palette expanded (npy, or "-")
  "volume", file, array [frame][k][j][i][channel] (npy), spacing ("0.5,0.5,2" or "-")
  "refused", file, a word of the reason
"""
import pathlib
import struct
import sys
import zlib

import numpy as np
import tifffile
from PIL import Image

FOLDER = pathlib.Path(sys.argv[1])
cases = []
count = 0


def name(suffix=".tif"):
    global count
    count += 1
    return FOLDER / f"{count}{suffix}"


def kept(array):
    path = name(".npy")
    np.save(path, np.ascontiguousarray(array))
    return path.name


def page(path, array, index=0, colours=None):
    array = np.asarray(array)
    array = array.reshape(array.shape[0], array.shape[1], -1)
    array = array.astype(array.dtype.newbyteorder("<"))
    cases.append(("page", path, index, kept(array), "-" if colours is None else kept(colours)))


def volume(path, array, spacing="-"):
    array = np.asarray(array)
    cases.append(("volume", path, kept(array.astype(array.dtype.newbyteorder("<"))), spacing))


def refuse(path, why):
    cases.append(("refused", path, why))


# --- a writer -------------------------------------------------------------------------------

def packbits(data):
    out = bytearray()
    for at in range(0, len(data), 128):
        piece = data[at:at + 128]
        if len(set(piece)) == 1 and len(piece) > 1:
            out += bytes([257 - len(piece), piece[0]])
        else:
            out += bytes([len(piece) - 1]) + piece
    return bytes(out)


def pack_rows(rows, bits, order):
    """rows: (height, numbers); packed as TIFF has them, each row from a new byte on."""
    if bits in (8, 16, 32, 64):
        return rows.astype(rows.dtype.newbyteorder(order)).tobytes()
    if bits == 24:
        wide = rows.astype(order + "u4").view("u1").reshape(*rows.shape, 4)
        return np.ascontiguousarray(wide[..., :3] if order == "<" else wide[..., 1:]).tobytes()
    shifts = np.arange(bits - 1, -1, -1)
    each = (rows.astype(np.uint32)[..., None] >> shifts & 1).reshape(rows.shape[0], -1)
    return np.packbits(each.astype(np.uint8), axis=1).tobytes()


def predicted(block, predictor, order):
    """block: (height, width, samples)."""
    if predictor == 2:
        out = block.copy().view(f"u{block.dtype.itemsize}")
        out[:, 1:] = out[:, 1:] - out[:, :-1]
        return out
    if predictor == 3:
        height, width, samples = block.shape
        size = block.dtype.itemsize
        planes = block.astype(block.dtype.newbyteorder(">")).view("u1")
        planes = planes.reshape(height, width * samples, size).transpose(0, 2, 1)
        flat = planes.reshape(height, -1).astype("u1")
        out = flat.copy()
        out[:, samples:] = flat[:, samples:] - flat[:, :-samples]
        return out
    return block


def write(array, bits=None, order="<", big=False, tile=None, planar=False, compression=1,
          predictor=1, photometric=1, strip_rows=7, extra=(), fill_order=1, path=None):
    """array: (height, width, samples)."""
    array = np.asarray(array)
    if array.ndim == 2:
        array = array[:, :, None]
    height, width, samples = array.shape
    bits = bits or array.dtype.itemsize * 8
    kind = {"u": 1, "i": 2, "f": 3}[array.dtype.kind]
    planes = [array[:, :, i:i + 1] for i in range(samples)] if planar else [array]
    blocks = []
    for plane in planes:
        if tile:
            for y in range(0, height, tile):
                for x in range(0, width, tile):
                    part = plane[y:y + tile, x:x + tile]
                    blocks.append(np.pad(part, ((0, tile - part.shape[0]),
                                                (0, tile - part.shape[1]), (0, 0))))
        else:
            blocks += [plane[y:y + strip_rows] for y in range(0, height, strip_rows)]
    data = []
    for block in blocks:
        rows = predicted(block, predictor, order)
        rows = rows.reshape(rows.shape[0], -1)
        raw = rows.tobytes() if predictor == 3 else pack_rows(rows, bits, order)
        if compression in (8, 32946):
            raw = zlib.compress(raw)
        if compression == 32773:
            length = len(raw) // rows.shape[0]
            raw = b"".join(packbits(raw[at:at + length]) for at in range(0, len(raw), length))
        if fill_order == 2:
            raw = bytes(int(f"{byte:08b}"[::-1], 2) for byte in raw)
        data.append(raw)
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * samples),
            (259, 3, [compression]), (262, 3, [photometric]), (277, 3, [samples]),
            (284, 3, [2 if planar else 1]), (317, 3, [predictor]), (339, 3, [kind] * samples)]
    if samples > (3 if photometric in (2, 6) else 4 if photometric == 5 else 1):
        base = {2: 3, 5: 4}.get(photometric, 1)
        tags.append((338, 3, [0] * (samples - base)))
    if fill_order == 2:
        tags.append((266, 3, [2]))
    tags += extra
    if tile:
        tags += [(322, 3, [tile]), (323, 3, [tile]), (324, 16 if big else 4, None),
                 (325, 4, [len(raw) for raw in data])]
    else:
        tags += [(278, 4, [strip_rows]), (273, 16 if big else 4, None),
                 (279, 4, [len(raw) for raw in data])]
    return finish(tags, data, order, big, path)


def finish(tags, data, order, big, path):
    sizes = {1: "B", 2: "B", 3: "H", 4: "I", 5: "I", 16: "Q"}
    head = 16 if big else 8
    offsets = []
    body = b""
    for raw in data:
        offsets.append(head + len(body))
        body += raw + bytes(len(raw) % 2)
    entries = []
    for tag, kind, values in sorted(tags, key=lambda entry: entry[0]):
        values = offsets if values is None else list(values)
        number = len(values) // 2 if kind == 5 else len(values)
        packed = struct.pack(f"{order}{len(values)}{sizes[kind]}", *values)
        room = 8 if big else 4
        if len(packed) > room:
            place = head + len(body)
            body += packed + bytes(len(packed) % 2)
            packed = struct.pack(order + ("Q" if big else "I"), place)
        entries.append(struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, number)
                       + packed.ljust(room, b"\0"))
    directory = head + len(body)
    mark = b"II" if order == "<" else b"MM"
    header = mark + (struct.pack(order + "HHHQ", 43, 8, 0, directory) if big
                     else struct.pack(order + "HI", 42, directory))
    count = struct.pack(order + ("Q" if big else "H"), len(entries))
    path = path or name()
    path.write_bytes(header + body + count + b"".join(entries) + bytes(8 if big else 4))
    return path


def numbers(shape, dtype, bits=None, seed=5):
    random = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return (random.normal(0, 100, shape)).astype(dtype)
    bits = bits or dtype.itemsize * 8
    low = -(1 << bits - 1) if dtype.kind == "i" else 0
    high = (1 << (bits - 1 if dtype.kind == "i" else bits)) - 1
    if bits == 64:  # an Image holds what fits into 32 bits
        low, high = low >> 32, high >> 32
    array = random.integers(low, high, shape, dtype, endpoint=True)
    array[::3] = array[0, 0]  # something for the compressors
    return array


def as_read(array, bits):
    """The type that an Image has for it."""
    if array.dtype.kind == "u":
        wanted = "u1" if bits <= 8 else "u2" if bits <= 16 else "u4"
        return array.astype(wanted)
    return array.astype("i4") if array.dtype == np.int64 else array


def own_files():
    kinds = [(f"u{1 if bits <= 8 else 2}", bits) for bits in range(1, 17)]
    kinds += [("u4", 24), ("u4", 32), ("u8", 64), ("i1", 8), ("i2", 16), ("i4", 32), ("i8", 64),
              ("f2", 16), ("f4", 32), ("f8", 64)]
    for dtype, bits in kinds:
        for samples in 1, 3, 5:
            array = numbers((19, 23, samples), dtype, bits)
            for order in "<>":
                for tile, planar, compression in [(None, False, 1), (None, True, 8),
                                                  (16, False, 32773), (16, True, 1)]:
                    photometric = 2 if samples == 3 else 1
                    path = write(array, bits, order, order == ">" and tile is None, tile, planar,
                                 compression, photometric=photometric)
                    page(path, as_read(array, bits))
    for dtype in "u1", "u2", "u4", "u8", "i2":
        for samples in 1, 3:
            for order in "<>":
                for tile in None, 16:
                    array = numbers((21, 18, samples), dtype)
                    page(write(array, None, order, False, tile, False, 8, 2,
                               2 if samples == 3 else 1), as_read(array, array.dtype.itemsize * 8))
    for dtype in "f2", "f4", "f8":
        for samples in 1, 3:
            for tile in None, 16:
                array = numbers((21, 18, samples), dtype)
                page(write(array, None, "<>"[samples // 3], False, tile, False, 8, 3,
                           2 if samples == 3 else 1), array)
    array = numbers((9, 11, 1), "u1", 1)
    page(write(array, 1, fill_order=2), array)
    page(write(array, 1, fill_order=2, compression=32946), array)

    # Counted from white: 0 is black for us.
    for dtype, bits in ("u1", 1), ("u1", 4), ("u1", 8), ("u2", 12), ("u2", 16), ("u4", 32):
        array = numbers((9, 11, 1), dtype, bits)
        page(write(array, bits, photometric=0), array ^ array.dtype.type((1 << bits) - 1))
    array = numbers((9, 11, 1), "i2")
    page(write(array, photometric=0), array)

    # Palettes of 1 to 16 bits: indices, and colours.
    for bits in 1, 2, 4, 8, 16:
        array = numbers((9, 11, 1), "u2" if bits == 16 else "u1", bits)
        palette = np.random.default_rng(3).integers(0, 65536, (3, 1 << bits), np.uint16)
        path = write(array, bits, photometric=3, extra=[(320, 3, palette.reshape(-1).tolist())])
        page(path, array, 0, (palette[:, array[:, :, 0]] >> 8).transpose(1, 2, 0).astype(np.uint8))

    # Orientations, as Pillow turns them.
    array = numbers((6, 9, 3), "u1")
    turns = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1],
             4: lambda a: a[::-1], 5: lambda a: a.swapaxes(0, 1),
             6: lambda a: a[::-1].swapaxes(0, 1), 7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
             8: lambda a: a[:, ::-1].swapaxes(0, 1)}
    for orientation, turn in turns.items():
        path = write(array, photometric=2, extra=[(274, 3, [orientation])])
        seen = Image.open(path)
        seen.load()
        assert np.array_equal(np.asarray(seen), turn(array)), orientation
        page(path, turn(array))

    # Four inks.
    array = numbers((9, 11, 4), "u1")
    path = write(array, photometric=5)
    page(path, np.asarray(Image.fromarray(array, "CMYK").convert("RGB")))

    # u64 beyond 32 bits stays out of an Image, but not out of a Volume.
    array = np.full((3, 4, 1), 1 << 40, np.uint64)
    path = write(array)
    refuse(path, "32 bits")
    volume(path, array[None, None])

    small = numbers((4, 4, 1), "u1")
    refuse(write(small, compression=50001), "compression 50001 (WebP)")
    refuse(write(small, compression=34712), "JPEG 2000")
    refuse(write(small, photometric=8), "colours of kind 8")
    refuse(write(numbers((4, 4, 3), "u1"), photometric=6), "YCbCr")
    refuse(write(numbers((4, 4, 4), "u2"), photometric=5), "inks")
    refuse(write(numbers((4, 4, 33), "u1")), "channels")
    refuse(write(numbers((4, 4, 1), "u4"), 20), "20 bits")


def other_files():
    gray = numbers((40, 50, 1), "u1")
    rgb = numbers((40, 50, 3), "u1")
    bit = numbers((40, 50, 1), "u1", 1)
    smooth = (np.add.outer(np.arange(40), np.arange(50)) * 2).astype(np.uint8)
    for compression in "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "raw":
        for array, options in (gray, {}), (rgb, {}), (rgb, {"tiffinfo": {317: 2}}):
            path = name()
            Image.fromarray(array.squeeze()).save(path, compression=compression, **options)
            page(path, array)
    # Pillow reads its own LZW of 16 bits with a predictor, of floats too.
    for dtype in "u2", "i4", "f4":
        array = numbers((40, 50, 1), dtype)
        path = name()
        Image.fromarray(array.squeeze()).save(path, compression="tiff_lzw")
        page(path, array)
    path = name()
    Image.fromarray(bit.squeeze().astype(bool)).save(path, compression="group4")
    page(path, bit)
    for array in smooth, np.stack([smooth, smooth[::-1], smooth[:, ::-1]], -1):
        path = name()
        Image.fromarray(array).save(path, compression="jpeg", quality=90)
        page(path, np.asarray(Image.open(path)))
    # Half of the data, said to be all: never half a picture.
    for compression, image in [("tiff_lzw", gray), ("tiff_adobe_deflate", gray), ("packbits", gray),
                               ("zstd", gray), ("jpeg", smooth), ("group4", bit.astype(bool))]:
        path = name()
        Image.fromarray(image.squeeze()).save(path, compression=compression)
        with tifffile.TiffFile(path) as tiff:
            tag = tiff.pages[0].tags["StripByteCounts"]
            assert tag.count == 1 and tiff.byteorder == "<"
        data = bytearray(path.read_bytes())
        struct.pack_into("<H" if tag.dtype == 3 else "<I", data, tag.valueoffset, tag.value[0] // 2)
        path.write_bytes(data)
        refuse(path, "not a readable")
    path = name()
    Image.fromarray(bit.squeeze().astype(bool)).save(path, compression="group3")
    refuse(path, "CCITT fax")
    path = name()
    Image.fromarray(gray.squeeze()).save(path, compression="lzma")
    refuse(path, "LZMA")

    stack = numbers((6, 12, 15), "u2")
    for options in {}, {"compression": "zlib"}, {"bigtiff": True}, {"byteorder": ">"}, \
            {"tile": (16, 16)}:
        path = name()
        tifffile.imwrite(path, stack, photometric="minisblack", **options)
        volume(path, stack[None, ..., None])
        page(path, stack[4], 4)
    path = name()
    tifffile.imwrite(path, numbers((4, 12, 15, 3), "u1"), photometric="rgb")
    volume(path, numbers((4, 12, 15, 3), "u1")[None])
    path = name()
    tifffile.imwrite(path, stack[0])
    volume(path, stack[None, :1, ..., None])

    # ImageJ: T Z C Y X in the file; [frame][k][j][i][channel] for us.
    hyper = numbers((2, 3, 4, 10, 12), "u2")
    path = name()
    tifffile.imwrite(path, hyper, imagej=True, resolution=(4, 2),
                     metadata={"axes": "TZCYX", "spacing": 3.5, "unit": "mm"})
    volume(path, hyper.transpose(0, 1, 3, 4, 2), "0.25,0.5,3.5")
    path = name()
    tifffile.imwrite(path, stack, imagej=True, resolution=(1000, 2000),
                     metadata={"axes": "ZYX", "unit": "um"})
    volume(path, stack[None, ..., None], "1e-06,5e-07,0.001")
    path = name()
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TYX"})
    volume(path, stack[:, None, :, :, None])
    path = name()
    rgb_stack = numbers((3, 10, 12, 3), "u1")
    tifffile.imwrite(path, rgb_stack, imagej=True, metadata={"axes": "ZYXS"})
    volume(path, rgb_stack[None])
    path = name()
    tifffile.imwrite(path, stack[0], description="ImageJ=1.53\nimages=500\nslices=500\n",
                     metadata=None)
    cases.append(("no volume", path, "500 pictures"))

    # A pyramid and a transparency mask behind the picture are no pages.
    path = name()
    with tifffile.TiffWriter(path) as out:
        out.write(stack[0], metadata=None)
        out.write(stack[0][::2, ::2], subfiletype=1, metadata=None)
        out.write(stack[1], metadata=None)
        out.write(stack[1] > 9, subfiletype=4, photometric="mask", metadata=None)
    page(path, stack[0])
    page(path, stack[1], 1)
    volume(path, stack[None, :2, ..., None])
    path = name()
    with tifffile.TiffWriter(path) as out:
        out.write(stack[0], metadata=None)
        out.write(stack[0][:5], metadata=None)
    page(path, stack[0][:5], 1)
    cases.append(("no volume", path, "another size"))


def real_files():
    for line in (FOLDER / "list.txt").read_text().splitlines():
        path = pathlib.Path(line)
        with tifffile.TiffFile(path) as tiff:
            orientation = tiff.pages[0].tags.get("Orientation")
            for index, stored in enumerate(tiff.pages):
                try:
                    array = stored.asarray()
                except (ValueError, NotImplementedError, RuntimeError, AttributeError) as error:
                    print(f"{path.name}: tifffile cannot ({error}); Pillow is asked")
                    picture = Image.open(path)
                    picture.seek(index)
                    array = np.asarray(picture)
                    if picture.mode == "1":
                        array = array.astype(np.uint8)
                if array.dtype == bool:
                    array = array.astype(np.uint8)
                assert orientation is None or orientation.value == 1, path
                if stored.planarconfig == 2 and array.ndim == 3:
                    array = array.transpose(1, 2, 0)
                page(path, array, index)


own_files()
other_files()
real_files()
with open(FOLDER / "cases.txt", "w") as out:
    for case in cases:
        out.write("\t".join(str(field) for field in case) + "\n")
