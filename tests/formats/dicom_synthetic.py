"""Writes DICOM files with traps, and beside each what its frames must decode to.

Argument: a folder. NAME.dcm gets NAME.expected: one line "type frames rows columns
channels", then the stored values; NAME.text holds the text that must come out of it, and
NAME.meant the values behind a modality table (and inversion), laid out as the stored ones.
"""
import io
import pathlib
import struct
import sys
import warnings

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixel_data_handlers.util import (apply_color_lut, apply_modality_lut,
                                              convert_color_space)
from pydicom.sequence import Sequence
from pydicom.uid import (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian,
                         ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless,
                         RLELossless)

warnings.simplefilter("ignore")
NAMES = {"uint8": "u8", "int8": "i8", "uint16": "u16", "int16": "i16", "uint32": "u32",
         "int32": "i32", "float32": "f32", "float64": "f64"}
folder = pathlib.Path(sys.argv[1])
random = np.random.default_rng(20240611)


def dataset(syntax=ExplicitVRLittleEndian, rows=7, columns=5, frames=1, samples=1,
            photometric="MONOCHROME2", allocated=16, stored=None, high=None, signed=0):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = syntax
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.is_little_endian = syntax != ExplicitVRBigEndian
    ds.is_implicit_VR = syntax == ImplicitVRLittleEndian
    ds.SOPClassUID = meta.MediaStorageSOPClassUID
    ds.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.5", "1.2.6"
    ds.Modality = "OT"
    ds.PatientID = "  7 "
    ds.PatientName = "CANARY^NAME"
    ds.InstitutionName = "CANARY HOSPITAL"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = rows, columns, samples
    ds.PhotometricInterpretation = photometric
    if frames > 1:
        ds.NumberOfFrames = frames
    ds.BitsAllocated = allocated
    ds.BitsStored = stored or allocated
    ds.HighBit = ds.BitsStored - 1 if high is None else high
    ds.PixelRepresentation = signed
    if samples > 1:
        ds.PlanarConfiguration = 0
    return ds


def save(name, ds, pixels, expected):
    if pixels is not None:
        ds.PixelData = pixels if len(pixels) % 2 == 0 else pixels + b"\0"
        encapsulated = ds.file_meta.TransferSyntaxUID.is_compressed and (
            ds.file_meta.TransferSyntaxUID != DeflatedExplicitVRLittleEndian)
        ds["PixelData"].VR = "OB" if encapsulated or ds.BitsAllocated <= 8 else "OW"
        ds["PixelData"].is_undefined_length = encapsulated
    ds.save_as(folder / f"{name}.dcm", write_like_original=False)
    expect(name, expected)


def expect(name, expected):
    write_array(f"{name}.expected", np.asarray(expected))


def write_array(file, array):
    frames, rows, columns, channels = array.shape
    line = f"{NAMES[array.dtype.name]} {frames} {rows} {columns} {channels}\n"
    (folder / file).write_bytes(line.encode() + array.tobytes())


def ints(kind, *shape, low=None, high=None):
    info = np.iinfo(kind)
    return random.integers(info.min if low is None else low,
                           (info.max if high is None else high) + 1, shape).astype(kind)


# --- bits ---
values = ints("u2", 1, 7, 5, 1, high=4095)
junk = ints("u2", 1, 7, 5, 1, high=15) << 12
save("overlay_bits", dataset(stored=12), (values | junk).tobytes(), values)
signed = ints("i2", 1, 7, 5, 1, low=-2048, high=2047)
save("signed_12", dataset(stored=12, signed=1),
     ((signed.view("u2") & 0xfff) | junk).astype("<u2").tobytes(), signed)
save("high_bit_15", dataset(stored=12, high=15), (values << 4 | junk >> 12).tobytes(), values)
small = ints("i1", 1, 7, 5, 1)
save("signed_8", dataset(allocated=8, signed=1), small.tobytes(), small)
narrow = ints("u2", 1, 7, 5, 1, high=255)
save("stored_8_of_16", dataset(stored=8), narrow.tobytes(), narrow.astype("u1"))
wide = ints("u4", 1, 7, 5, 1)
save("u32", dataset(allocated=32), wide.tobytes(), wide)
wide = ints("i4", 2, 7, 5, 1)
save("i32", dataset(allocated=32, signed=1, frames=2), wide.tobytes(), wide)
mono1 = ints("u2", 1, 7, 5, 1, high=1023)
ds = dataset(stored=10, photometric="MONOCHROME1")
ds.PixelPaddingValue = 1000
save("monochrome1", ds, mono1.tobytes(), mono1)
bits = random.integers(0, 2, (5, 17, 23, 1)).astype("u1")
save("one_bit", dataset(rows=17, columns=23, frames=5, allocated=1),
     np.packbits(bits.ravel(), bitorder="little").tobytes(), bits)
odd = ints("u1", 3, 3, 3, 1)
save("odd_length", dataset(rows=3, columns=3, frames=3, allocated=8), odd.tobytes(), odd)

# --- floats ---
for name, kind, tag in (("float", "f4", "FloatPixelData"), ("double", "f8", "DoubleFloatPixelData")):
    floats = random.standard_normal((2, 7, 5, 1)).astype(kind)
    ds = dataset(allocated=8 * np.dtype(kind).itemsize, frames=2)
    setattr(ds, tag, floats.tobytes())
    save(name, ds, None, floats)

# --- byte orders and encodings ---
values = ints("i2", 2, 7, 5, 1)
save("big_endian", dataset(ExplicitVRBigEndian, signed=1, frames=2),
     values.astype(">i2").tobytes(), values)
bytes8 = ints("u1", 2, 7, 5, 1)
ds = dataset(ExplicitVRBigEndian, allocated=8, frames=2)
ds.PixelData = bytes8.ravel().view("<u2").astype(">u2").tobytes()
ds["PixelData"].VR = "OW"
ds.save_as(folder / "big_endian_words.dcm", write_like_original=False)
expect("big_endian_words", bytes8)
save("deflated", dataset(DeflatedExplicitVRLittleEndian, signed=1, frames=2), values.tobytes(),
     values)
save("implicit", dataset(ImplicitVRLittleEndian, signed=1, frames=2), values.tobytes(), values)
plain = (folder / "implicit.dcm").read_bytes()
meta_length = struct.unpack("<I", plain[140:144])[0]
(folder / "bare_implicit.dcm").write_bytes(plain[144 + meta_length:])
expect("bare_implicit", values)

# Sequences of undefined length, private ones and one of unknown kind, all to be skipped.
ds = dataset(frames=2, signed=1)
inner = Dataset()
inner.CodeValue = "CANARY"
ds.ProcedureCodeSequence = Sequence([inner, inner])
ds["ProcedureCodeSequence"].is_undefined_length = True
ds.private_block(0x0009, "CANARY", create=True).add_new(1, "SQ", [inner])
ds.private_block(0x0009, "CANARY").add_new(2, "LO", "CANARY")
save("sequences", ds, values.tobytes(), values)

# --- colours ---
rgb = ints("u1", 2, 7, 5, 3)
ds = dataset(allocated=8, samples=3, photometric="RGB", frames=2)
ds.PlanarConfiguration = 1
save("planar", ds, rgb.transpose(0, 3, 1, 2).tobytes(), rgb)
ybr = ints("u1", 1, 7, 6, 3)
expected = convert_color_space(ybr, "YBR_FULL", "RGB")
save("ybr_full", dataset(columns=6, allocated=8, samples=3, photometric="YBR_FULL"),
     ybr.tobytes(), expected)
ybr[:, :, 1::2, 1:] = ybr[:, :, ::2, 1:]
pairs = np.stack([ybr[:, :, ::2, 0], ybr[:, :, 1::2, 0], ybr[:, :, ::2, 1], ybr[:, :, ::2, 2]], -1)
save("ybr_full_422", dataset(columns=6, allocated=8, samples=3, photometric="YBR_FULL_422"),
     pairs.tobytes(), convert_color_space(ybr, "YBR_FULL", "RGB"))


def palette(name, bits, entries, first, segmented=False, index="u1"):
    ds = dataset(allocated=8 * np.dtype(index).itemsize, photometric="PALETTE COLOR")
    indices = ints(index, 7, 5, low=0, high=255)
    tables = []
    for colour in ("Red", "Green", "Blue"):
        table = np.sort(ints("u2" if bits == 16 else "u1", entries))
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [entries, first, bits])
        if segmented:
            ramp, run = entries // 2, entries - entries // 2
            words = [0, run, *table[:run].tolist(), 1, ramp, int(table[-1])]
            setattr(ds, f"Segmented{colour}PaletteColorLookupTableData",
                    np.array(words, "<u2").tobytes())
        else:
            data = table.tobytes()
            setattr(ds, f"{colour}PaletteColorLookupTableData", data + b"\0" * (len(data) % 2))
        tables.append(table)
    ds.PixelData = indices.tobytes() + b"\0" * (indices.nbytes % 2)
    ds["PixelData"].VR = "OW"
    if segmented:
        expected = apply_color_lut(indices, ds)
    else:
        at = np.clip(indices.astype(int) - first, 0, entries - 1)
        expected = np.stack([table[at] for table in tables], -1)
    ds.save_as(folder / f"{name}.dcm", write_like_original=False)
    expect(name, expected[None])


palette("palette_8", 8, 101, 20)
palette("palette_16", 16, 256, 0)
palette("palette_16_index", 16, 40, 100, index="u2")
palette("palette_segmented", 16, 256, 0, segmented=True)

# --- modality tables ---
def modality_table(name, signed, first, entries, bits, syntax=ExplicitVRLittleEndian,
                   packed=False, photometric="MONOCHROME2"):
    ds = dataset(syntax, stored=12, signed=int(signed), photometric=photometric)
    values = ints("i2" if signed else "u2", 1, 7, 5, 1, low=-300 if signed else 0, high=700)
    item = Dataset()
    item.add_new(0x00283002, "SS" if signed else "US", [entries, first, bits])
    table = ints("u2", entries, high=(1 << bits) - 1)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    if packed:  # bytes, two in a word
        data = table.astype("u1").tobytes()
        data += bytes(len(data) % 2)
        item.add_new(0x00283006, "OW", np.frombuffer(data, "<u2").astype(order + "u2").tobytes())
    else:
        item.add_new(0x00283006, "OW", table.astype(order + "u2").tobytes())
    item.ModalityLUTType = "US"
    ds.ModalityLUTSequence = Sequence([item])
    ds.RescaleSlope, ds.RescaleIntercept = 2, -1000  # a table goes before these
    save(name, ds, values.astype(values.dtype.newbyteorder(order)).tobytes(), values)
    if packed:
        at = np.clip(values.astype(int) - first, 0, entries - 1)
        meant = table[at].astype("u1")
    else:
        plain = Dataset()
        plain.PixelRepresentation = int(signed)
        plain.is_little_endian, plain.is_implicit_VR = True, False
        lut = Dataset()
        lut.add_new(0x00283002, "SS" if signed else "US", [entries, first, 16 if bits > 8 else 8])
        lut.add_new(0x00283006, "US", table.tolist())
        plain.ModalityLUTSequence = Sequence([lut])
        meant = apply_modality_lut(values, plain)
    if photometric == "MONOCHROME1":
        meant = ((1 << bits) - 1 - meant).astype(meant.dtype)
    write_array(f"{name}.meant", meant)


modality_table("modality_12", False, 100, 400, 12)
modality_table("modality_signed", True, -200, 300, 16)
modality_table("modality_implicit", True, -200, 300, 16, ImplicitVRLittleEndian)
modality_table("modality_big_endian", False, 0, 256, 10, ExplicitVRBigEndian)
modality_table("modality_packed", False, 50, 255, 8, packed=True)
modality_table("modality_packed_big_endian", False, 50, 255, 8, ExplicitVRBigEndian, packed=True)
modality_table("modality_inverted", False, 0, 600, 12, photometric="MONOCHROME1")

# --- fragments ---
colours = ints("u2", 2, 7, 5, 3)
ds = dataset(samples=3, photometric="RGB", frames=2)
ds.PixelData = colours.tobytes()
ds["PixelData"].VR = "OW"
ds.compress(RLELossless)
save("rle_colours", ds, ds.PixelData, colours)


def j2k(frame, **options):
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "JPEG2000", irreversible=False, no_jp2=True, **options)
    return out.getvalue()


gray = ints("u1", 3, 70, 50, 1)
streams = [j2k(frame[:, :, 0]) for frame in gray]
for table in (True, False):
    ds = dataset(JPEG2000Lossless, rows=70, columns=50, frames=3, allocated=8)
    save("j2k_fragments" + ("_table" if table else ""), ds,
         encapsulate(streams, fragments_per_frame=3, has_bot=table), gray)
colour = ints("u1", 1, 70, 50, 3)
ds = dataset(JPEG2000Lossless, rows=70, columns=50, samples=3, allocated=8,
             photometric="YBR_RCT")
save("j2k_rct", ds, encapsulate([j2k(colour[0], mct=1)]), colour)
boxed = io.BytesIO()
Image.fromarray(gray[0, :, :, 0]).save(boxed, "JPEG2000", irreversible=False)
ds = dataset(JPEG2000Lossless, rows=70, columns=50, allocated=8)
save("j2k_in_boxes", ds, encapsulate([boxed.getvalue()]), gray[:1])

# --- refused ---
ds = dataset(JPEG2000Lossless, rows=71, columns=50, frames=3, allocated=8)
save("bad_codestream_size", ds, encapsulate(streams), gray)
ds = dataset(pydicom.uid.MPEG4HP41, rows=70, columns=50, allocated=8)
save("bad_mpeg", ds, encapsulate([b"\0" * 100]), gray[:1])
ds = dataset(rows=65535, columns=65535)
save("bad_huge", ds, b"\0" * 100, gray[:1])
ds = dataset(rows=7, columns=5, frames=2_000_000_000)
save("bad_frames", ds, b"\0" * 100, gray[:1])
ds = dataset(RLELossless, rows=60000, columns=16000, allocated=8)
save("bad_rle", ds, encapsulate([struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\0" * 50]), gray[:1])
ds = dataset(allocated=16, stored=17)
save("bad_bits", ds, b"\0" * 70, gray[:1])

# --- text ---
TEXTS = [("latin1", "ISO_IR 100", "Müller-17"), ("cyrillic", "ISO_IR 144", "Люкceмбypг"),
         ("utf8", "ISO_IR 192", "王^小東"), ("gb18030", "GB18030", "王小东"), ("gbk", "GBK", "王小云"),
         ("greek", "ISO_IR 126", "Διονυσιος"), ("thai", "ISO_IR 166", "นามสกุล"),
         ("hebrew", "ISO_IR 138", "שרון"), ("latin2", "ISO_IR 101", "Wałęsa"),
         ("korean", ["", "ISO 2022 IR 149"], "김희중-길동"),
         ("japanese", ["", "ISO 2022 IR 87"], "山田 太郎 7"),
         ("katakana", "ISO_IR 13", "ﾔﾏﾀﾞ"),
         ("many", ["ISO 2022 IR 100", "ISO 2022 IR 144"], "Buc^Jérôme/Люк")]
for name, charset, text in TEXTS:
    ds = dataset(allocated=8)
    ds.SpecificCharacterSet = charset
    ds.PatientID = text
    ds.SeriesDescription = text
    save(f"text_{name}", ds, bytes(35), np.zeros((1, 7, 5, 1), "u1"))
    (folder / f"text_{name}.text").write_text(text, encoding="utf-8")
