#!/usr/bin/env python3
"""A second reader of slicebank records, written from docs/format-record.md alone.

    read_record.py WRITE_RECORDS DIR

runs the tool WRITE_RECORDS, which writes records and what is in them to DIR, reads the
records and compares. Needs nothing but the shared libraries of zstd and XXH3. Exit code
77: these are not there. The wave section has a page and tests of its own.
"""

import ctypes
import json
import pathlib
import struct
import subprocess
import sys

PIXEL_TYPES = {1: ("u8", 1), 2: ("i8", 1), 3: ("u16", 2), 4: ("i16", 2), 5: ("u32", 4),
               6: ("i32", 4), 7: ("f16", 2), 8: ("f32", 4), 9: ("f64", 8)}
AXES = {1: "2d", 2: "x", 3: "y", 4: "z"}
RAW, ZSTD, WAVE, UPDELTA, TINY, PLANES, MAPPED = range(1, 8)


class Damaged(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Damaged(what)


class Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


class Libraries:
    """zstd and XXH3 through their C interfaces."""

    MAGICLESS = (1000, 1)  # ZSTD_d_format, ZSTD_f_zstd1_magicless

    def __init__(self):
        self.zstd = ctypes.CDLL("libzstd.so.1")
        self.xxhash = ctypes.CDLL("libxxhash.so.0")
        self.zstd.ZSTD_createDCtx.restype = ctypes.c_void_p
        self.zstd.ZSTD_DCtx_setParameter.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        self.zstd.ZSTD_DCtx_setParameter.restype = ctypes.c_size_t
        self.zstd.ZSTD_decompressDCtx.argtypes = [ctypes.c_void_p, ctypes.c_char_p,
                                                  ctypes.c_size_t, ctypes.c_char_p,
                                                  ctypes.c_size_t]
        self.zstd.ZSTD_decompressDCtx.restype = ctypes.c_size_t
        self.xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self.xxhash.XXH3_64bits.restype = ctypes.c_uint64
        self.xxhash.XXH3_128bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self.xxhash.XXH3_128bits.restype = Hash128
        self.plain = self.zstd.ZSTD_createDCtx()
        self.magicless = self.zstd.ZSTD_createDCtx()
        self.zstd.ZSTD_DCtx_setParameter(self.magicless, *self.MAGICLESS)

    def decompress(self, frame, size, magicless=True):
        context = self.magicless if magicless else self.plain
        out = ctypes.create_string_buffer(max(size, 1))
        got = self.zstd.ZSTD_decompressDCtx(context, out, size, frame, len(frame))
        check(got == size, "a frame does not give what it should")
        return out.raw[:size]

    def hash64(self, data):
        return self.xxhash.XXH3_64bits(data, len(data))

    def hash128(self, data):
        value = self.xxhash.XXH3_128bits(data, len(data))
        return value.high << 64 | value.low


class Reader:
    """Reads from front to back."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, size):
        check(self.at + size <= len(self.data), "ends too early")
        taken = self.data[self.at:self.at + size]
        self.at += size
        return taken

    def u8(self):
        return self.take(1)[0]

    def unpack(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def varint(self):
        value = 0
        for place in range(10):
            byte = self.u8()
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                check(byte != 0 or place == 0, "a varint is not in its shortest form")
                check(value < 1 << 64, "a varint is too long")
                return value
        raise Damaged("a varint is too long")

    def rest(self):
        return self.take(len(self.data) - self.at)

    def expect_end(self):
        check(self.at == len(self.data), "bytes are left over")


def unzigzag(value):
    return value >> 1 if value % 2 == 0 else -(value + 1) // 2


HEADER = struct.Struct("<4sHHBBBBIIIIIIIII16s16sQQQQQQ")
HEADER_NAMES = ("magic version flags pixel_type image_codec axis channels height width annotations "
                "slice_index dictionary_id dictionary_check meta_bytes masks_bytes image_bytes "
                "image_content masks_content meta_hash masks_hash image_hash sample_id volume_id "
                "header_hash").split()


def read_header(libraries, record, uuid):
    check(HEADER.size == 128 and len(record) >= 128, "no header")
    header = dict(zip(HEADER_NAMES, HEADER.unpack(record[:128])))
    check(header["magic"] == b"SLBR", "no record")
    check(header["header_hash"] == libraries.hash64(uuid + record[:120]), "header hash")
    check(header["version"] == 1 and header["flags"] == 0, "version or flags")
    sizes = [header[name + "_bytes"] for name in ("meta", "masks", "image")]
    check(128 + sum(sizes) == len(record), "sizes of the sections")
    sections = {}
    at = 128
    for name, size in zip(("meta", "masks", "image"), sizes):
        sections[name] = record[at:at + size]
        check(header[name + "_hash"] == libraries.hash64(sections[name]), name + " hash")
        at += size
    for name in ("image_content", "masks_content"):
        header[name] = int.from_bytes(header[name], "little")
    return header, sections


def read_meta(header, section):
    reader = Reader(section)
    name = reader.take(reader.varint()).decode()
    entries = []
    class_id, raw_class, source_value = 0, 0, 255
    for _ in range(header["annotations"]):
        form = reader.u8()
        kind, encoding = form & 3, form >> 2 & 3
        check(form < 0x40 and kind in (1, 2) and (kind == 1) == (encoding != 0), "form")
        same_class, usual = form & 0x10, form & 0x20
        if not same_class:
            class_id, raw_class = reader.varint(), reader.varint()
        check(class_id > 0, "class")
        entry = {"kind": "mask" if kind == 1 else "label", "class": class_id,
                 "raw_class": raw_class, "instance": 0, "source_value": 0, "area": 0,
                 "box": [0, 0, 0, 0], "value_bits": "%016x" % 0}
        if kind == 2:
            bits = 0x3FF0000000000000 if usual else reader.unpack("Q")
            entry["value_bits"] = "%016x" % bits
        else:
            entry["instance"] = reader.varint()
            if not usual:
                source_value = reader.u8()
            entry["source_value"] = source_value
            if encoding != 1:
                x0, y0, width, height, area = (reader.varint() for _ in range(5))
                entry["box"] = [x0, y0, x0 + width, y0 + height]
                entry["area"] = area
                check(x0 + width <= header["width"] and y0 + height <= header["height"], "box")
        entries.append((entry, encoding))
    reader.expect_end()
    return name, entries


def read_runs(header, entry, counts, ends, mask):
    width = header["width"]
    _, y0, _, y1 = entry["box"]
    above = None
    for y in range(y0, y1):
        runs = counts.varint()
        if above is not None and len(above) == 2 * runs:
            edges = [edge + unzigzag(ends.varint()) for edge in above]
        else:
            edges = []
            for _ in range(2 * runs):
                edges.append((edges[-1] if edges else 0) + ends.varint())
        check(all(a < b for a, b in zip(edges, edges[1:])), "order of runs")
        check(not edges or 0 <= edges[0] and edges[-1] <= width, "runs outside")
        for start, end in zip(edges[::2], edges[1::2]):
            mask[y * width + start:y * width + end] = b"\1" * (end - start)
        above = edges


def read_bits(header, entry, ends, mask):
    first = entry["box"][1] * header["width"]
    pixels = entry["box"][3] * header["width"] - first
    bits = ends.take((pixels + 7) // 8)
    for i in range(pixels):
        mask[first + i] = bits[i // 8] >> (i % 8) & 1


def read_masks(libraries, header, entries, section):
    reader = Reader(section)
    masks = [(entry, encoding, bytearray(header["height"] * header["width"]))
             for entry, encoding in entries if entry["kind"] == "mask"]
    stored = [mask for mask in masks if mask[1] != 1]
    for first in range(0, len(stored), 64):
        counts_bytes, ends_bytes, frame_bytes = reader.varint(), reader.varint(), reader.varint()
        size = counts_bytes + ends_bytes
        content = (libraries.decompress(reader.take(frame_bytes), size)
                   if frame_bytes else reader.take(size))
        counts, ends = Reader(content[:counts_bytes]), Reader(content[counts_bytes:])
        for entry, encoding, mask in stored[first:first + 64]:
            if encoding == 2:
                read_runs(header, entry, counts, ends, mask)
            else:
                read_bits(header, entry, ends, mask)
        counts.expect_end()
        ends.expect_end()
    reader.expect_end()
    for entry, _, mask in masks:
        check(sum(mask) == entry["area"], "area")
        rows = [mask[at:at + header["width"]] for at in range(0, len(mask), header["width"])]
        used = [y for y, row in enumerate(rows) if any(row)]
        columns = [x for x in range(header["width"]) if any(row[x] for row in rows)]
        box = [columns[0], used[0], columns[-1] + 1, used[-1] + 1] if used else [0, 0, 0, 0]
        check(box == entry["box"], "box")
    return [bytes(mask) for _, _, mask in masks]


def annotations_hash(libraries, entries, masks):
    labels = [entry for entry, _ in entries if entry["kind"] == "label"]
    data = [struct.pack("<QQ", len(masks), len(labels))]
    for (entry, _), mask in zip(entries, masks):
        data.append(struct.pack("<IIQQ", entry["instance"], entry["source_value"], len(mask),
                                entry["area"]))
        start = mask.find(1)
        while start >= 0:
            end = mask.find(0, start)
            end = len(mask) if end < 0 else end
            data.append(struct.pack("<II", start, end))
            start = mask.find(1, end)
    data += [struct.pack("<Q", int(label["value_bits"], 16)) for label in labels]
    return libraries.hash128(b"".join(data))


def read_delta(libraries, kind, height, width, channels, section):
    name, size = PIXEL_TYPES[kind]
    reader = Reader(section)
    transform = reader.u8()
    planes = 1 if transform == 3 else channels
    biases = [reader.unpack("H") for _ in range(planes)] if size == 2 else [0] * planes
    pixels = height * width
    content = libraries.decompress(reader.rest(), planes * pixels * size)
    values = []
    for plane in range(planes):
        row = [biases[plane]] * width
        for i in range(plane * pixels, (plane + 1) * pixels):
            if size == 2:
                difference = unzigzag(content[i] | content[planes * pixels + i] << 8)
            else:
                difference = content[i]
            row[i % pixels % width] = (row[i % pixels % width] + difference) % (1 << 8 * size)
            values.append(row[i % pixels % width])
    out = bytearray()
    for i in range(pixels):
        if transform == 2:
            green, red, blue = values[i], values[pixels + i], values[2 * pixels + i]
            sample = [(red + green) % 256, green, (blue + green) % 256]
        else:
            sample = [values[(0 if transform == 3 else c) * pixels + i] for c in range(channels)]
        for value in sample:
            out += (value ^ (0x80 if name == "i8" else 0)).to_bytes(size, "little")
    return bytes(out)


def from_ordered(value, bits):
    top = 1 << (bits - 1)
    return value ^ top if value & top else value ^ ((1 << bits) - 1)


def read_planes(libraries, kind, height, width, channels, section):
    name, size = PIXEL_TYPES[kind]
    pixels, samples = height * width, height * width * channels
    reader = Reader(section)
    lengths = [reader.varint() for _ in range(size)]
    planes = [libraries.decompress(reader.take(length), samples) if length
              else reader.take(samples) for length in lengths]
    reader.expect_end()
    out = bytearray(samples * size)
    for channel in range(channels):
        row = [0] * width
        for i in range(pixels):
            coded = sum(plane[channel * pixels + i] << 8 * b for b, plane in enumerate(planes))
            row[i % width] = (row[i % width] + unzigzag(coded)) % (1 << 8 * size)
            value = row[i % width]
            if name.startswith("f"):
                value = from_ordered(value, 8 * size)
            at = (i * channels + channel) * size
            out[at:at + size] = value.to_bytes(size, "little")
    return bytes(out)


def read_mapped(libraries, kind, height, width, channels, section):
    reader = Reader(section)
    mapping, codec = reader.u8(), reader.u8()
    bias = reader.unpack("q") if mapping == 1 else 0
    inner = read_image(libraries, codec, 8 if mapping == 3 else 3, height, width, channels,
                       reader.rest())
    if inner is None:
        return None
    if mapping == 3:
        return b"".join(struct.pack("<d", *struct.unpack_from("<f", inner, at))
                        for at in range(0, len(inner), 4))
    values = struct.unpack("<%dH" % (len(inner) // 2), inner)
    if mapping == 2:
        return struct.pack("<%dH" % len(values), *(from_ordered(value, 16) for value in values))
    form = {5: "I", 6: "i", 8: "f", 9: "d"}[kind]
    return struct.pack("<%d%s" % (len(values), form), *(bias + value for value in values))


def read_image(libraries, codec, kind, height, width, channels, section):
    """The pixels; None for the wave codec."""
    shape = kind, height, width, channels
    if codec == RAW:
        return section
    if codec == ZSTD:
        return libraries.decompress(section, height * width * channels * PIXEL_TYPES[kind][1],
                                    magicless=False)
    if codec in (UPDELTA, TINY):
        return read_delta(libraries, *shape, section)
    if codec == PLANES:
        return read_planes(libraries, *shape, section)
    if codec == MAPPED:
        return read_mapped(libraries, *shape, section)
    check(codec == WAVE, "unknown codec")
    return None


def compare(libraries, path):
    """Reads one record; returns what differs from what the writer says is in it."""
    expected = json.loads(path.with_suffix(".json").read_text())
    header, sections = read_header(libraries, path.read_bytes(), bytes(expected["bank_uuid"]))
    name, entries = read_meta(header, sections["meta"])
    masks = read_masks(libraries, header, entries, sections["masks"])
    pixels = path.with_suffix(".pixels").read_bytes()
    image = read_image(libraries, header["image_codec"], header["pixel_type"], header["height"],
                       header["width"], header["channels"], sections["image"])
    shape = struct.pack("<IIII", header["pixel_type"], header["height"], header["width"],
                        header["channels"])
    found = {key: header[key] for key in
             ("sample_id", "volume_id", "slice_index", "height", "width", "channels")}
    found.update(bank_uuid=expected["bank_uuid"], axis=AXES[header["axis"]], name=name,
                 pixel_type=PIXEL_TYPES[header["pixel_type"]][0],
                 image_hash="%032x" % libraries.hash128(shape + (image or pixels)),
                 annotations_hash="%032x" % annotations_hash(libraries, entries, masks),
                 annotations=[entry for entry, _ in entries])
    differences = [key for key in expected if expected[key] != found.get(key)]
    if "%032x" % header["image_content"] != expected["image_hash"]:
        differences.append("image_content")
    if "%032x" % header["masks_content"] != expected["annotations_hash"]:
        differences.append("masks_content")
    if image is not None and image != pixels:
        differences.append("pixels")
    if b"".join(masks) != path.with_suffix(".masks").read_bytes():
        differences.append("masks")
    return differences


def main():
    tool, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    try:
        libraries = Libraries()
    except OSError as error:
        print("SKIPPED:", error)
        return 77
    subprocess.run([tool, directory], check=True)
    failures = 0
    paths = sorted(directory.glob("*.record"))
    for path in paths:
        try:
            differences = compare(libraries, path)
        except Damaged as error:
            differences = [str(error)]
        if differences:
            failures += 1
            print("%s: %s" % (path.name, ", ".join(differences)))
    print("%d records, %d read otherwise than written" % (len(paths), failures))
    return 1 if failures or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
