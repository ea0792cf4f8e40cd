#!/usr/bin/env python3
"""Small files that claim to hold very much, one folder each, beside a good file:

    python3 tests/hostile/bombs.py OUT

Needs nothing but Python itself. OUT/expected.json lists the folders: the layout to import each
with, and the file that has to be refused. Most claim 100 GB in 1 MB; those named *-short stay within every limit, and claim about
1 GB that is not there.
"""

import bz2
import gzip
import json
import pathlib
import struct
import sys
import zipfile
import zlib

HUGE = 100_000_000_000
SIDE_3D = 4642  # its cube is HUGE
SIDE_2D = 316_228  # its square is HUGE
ZEROS = 960 << 20  # what deflate presses into about 1 MB

cases = []


def packed_zeros():
    """ZEROS zeros as whole deflate blocks that need nothing before them and can stand anywhere."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    once = packer.compress(bytes(ZEROS // 60)) + packer.flush(zlib.Z_FULL_FLUSH)
    return once * 60


PACKED = packed_zeros()


def crc_after_zeros(crc, count):
    """CRC-32 of what `crc` is of, and then `count` zeros: times x^(8 count)."""
    def times(a, b):
        product = 0
        for bit in range(31, -1, -1):
            if a >> bit & 1:
                product ^= b
            b = b >> 1 ^ (0xedb88320 if b & 1 else 0)
        return product
    power, factor = 0x80000000, 0x00800000
    while count:
        if count & 1:
            power = times(power, factor)
        factor = times(factor, factor)
        count >>= 1
    return times(crc ^ 0xffffffff, power) ^ 0xffffffff


def raw_stream(begin):
    """A deflate stream of `begin` and then ZEROS zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(begin) + packer.flush(zlib.Z_FULL_FLUSH) + PACKED + b"\3\0"


def gzip_stream(begin=b""):
    crc = crc_after_zeros(zlib.crc32(begin), ZEROS)
    return (b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + raw_stream(begin) +
            struct.pack("<II", crc, (len(begin) + ZEROS) & 0xffffffff))


def zlib_stream():
    return b"\x78\xda" + raw_stream(b"") + struct.pack(">HH", ZEROS % 65521, 1)


ZLIB = zlib_stream()


def case(root, name, layout, good, bomb, more=(), exit_code=3):
    """`good` and `bomb` are (path, bytes)."""
    for path, data in [good, bomb, *more]:
        target = root / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    cases.append({"root": name, "layout": layout, "bomb": bomb[0], "exit": exit_code})


def nifti(sides):
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, *sides, 1, 1, 1, 1)
    struct.pack_into("<hh", head, 70, 2, 8)
    struct.pack_into("<8f", head, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<f", head, 108, 352)
    head[344:348] = b"n+1\0"
    return bytes(head)


def nifti_2(sides, datatype=2, bits=8):
    head = bytearray(544)
    struct.pack_into("<i", head, 0, 540)
    head[4:12] = b"n+2\0\r\n\x1a\n"
    struct.pack_into("<hh8q", head, 12, datatype, bits, 3, *sides, 1, 1, 1, 1)
    struct.pack_into("<8d", head, 104, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<q", head, 168, 544)
    return bytes(head)


def npy(shape, data=b""):
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': %r, }" % (tuple(shape),)
    text += " " * (63 - (10 + len(text)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def npz(members, deflated=False):
    """members: [(key, npy bytes)]"""
    import io
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as z:
        for key, data in members:
            z.writestr(zipfile.ZipInfo(key + ".npy"), data)
    return out.getvalue()


def npz_claiming(members):
    """members: [(key, raw deflate stream, size that the directory claims)], with zip64 sizes."""
    body, directory = b"", b""
    for key, stream, size in members:
        name = (key + ".npy").encode()
        extra = struct.pack("<HHQQ", 1, 16, size, len(stream))
        crc = zlib.crc32(zlib.decompress(stream, -15)) if len(stream) < 10_000 else 0
        shared = struct.pack("<HHHHIIIHH", 0, 8, 0, 33, crc, 0xffffffff, 0xffffffff, len(name),
                             len(extra))
        directory += (struct.pack("<IHH", 0x02014b50, 45, 45) + shared +
                      struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name + extra)
        body += struct.pack("<IH", 0x04034b50, 45) + shared + name + extra + stream
    end = struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, len(members), len(members), len(directory),
                      len(body), 0)
    return body + directory + end


def deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, pixels, more=b"", depth=8, colour=0):
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)) + more +
            chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


GOOD_PNG = png(8, 8, zlib.compress(b"".join(b"\0" + bytes(range(8)) for _ in range(8))))


def tiff(pages, strip):
    """pages: [(width, height, compression)]; all of them share one strip."""
    out = struct.pack("<2sHI", b"II", 42, 8 + len(strip)) + strip
    for number, (width, height, compression) in enumerate(pages):
        entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression),
                   (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height),
                   (279, 4, 1, len(strip))]
        out += struct.pack("<H", len(entries))
        for entry in entries:
            out += struct.pack("<HHII", *entry)
        last = number + 1 == len(pages)
        out += struct.pack("<I", 0 if last else len(out) + 4)
    return out


def jpeg(width, height):
    return (b"\xff\xd8" + b"\xff\xdb" + struct.pack(">HB", 67, 0) + bytes([1] * 64) +
            b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) +
            b"\x01\x11\x00\x02\x11\x00\x03\x11\x00" +
            b"\xff\xc4" + struct.pack(">HB", 20, 0) + bytes([1] + [0] * 15) + b"\x00" +
            b"\xff\xc4" + struct.pack(">HB", 20, 16) + bytes([1] + [0] * 15) + b"\x00" +
            b"\xff\xda" + struct.pack(">HB", 12, 3) + b"\x01\x00\x02\x00\x03\x00\x00\x3f\x00" +
            bytes(1 << 20) + b"\xff\xd9")


def metaimage(sides, data, compressed):
    return ("ObjectType = Image\nNDims = 3\nDimSize = %d %d %d\nElementType = MET_UCHAR\n"
            "ElementSpacing = 1 1 1\nBinaryData = True\nCompressedData = %s\n"
            "ElementDataFile = LOCAL\n" % (*sides, compressed)).encode() + data


def nrrd(sides, encoding, data):
    return ("NRRD0004\ntype: uint8\ndimension: 3\nsizes: %d %d %d\nencoding: %s\n\n"
            % (*sides, encoding)).encode() + data


def element(group, number, kind, value):
    if len(value) % 2:
        value += b"\0" if kind == b"UI" else b" "
    head = struct.pack("<HH2s", group, number, kind)
    if kind in (b"OB", b"OW", b"SQ", b"UN"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def dicom(syntax, rows, columns, frames, pixels, number):
    """`pixels` is the element PixelData, or what stands in its place."""
    uid = b"1.2.826.0.1.3680043.8.498.%d" % number
    storage = b"1.2.840.10008.5.1.4.1.1.7"
    meta = (element(2, 1, b"OB", b"\0\1") + element(2, 2, b"UI", storage) +
            element(2, 3, b"UI", uid) + element(2, 16, b"UI", syntax))
    meta = element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta
    data = (element(8, 22, b"UI", storage) + element(8, 24, b"UI", uid) +
            element(8, 96, b"CS", b"OT") + element(16, 32, b"LO", b"patient") +
            element(32, 13, b"UI", b"1.2.3") + element(32, 14, b"UI", b"1.2.3.%d" % number) +
            element(40, 2, b"US", struct.pack("<H", 1)) + element(40, 4, b"CS", b"MONOCHROME2") +
            element(40, 8, b"IS", b"%d" % frames) + element(40, 16, b"US", struct.pack("<H", rows)) +
            element(40, 17, b"US", struct.pack("<H", columns)) +
            element(40, 256, b"US", struct.pack("<H", 8)) +
            element(40, 257, b"US", struct.pack("<H", 8)) +
            element(40, 258, b"US", struct.pack("<H", 7)) +
            element(40, 259, b"US", struct.pack("<H", 0))) + pixels
    if syntax.endswith(b".99"):
        data = raw_stream(data) if rows > 8 else deflate(data)
    return bytes(128) + b"DICM" + meta + data


def make(root):
    good = ("good.nii.gz", gzip.compress(nifti([4, 4, 4]) + bytes(range(64)), mtime=0))
    for name, head in [
            ("nii-gz", nifti([SIDE_3D] * 3)),
            ("nii-gz-2", nifti_2([SIDE_3D] * 3)),
            ("nii-gz-wide", nifti_2([65535, 65535, 24])),
            # Within every limit on voxels, and 17 GB.
            ("nii-gz-doubles", nifti_2([1290] * 3, 64, 64)),
            # What it says is true of its first half only.
            ("nii-gz-longer", nifti([8, 8, 8]))]:
        case(root, name, "nifti", good, ("bomb.nii.gz", gzip_stream(head)))

    case(root, "nii-gz-short", "nifti", good,
         ("bomb.nii.gz", gzip.compress(nifti([1000] * 3) + bytes(99), mtime=0)))

    small = npy([6, 5], bytes(range(30)))
    good = ("good.npz", npz([("imgs", npy([2, 6, 5], bytes(60))), ("gts", npy([2, 6, 5], bytes(60)))]))
    for name, shape, claim in [("npz-deflate", [100_000, 1000, 1000], HUGE + 128),
                               ("npz-zip64-lie", [2, 6, 5], HUGE),
                               ("npz-small-lie", [100_000, 1000, 1000], 188)]:
        member = raw_stream(npy(shape))
        case(root, name, "medsam-npz", good,
             ("bomb.npz", npz_claiming([("imgs", member, claim), ("gts", deflate(small), len(small))])))
    case(root, "npz-medmnist", "medmnist",
         ("breastmnist.npz", npz([("train_images", npy([2, 28, 28], bytes(1568))),
                                  ("train_labels", npy([2, 1], bytes(2)))])),
         ("pneumoniamnist.npz", npz_claiming(
             [("train_images", raw_stream(npy([127_551_020, 28, 28])), HUGE + 128),
              ("train_labels", deflate(npy([2, 1], bytes(2))), 130)])))
    case(root, "npy", "medsam-npy", ("imgs/good.npy", npy([4, 4], bytes(16))),
         ("imgs/bomb.npy", npy([SIDE_2D, SIDE_2D], bytes(1 << 20))),
         more=[("gts/good.npy", npy([4, 4], bytes(16))),
               ("gts/bomb.npy", npy([4, 4], bytes(16)))])

    good = ("good.png", GOOD_PNG)
    case(root, "png", "images", good, ("bomb.png", png(SIDE_2D, SIDE_2D, ZLIB)))
    case(root, "png-limits", "images", good, ("bomb.png", png(65535, 65535, ZLIB, b"", 16, 6)))
    case(root, "png-short", "images", good, ("bomb.png", png(65535, 16000, zlib.compress(bytes(99)))))
    case(root, "tiff-deflate", "images", good, ("bomb.tif", tiff([(SIDE_2D, SIDE_2D, 8)], ZLIB)))
    case(root, "tiff-limits", "images", good, ("bomb.tif", tiff([(65535, 65535, 8)], ZLIB)))
    case(root, "tiff-pages", "images", good, ("bomb.tif", tiff([(31000, 31000, 8)] * 104, ZLIB)))
    case(root, "tiff-short", "images", good,
         ("bomb.tif", tiff([(65535, 16000, 8)], zlib.compress(bytes(99)))))
    case(root, "tiff-lzw-short", "images", good, ("bomb.tif", tiff([(65535, 16000, 5)], bytes(999))))
    case(root, "jpeg", "images", good, ("bomb.jpg", jpeg(65500, 65500)))
    case(root, "jpeg-short", "images", good, ("bomb.jpg", jpeg(65500, 5000)))

    good = ("good.mha", metaimage([4, 4, 4], bytes(64), False))
    case(root, "mha", "metaimage", good, ("bomb.mha", metaimage([SIDE_3D] * 3, ZLIB, True)))
    case(root, "mha-raw", "metaimage", good, ("bomb.mha", metaimage([SIDE_3D] * 3, bytes(1 << 20), False)))
    case(root, "mha-short", "metaimage", good,
         ("bomb.mha", metaimage([1000] * 3, zlib.compress(bytes(99)), True)))
    case(root, "mha-raw-short", "metaimage", good,
         ("bomb.mha", metaimage([1000] * 3, bytes(99), False)))
    good = ("good.nrrd", nrrd([4, 4, 4], "raw", bytes(64)))
    case(root, "nrrd-gzip", "metaimage", good, ("bomb.nrrd", nrrd([SIDE_3D] * 3, "gzip", gzip_stream())))
    case(root, "nrrd-bzip2", "metaimage", good,
         ("bomb.nrrd", nrrd([SIDE_3D] * 3, "bzip2", bz2.compress(bytes(32 << 20)) * 100)))

    for encoding, data in [("gzip", gzip.compress(bytes(99))), ("bzip2", bz2.compress(bytes(99))),
                           ("raw", bytes(99)), ("ascii", b"1 " * 99), ("hex", b"00" * 99)]:
        case(root, "nrrd-%s-short" % encoding, "metaimage", good,
             ("bomb.nrrd", nrrd([1000] * 3, encoding, data)))

    explicit, deflated, rle, jpeg_baseline = (b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.1.99",
                                              b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.4.50")
    good = ("good.dcm", dicom(explicit, 8, 8, 1, element(0x7fe0, 16, b"OB", bytes(range(64))), 1))
    claim = struct.pack("<HH2sHI", 0x7fe0, 16, b"OB", 0, 0xfffffff0)
    case(root, "dicom-deflated", "dicom", good,
         ("bomb.dcm", dicom(deflated, 65535, 65535, 24, claim, 2)))
    # A data set of 960 MB in 1 MB, whatever its image says.
    case(root, "dicom-deflated-tail", "dicom", good,
         ("bomb.dcm", dicom(deflated, 64, 64, 1, element(0x7fe0, 16, b"OB", bytes(4096)), 3)))
    whole = dicom(explicit, 64, 64, 1, element(0x7fe0, 16, b"OB", bytes(4096)), 5)
    case(root, "dicom-gz", "dicom", good, ("bomb.dcm.gz", gzip_stream(whole)))
    undefined = struct.pack("<HH2sHI", 0x7fe0, 16, b"OB", 0, 0xffffffff)
    item = struct.pack("<HHI", 0xfffe, 0xe000, 0)
    end = struct.pack("<HHI", 0xfffe, 0xe0dd, 0)
    for name, syntax, data in [
            ("dicom-rle", rle, struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\0" * (1 << 19)),
            ("dicom-jpeg", jpeg_baseline, jpeg(65500, 65500))]:
        fragment = struct.pack("<HHI", 0xfffe, 0xe000, len(data) + len(data) % 2)
        data += b"\0" * (len(data) % 2)
        case(root, name, "dicom", good,
             ("bomb.dcm", dicom(syntax, 65500, 65500, 24, undefined + item + fragment + data + end, 4)))
        case(root, name + "-short", "dicom", good,
             ("bomb.dcm", dicom(syntax, 16000, 65500, 1, undefined + item + fragment + data + end, 6)))

    # A mask of run lengths, and a million brackets.
    coco = {"images": [{"id": 1, "file_name": "good.png", "height": 8, "width": 8}],
            "categories": [{"id": 1, "name": "cell"}],
            "annotations": [{"id": i, "image_id": 1, "category_id": 1, "iscrowd": 1,
                             "segmentation": {"size": [SIDE_2D, SIDE_2D], "counts": [0, HUGE]}}
                            for i in range(2)]}
    case(root, "coco", "images", ("good.png", GOOD_PNG), ("bomb.json", json.dumps(coco).encode()))
    deep = json.dumps(coco)[:-1] + ', "info": ' + "[" * 1_000_000
    # The list of all pictures: without it nothing is left to bring in.
    case(root, "coco-deep", "images", ("good.png", GOOD_PNG), ("bomb.json", deep.encode()),
         exit_code=1)


def main():
    root = pathlib.Path(sys.argv[1])
    make(root)
    (root / "expected.json").write_text(json.dumps({"cases": cases}, indent=1))


if __name__ == "__main__":
    main()
