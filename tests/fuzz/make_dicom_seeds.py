"""Writes the seeds of the fuzz targets `dicom` and `dicom_seg` beside itself, in corpus/.

Needs NumPy, Pillow and, for the codestreams that Pillow cannot write, imagecodecs. The seed
htj2k_assert.dcm came from the fuzzer: OpenJPEG 2.5.0 leaves through an assert() there.
"""
import io
import pathlib
import struct

import imagecodecs
import numpy as np
from PIL import Image

here = pathlib.Path(__file__).parent / "corpus"
random = np.random.default_rng(1)
LONG = {"OB", "OW", "SQ", "UN"}
ROOT = "1.2.840.10008.1.2"


def element(tag, vr, value=b"", implicit=False):
    if isinstance(value, str):
        value = value.encode() + (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    elif isinstance(value, int):
        value = struct.pack("<H", value)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + struct.pack("<I", len(value)) + value
    if vr in LONG:
        return head + vr.encode() + struct.pack("<HI", 0, len(value)) + value
    return head + vr.encode() + struct.pack("<H", len(value)) + value


def sequence(tag, *items):
    return element(tag, "SQ", b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item
                                       for item in items))


def encapsulated(*fragments):
    data = b""
    for fragment in (b"", *fragments):
        fragment += b"\0" * (len(fragment) % 2)
        data += struct.pack("<HHI", 0xFFFE, 0xE000, len(fragment)) + fragment
    return (struct.pack("<HH", 0x7FE0, 0x10) + b"OB\0\0\xff\xff\xff\xff" + data +
            struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))


def image(shape, bits=8, frames=1, photometric="MONOCHROME2", signed=0, extra=b"", sop=None):
    rows, columns, *samples = shape
    allocated = 1 if bits == 1 else 8 if bits <= 8 else 16
    return b"".join([
        element(0x00080016, "UI", sop or "1.2.840.10008.5.1.4.1.1.7"),
        element(0x00080018, "UI", "1.2.3"), element(0x00080060, "CS", "OT"),
        element(0x0020000E, "UI", "1.2"), extra,
        element(0x00280002, "US", samples[0] if samples else 1),
        element(0x00280004, "CS", photometric), element(0x00280008, "IS", str(frames)),
        element(0x00280010, "US", rows), element(0x00280011, "US", columns),
        element(0x00280100, "US", allocated), element(0x00280101, "US", bits),
        element(0x00280102, "US", bits - 1), element(0x00280103, "US", signed)])


def file(syntax, body):
    meta = element(0x00020010, "UI", ROOT + syntax)
    return (b"\0" * 128 + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta +
            body)


def pixels(data):
    return element(0x7FE00010, "OW", data + b"\0" * (len(data) % 2))


def save(target, name, data):
    assert len(data) < 2048, (name, len(data))
    (here / target).mkdir(parents=True, exist_ok=True)
    (here / target / f"{name}.dcm").write_bytes(data)


def saved(frame, kind, **options):
    out = io.BytesIO()
    Image.fromarray(frame).save(out, kind, **options)
    return out.getvalue()


gray = random.integers(0, 256, (8, 9)).astype("u1")
deep = random.integers(0, 4096, (8, 9)).astype("u2")
colour = random.integers(0, 256, (8, 9, 3)).astype("u1")
place = (element(0x00200032, "DS", "1\\2\\3") + element(0x00200037, "DS", "1\\0\\0\\0\\1\\0"))
save("dicom", "plain_12_bit", file(".1", image((8, 9), 12, extra=place) + pixels(deep.tobytes())))
ramp = b"".join(element(0x00281101 + i, "US", struct.pack("<HHH", 256, 0, 8)) for i in range(3))
ramp += b"".join(element(0x00281201 + i, "OW", bytes(range(256))) for i in range(3))
save("dicom", "palette", file(".1", image((8, 9), photometric="PALETTE COLOR") + ramp +
                              pixels(gray.tobytes())))
ramp = b"".join(element(0x00281101 + i, "US", struct.pack("<HHH", 256, 0, 16)) for i in range(3))
ramp += b"".join(element(0x00281221 + i, "OW", struct.pack("<8H", 0, 2, 5, 9, 1, 254, 60000, 0)[:14])
                 for i in range(3))
save("dicom", "palette_segments", file(".1", image((8, 9), photometric="PALETTE COLOR") + ramp +
                                       pixels(gray.tobytes())))
rows = struct.pack("<64H", *range(4000, 4064))
table = sequence(0x00283000, element(0x00283002, "US", struct.pack("<HHH", 64, 30, 12)) +
                 element(0x00283006, "OW", rows))
save("dicom", "modality_table", file(".1", image((8, 9), 12, extra=place) + table +
                                     pixels(deep.tobytes())))
save("dicom", "bits", file(".1", image((7, 9), 1, 2) + pixels(bytes(random.bytes(16)))))
compress = __import__("zlib").compressobj(9, 8, -15)
body = image((8, 9)) + pixels(gray.tobytes())
save("dicom", "deflated", file(".1.99", compress.compress(body) + compress.flush()))
runs = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x47" + gray.tobytes()
save("dicom", "rle_two_frames", file(".5", image((8, 9), frames=2) + encapsulated(runs, runs)))
save("dicom", "jpeg", file(".4.50", image((8, 9, 3), photometric="YBR_FULL_422") +
                           encapsulated(saved(colour, "JPEG", quality=30))))
save("dicom", "jpeg_lossless", file(".4.70", image((8, 9), 12) +
                                    encapsulated(imagecodecs.ljpeg_encode(deep, bitspersample=12))))
save("dicom", "jpeg_ls", file(".4.80", image((8, 9)) +
                              encapsulated(imagecodecs.jpegls_encode(gray))))
save("dicom", "j2k", file(".4.90", image((8, 9, 3), photometric="YBR_RCT") +
                          encapsulated(saved(colour, "JPEG2000", irreversible=False, no_jp2=True,
                                             mct=1))))
save("dicom", "htj2k", file(".4.201", image((8, 9)) +
                            encapsulated(imagecodecs.htj2k_encode(gray, reversible=True))))
names = (element(0x00080005, "CS", "\\ISO 2022 IR 87") +
         element(0x00100020, "LO", b"\x1b$B;3ED\x1b(B^"))
save("dicom", "text", file(".1", names + image((2, 2)) + pixels(b"abcd")))


def group(segment, z):
    return (sequence(0x00209113, element(0x00200032, "DS", f"0\\0\\{z}")) +
            sequence(0x0062000A, element(0x0062000B, "US", segment)))


def seg(kind, bits, frames, groups, data, sop=".4"):
    shared = (sequence(0x00209116, element(0x00200037, "DS", "1\\0\\0\\0\\1\\0")) +
              sequence(0x00289110, element(0x00180088, "DS", "2") + element(0x00280030, "DS", "1\\1")))
    segments = [element(0x00620004, "US", n) + element(0x00620005, "LO", "a") for n in (1, 5)]
    return file(".1", image((7, 9), bits, frames, sop="1.2.840.10008.5.1.4.1.1.66" + sop) +
                element(0x00620001, "CS", kind) + sequence(0x00620002, *segments) +
                sequence(0x52009229, shared) + sequence(0x52009230, *groups) + pixels(data))


groups = [group(1, 4), group(5, 0), group(1, 0)]
save("dicom_seg", "binary", seg("BINARY", 1, 3, groups, bytes(random.bytes(24))))
save("dicom_seg", "fractional", seg("FRACTIONAL", 8, 3, groups, bytes(random.bytes(189))))
save("dicom_seg", "label_map", seg("LABELMAP", 8, 2, groups[:2], b"\x01\x05\0" * 42, ".7"))


def outline(*points, kind="CLOSED_PLANAR"):
    numbers = "\\".join(f"{value:g}" for point in points for value in point)
    return (element(0x30060042, "CS", kind) + element(0x30060046, "IS", str(len(points))) +
            element(0x30060050, "DS", numbers))


roi = element(0x30060022, "IS", "1") + element(0x30060026, "LO", "liver")
drawn = sequence(0x30060040, outline((1, 1, 0), (9, 1, 0), (9.5, 8, 0)),
                 outline((3, 3, 0), (5, 3, 0), (5, 5, 0)), outline((2, 2, 1), kind="POINT"),
                 outline((-5, 2, 3), (1e5, 7, 3), (12.25, 19, 3), (3, 3, 3)))
save("dicom_seg", "outlines", file("", b"".join([
    element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.481.3"), element(0x00080018, "UI", "1.2"),
    sequence(0x30060020, roi),
    sequence(0x30060039, drawn + element(0x30060084, "IS", "1"))])))
