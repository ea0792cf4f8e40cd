"""MetaImage and NRRD files, and what a small reader of its own makes of them.

volume_oracle.py metaimage FOLDER, volume_oracle.py nrrd FOLDER: synthetic files.
volume_oracle.py shared DATA FOLDER: every such file below DATA.
volume_oracle.py check FOLDER: our .mha files must be what they should be.
"""
import bz2
import gzip
import pathlib
import re
import sys
import zlib

sys.dont_write_bytecode = True

import numpy as np
from volume_cases import Cases

RANDOM = np.random.default_rng(20240918)

MET = {"i1": "MET_CHAR", "u1": "MET_UCHAR", "i2": "MET_SHORT", "u2": "MET_USHORT", "i4": "MET_INT",
       "u4": "MET_UINT", "i8": "MET_LONG_LONG", "u8": "MET_ULONG_LONG", "f4": "MET_FLOAT",
       "f8": "MET_DOUBLE"}
NRRD = {"signed char": "i1", "int8": "i1", "int8_t": "i1", "uchar": "u1", "unsigned char": "u1",
        "uint8": "u1", "uint8_t": "u1", "short": "i2", "short int": "i2", "signed short": "i2",
        "signed short int": "i2", "int16": "i2", "int16_t": "i2", "ushort": "u2",
        "unsigned short": "u2", "unsigned short int": "u2", "uint16": "u2", "uint16_t": "u2",
        "int": "i4", "signed int": "i4", "int32": "i4", "int32_t": "i4", "uint": "u4",
        "unsigned int": "u4", "uint32": "u4", "uint32_t": "u4", "longlong": "i8", "long long": "i8",
        "long long int": "i8", "signed long long": "i8", "signed long long int": "i8", "int64": "i8",
        "int64_t": "i8", "ulonglong": "u8", "unsigned long long": "u8",
        "unsigned long long int": "u8", "uint64": "u8", "uint64_t": "u8", "float": "f4",
        "double": "f8"}


def random_array(shape, code):
    dtype = np.dtype(code)
    if dtype.kind == "f":
        return RANDOM.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return RANDOM.integers(info.min, info.max, size=shape, dtype=dtype, endpoint=True)


def ras_affine(columns, origin, signs):
    affine = np.eye(4)
    affine[:3, :3] = np.array(columns).T * np.array(signs)[:, None]
    affine[:3, 3] = np.array(origin) * signs
    return affine


def random_directions():
    q, _ = np.linalg.qr(RANDOM.normal(size=(3, 3)))
    return q


# MetaImage

class MetaMaker:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.cases = Cases(folder)
        self.count = 0

    def name(self, suffix):
        self.count += 1
        return f"file{self.count:03}{suffix}"

    def add(self, lines, array_fkjic, n, spacing=None, affine=None, data=b"", suffix=".mha",
            data_file="LOCAL", ending="\n", tail=()):
        """lines: between NDims and DimSize."""
        frames, k, j, i, channels = array_fkjic.shape
        sizes = [i, j, k, frames][:n]
        header = ["ObjectType = Image", f"NDims = {n}", "BinaryData = True", *lines,
                  "DimSize = " + " ".join(map(str, sizes)),
                  "ElementType = " + MET[array_fkjic.dtype.str[1:]]]
        if channels > 1:
            header.append(f"ElementNumberOfChannels = {channels}")
        header.append(f"ElementDataFile = {data_file}")
        name = self.name(suffix)
        text = ending.join([*header, *tail]) + ending
        if "HeaderSize = 500" in lines:
            data = data.replace(b"fill up to 500", b"?" * (500 - len(text)))
        (self.folder / name).write_bytes(text.encode() + data)
        self.cases.add(name, array_fkjic, n, spacing, affine)
        return name

    def refuse(self, reason, text, data=b""):
        name = self.name(".mha")
        (self.folder / name).write_bytes(text.encode() + data)
        self.cases.refused(name, reason)


def stored(array, order="<"):
    return array.astype(array.dtype.newbyteorder(order)).tobytes()


def make_metaimage(folder):
    maker = MetaMaker(folder)
    for code in MET:
        for big in (False, True):
            array = random_array((1, 3, 4, 5, 1), code)
            key = "BinaryDataByteOrderMSB" if code != "i4" else "ElementByteOrderMSB"
            maker.add([f"{key} = {big}"], array, 3, data=stored(array, ">" if big else "<"))
    for shape, n in [((1, 1, 4, 5, 1), 2), ((1, 1, 4, 5, 3), 2), ((1, 3, 4, 5, 3), 3),
                     ((6, 3, 4, 5, 1), 4), ((2, 3, 4, 5, 2), 4)]:
        array = random_array(shape, "u2")
        matrix = np.eye(n)
        lines = ["TransformMatrix = " + " ".join(map(str, matrix.ravel())),
                 "Offset = " + " ".join(str(10.5 * (a + 1)) for a in range(n)),
                 "ElementSpacing = " + " ".join(str(0.5 * (a + 1)) for a in range(n))]
        spacing = [0.5, 1, 1.5 if n > 2 else 1]
        origin = [10.5, 21, 31.5 if n > 2 else 0]
        affine = ras_affine(np.diag(spacing), origin, (-1, -1, 1))
        maker.add(lines, array, n, spacing, affine, stored(array))
    array = random_array((1, 3, 4, 5, 1), "i2")
    packed = zlib.compress(stored(array))
    for lines, data in [(["CompressedData = True"], packed),
                        (["CompressedData = True", f"CompressedDataSize = {len(packed)}"],
                         packed + b"something else"),
                        (["CompressedData = True"], gzip.compress(stored(array))),
                        (["HeaderSize = 500"], b"fill up to 500" + stored(array)),
                        (["HeaderSize = -1"], b"whatever" + stored(array)),
                        (["CompressedData = False", "ElementDataFileX = LOCAL"],
                         stored(array) + b"behind")]:
        maker.add(lines, array, 3, data=data)
    maker.add([], array, 3, data=stored(array), ending="\r\n")
    text = " ".join(str(v) for v in array.ravel()).encode()
    maker.add(["BinaryData = False"], array, 3, data=text)
    # Oblique directions, and every alias.
    for turn in range(12):
        directions = random_directions()
        spacing = RANDOM.uniform(0.2, 4, 3)
        origin = RANDOM.normal(size=3) * 100
        affine = ras_affine((directions * spacing).T, origin, (-1, -1, 1))
        matrix = ["TransformMatrix", "Rotation", "Orientation"][turn % 3]
        offset = ["Offset", "Position", "Origin"][turn // 3 % 3]
        size = ["ElementSpacing", "ElementSize"][turn % 2]
        lines = [f"{matrix} = " + " ".join(repr(float(v)) for v in directions.T.ravel()),
                 f"{offset} = " + " ".join(repr(float(v)) for v in origin),
                 "CenterOfRotation = 0 0 0", "AnatomicalOrientation = RAI",
                 f"{size} = " + " ".join(repr(float(v)) for v in spacing)]
        maker.add(lines, array, 3, spacing, affine, stored(array))
    maker.add(["ElementSpacing = 1 2 3"], array, 3, [1, 2, 3], None, stored(array))
    maker.add(["Offset = 1 2 3"], array, 3, None, ras_affine(np.eye(3), (1, 2, 3), (-1, -1, 1)),
              stored(array))
    # Detached: a file, a list, patterns; names with blanks, parentheses, commas.
    folder = pathlib.Path(folder)
    (folder / "a (1,2) b.raw").write_bytes(stored(array) + b"tail")
    maker.add([], array, 3, suffix=".mhd", data_file="a (1,2) b.raw")
    (folder / "a.zraw").write_bytes(packed)
    maker.add(["CompressedData = True", f"CompressedDataSize = {len(packed)}"], array, 3,
              suffix=".mhd", data_file="a.zraw")
    (folder / "head.raw").write_bytes(b"12345" + stored(array))
    maker.add(["HeaderSize = 5"], array, 3, suffix=".mhd", data_file="head.raw")
    maker.add(["HeaderSize = -1"], array, 3, suffix=".mhd", data_file="head.raw")
    for k in range(3):
        (folder / f"slice {7 + 2 * k:03}.raw").write_bytes(stored(array[:, k]))
        (folder / f"packed{k + 1}.zraw").write_bytes(zlib.compress(stored(array[:, k])))
    maker.add([], array, 3, suffix=".mhd", data_file="slice %03d.raw 7 11 2")
    maker.add(["CompressedData = True"], array, 3, suffix=".mhd", data_file="packed%d.zraw")
    maker.add(["CompressedData = True"], array, 3, suffix=".mhd", data_file="LIST",
              tail=["packed1.zraw", "packed2.zraw", "packed3.zraw"])
    maker.add([], array, 3, suffix=".mhd", data_file="LIST 2D",
              tail=[f"slice {7 + 2 * k:03}.raw" for k in range(3)])

    good = ("ObjectType = Image\nNDims = 3\nDimSize = 5 4 3\nElementType = MET_SHORT\n"
            "ElementDataFile = LOCAL\n")
    data = stored(array)
    maker.refuse("no MetaImage header", "hello\n", data)
    maker.refuse("no MetaImage header", "", b"")
    maker.refuse("without ElementDataFile", "NDims = 3\nDimSize = 5 4 3\nElementType = MET_SHORT\n")
    maker.refuse("not an image", good.replace("Image", "Scene"), data)
    maker.refuse("voxels need 120 bytes", good, data[:-1])
    maker.refuse("DimSize is missing", good.replace("DimSize", "DimSizeX"), data)
    maker.refuse("fewer sizes", good.replace("5 4 3", "5 4"), data)
    maker.refuse("no list of sizes", good.replace("5 4 3", "5 -4 3"), data)
    maker.refuse("no list of sizes", good.replace("5 4 3", "5 nan 3"), data)
    maker.refuse("more than", good.replace("5 4 3", "99999999 99999999 99999999"), data)
    maker.refuse("a side is 1 to", good.replace("5 4 3", "70000 1 1"), data)
    maker.refuse("5 dimensions", good.replace("NDims = 3", "NDims = 5"), data)
    maker.refuse("'MET_OTHER'", good.replace("MET_SHORT", "MET_OTHER"), data)
    maker.refuse("'MET_FLOAT_MATRIX'", good.replace("MET_SHORT", "MET_FLOAT_MATRIX"), data)
    maker.refuse("not positive", good.replace("DimSize", "ElementSpacing = 1 0 1\nDimSize"), data)
    maker.refuse("not positive", good.replace("DimSize", "ElementSpacing = 1 -1 1\nDimSize"), data)
    maker.refuse("needs 9 numbers", good.replace("DimSize", "TransformMatrix = 1 0 0\nDimSize"), data)
    maker.refuse("needs 3 numbers", good.replace("DimSize", "Offset = 1 nan 0\nDimSize"), data)
    maker.refuse("singular", good.replace("DimSize", "Rotation = 1 0 0 1 0 0 0 0 1\nDimSize"), data)
    maker.refuse("channels", good.replace("DimSize", "ElementNumberOfChannels = 99\nDimSize"), data)
    maker.refuse("compressed bytes are announced",
                 good.replace("DimSize", "CompressedData = True\nCompressedDataSize = 500\nDimSize"),
                 packed)
    maker.refuse("compressed data end early",
                 good.replace("DimSize", "CompressedData = True\nDimSize"), packed[:-3])
    maker.refuse("cannot hold them", good.replace("5 4 3", "1000 1000 1000").replace(
        "DimSize", "CompressedData = True\nDimSize"), packed)
    maker.refuse("HeaderSize is larger", good.replace("DimSize", "HeaderSize = 999\nDimSize"), data)
    maker.refuse("inside its header", good.replace("DimSize", "HeaderSize = 9\nDimSize"), data)
    maker.refuse("HeaderSize is negative", good.replace("DimSize", "HeaderSize = -2\nDimSize"), data)
    for name, reason in [("/etc/passwd", "absolute"), ("../x.raw", "climbs"),
                         ("a/../../x.raw", "climbs"), ("C:\\x.raw", "absolute"),
                         ("not there.raw", "no such file")]:
        maker.refuse(reason, good.replace("LOCAL", name))
    for pattern, reason in [("x%d%d.raw 1 3 1", "one %d"), ("x%s.raw 1 3 1", "one %d"),
                            ("x%99999d.raw 1 3 1", "one %d"), ("x%d.raw 3 1 1", "make no sense"),
                            ("x%d.raw 1 3 0", "make no sense"), ("x%d.raw 1 999999 1", "data files"),
                            ("x%d.raw 1 9223372036854775807 1", "make no sense"),
                            ("x%d.raw 9223372036854775807", "make no sense"),
                            ("x%d.raw 1 7 1", "equal parts")]:
        maker.refuse(reason, good.replace("LOCAL", pattern))
    maker.refuse("names no file", good.replace("LOCAL", "LIST"))
    number_short = good.replace("NDims", "BinaryData = False\nNDims")
    maker.refuse("are there", number_short, b" 1" * 59)
    maker.refuse("none of its type", number_short, b"1 " * 59 + b"99999")
    maker.refuse("none of its type", number_short, b"1 " * 59 + b"1.5")
    maker.cases.write()


def parse_metaimage(path):
    content = path.read_bytes()
    fields, at = {}, 0
    while "ElementDataFile" not in fields:
        end = content.index(b"\n", at)
        key, value = content[at:end].decode().split("=", 1)
        fields[key.strip()] = value.strip()
        at = end + 1
    names = {v: k for k, v in MET.items()}
    n = int(fields["NDims"])
    dtype = np.dtype("<" + names[fields["ElementType"]])
    sizes = [int(v) for v in fields["DimSize"].split()] + [1] * (4 - n)
    assert fields.get("BinaryDataByteOrderMSB", "False") == "False"
    name = fields["ElementDataFile"]
    data = content[at:] if name == "LOCAL" else (path.parent / name).read_bytes()
    if fields.get("CompressedData") == "True":
        data = zlib.decompress(data)
    channels = int(fields.get("ElementNumberOfChannels", 1))
    count = int(np.prod(sizes)) * channels
    array = np.frombuffer(data, dtype, count).reshape(sizes[::-1] + [channels])
    spacing = affine = None
    if "ElementSpacing" in fields:
        spacing = ([float(v) for v in fields["ElementSpacing"].split()] + [1.0] * (3 - n))[:3]
    if "Offset" in fields:
        directions = np.eye(3)
        matrix = np.array([float(v) for v in fields["TransformMatrix"].split()]).reshape(n, n)
        directions[:min(n, 3), :min(n, 3)] = matrix[:3, :3]  # rows are axes
        origin = ([float(v) for v in fields["Offset"].split()] + [0.0])[:3]
        affine = ras_affine(directions * np.array(spacing)[:, None], origin, (-1, -1, 1))
    return array, n, spacing, affine


# NRRD

class NrrdMaker:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.cases = Cases(folder)
        self.count = 0

    def name(self, suffix):
        self.count += 1
        return f"file{self.count:03}{suffix}"

    def add(self, fields, array_fkjic, data=b"", suffix=".nrrd", spacing=None, affine=None,
            dimensions=3, magic="NRRD0004", ending="\n", blank=True):
        name = self.name(suffix)
        text = ending.join([magic, "# a comment", *fields]) + ending + (ending if blank else "")
        (self.folder / name).write_bytes(text.encode() + data)
        self.cases.add(name, array_fkjic, dimensions, spacing, affine)
        return name

    def refuse(self, reason, fields, data=b"", magic="NRRD0004"):
        name = self.name(".nrrd")
        (self.folder / name).write_bytes("\n".join([magic, *fields, "", ""]).encode() + data)
        self.cases.refused(name, reason)


def basic(kind="short", sizes="5 4 3", encoding="raw", endian="little", more=()):
    fields = [f"type: {kind}", f"dimension: {len(sizes.split())}", f"sizes: {sizes}",
              f"encoding: {encoding}", *more]
    return fields + ([f"endian: {endian}"] if endian else [])


def make_nrrd(folder):
    maker = NrrdMaker(folder)
    for kind, code in NRRD.items():
        for endian in ("little", "big"):
            array = random_array((1, 3, 4, 5, 1), code)
            data = stored(array, "<" if endian == "little" else ">")
            maker.add(basic(kind, endian=endian), array, data)
    array = random_array((1, 3, 4, 5, 1), "i2")
    data = stored(array)
    words = " ".join(str(v) for v in array.ravel()).encode()
    for encoding, packed in [("gzip", gzip.compress(data)), ("gz", gzip.compress(data)),
                             ("bzip2", bz2.compress(data)), ("bz2", bz2.compress(data)),
                             ("hex", data.hex().encode()), ("HEX", b"\n ".join(
                                 data.hex().upper()[i:i + 7].encode() for i in range(0, 240, 7))),
                             ("ascii", words), ("txt", words.replace(b" ", b",\n"))]:
        maker.add(basic(encoding=encoding), array, packed)
    floats = random_array((1, 3, 4, 5, 1), "f4")
    floats[0, 0, 0, 0, 0] = np.nan
    maker.add(basic("float", encoding="text", endian=None), floats,
              " ".join(repr(float(v)) for v in floats.ravel()).encode())
    for more, packed in [(["byte skip: 7"], b"1234567" + data), (["byte skip: -1"], b"junk" + data),
                         (["line skip: 2"], b"one\ntwo\n" + data),
                         (["lineskip: 1", "byteskip: 3"], b"one\nabc" + data)]:
        maker.add(basic(more=more), array, packed)
    maker.add(basic(encoding="gzip", more=["byte skip: 5"]), array, gzip.compress(b"12345" + data))
    maker.add(basic(encoding="gzip", more=["byte skip: -1"]), array, gzip.compress(b"12345" + data))
    maker.add(basic(encoding="bz2", more=["byte skip: 5"]), array, bz2.compress(b"12345" + data))
    maker.add(basic(encoding="gzip", more=["line skip: 1"]), array, b"line\n" + gzip.compress(data))
    maker.add(basic(), array, data, ending="\r\n")
    maker.add(basic(), array, data, magic="NRRD0001")
    maker.add(basic(more=["spacings: 1 2 3"]), array, data, spacing=[1, 2, 3])
    # Spaces.
    spaces = {"left-posterior-superior": (-1, -1, 1), "LPS": (-1, -1, 1), "RAS": (1, 1, 1),
              "right-anterior-superior": (1, 1, 1), "LAS": (-1, 1, 1),
              "left-anterior-superior": (-1, 1, 1)}
    for space, signs in spaces.items():
        for units, mm in [(None, 1), ('"mm" "mm" "mm"', 1), ('"m" "m" "m"', 1000), ('"um" "um" "um"', 0.001)]:
            spacing = RANDOM.uniform(0.2, 4, 3)
            columns = (random_directions() * spacing).T
            origin = RANDOM.normal(size=3) * 100
            vectors = ["(" + ",".join(repr(float(v)) for v in column) + ")" for column in columns]
            more = [f"space: {space}", "space directions: " + " ".join(vectors),
                    "space origin: (" + ", ".join(repr(float(v)) for v in origin) + ")",
                    "kinds: domain domain domain"]
            if units:
                more.append(f"space units: {units}")
            affine = ras_affine(columns * mm, origin * mm, signs)
            maker.add(basic(more=more), array, data, spacing=spacing * mm, affine=affine)
    directions = "space directions: (2,0,0) (0,3,0) (0,0,4)"
    for space in ("space: scanner-xyz", "space: 3D-right-handed", "space dimension: 3"):
        maker.add(basic(more=[space, directions]), array, data, spacing=[2, 3, 4])
    affine = ras_affine(np.diag([2, 3, 4]), (0, 0, 0), (1, 1, 1))
    maker.add(basic(more=["space: RAS", directions]), array, data, spacing=[2, 3, 4], affine=affine)
    # Layers, vectors and time, wherever they stand.
    ras = ["space: RAS", "space origin: (1,2,3)"]
    affine = ras_affine(np.diag([2, 3, 4]), (1, 2, 3), (1, 1, 1))
    vectors = "(2,0,0) (0,3,0) (0,0,4)"
    for kind, layered in [("list", True), ("vector", False), ("RGB-color", False), ("???", True),
                          ("3D-symmetric-matrix", False), ("time", True)]:
        count = 6 if kind.startswith("3D") else 3
        full = random_array((count, 3, 4, 5, 1) if layered else (1, 3, 4, 5, count), "u2")
        planes = full[..., 0] if layered else np.moveaxis(full[0], -1, 0)  # c, k, j, i
        for place in ("first", "last"):
            if place == "first":
                sizes, order = f"{count} 5 4 3", np.moveaxis(planes, 0, -1)
                more = [f"space directions: none {vectors}", f"kinds: {kind} domain domain domain"]
            else:
                sizes, order = f"5 4 3 {count}", planes
                more = [f"space directions: {vectors} none", f"kinds: domain domain domain {kind}"]
            maker.add(basic("ushort", sizes, more=[*ras, *more]), full, stored(order),
                      spacing=[2, 3, 4], affine=affine, dimensions=4)
    both = random_array((2, 3, 4, 5, 3), "u1")
    maker.add(basic("uchar", "3 5 4 3 2", endian=None, more=[
        *ras, f"space directions: none {vectors} none", "kinds: vector domain domain domain list"]),
        both, both.tobytes(), spacing=[2, 3, 4], affine=affine, dimensions=5)
    middle = np.ascontiguousarray(both[0].transpose(0, 1, 3, 2))  # k j c i
    maker.add(basic("uchar", "5 3 4 3", endian=None, more=["kinds: domain vector domain domain"]),
              both[:1], middle.tobytes(), dimensions=4)
    four = random_array((6, 3, 4, 5, 1), "u1")
    maker.add(basic("uchar", "5 4 3 6", endian=None), four, four.tobytes(), dimensions=4)
    flat = random_array((1, 1, 4, 5, 1), "u1")
    maker.add(basic("uchar", "5 4", endian=None), flat, flat.tobytes(), dimensions=2)
    plane = ras_affine([(2, 0, 0), (0, 0, 3), (0, -1, 0)], (1, 2, 3), (1, 1, 1))
    maker.add(basic("uchar", "5 4", endian=None, more=[*ras, "space directions: (2,0,0) (0,0,3)"]),
              flat, flat.tobytes(), dimensions=2, spacing=[2, 3, 1], affine=plane)
    stub = "kinds: stub domain domain domain"
    maker.add(basic("short", "1 5 4 3", more=[stub]), array, data, dimensions=4)
    # Detached.
    folder = pathlib.Path(folder)
    (folder / "all (1).raw").write_bytes(data)
    maker.add([*basic(), "data file: all (1).raw"], array, suffix=".nhdr", blank=False)
    maker.add([*basic(), "datafile: ./all (1).raw"], array, suffix=".nhdr")
    (folder / "all.raw.gz").write_bytes(gzip.compress(data))
    maker.add([*basic(encoding="gzip"), "data file: all.raw.gz"], array, suffix=".nhdr", blank=False)
    for k in range(3):
        (folder / f"part{k + 1:02}.raw").write_bytes(b"H\n" + stored(array[:, k]))
    maker.add([*basic(more=["line skip: 1"]), "data file: part%02d.raw 1 3 1"], array, suffix=".nhdr")
    maker.add([*basic(more=["byte skip: -1"]), "data file: part%02d.raw 1 3 1 2"], array,
              suffix=".nhdr")
    maker.add([*basic(more=["line skip: 1"]), "data file: LIST", "part01.raw", "part02.raw",
               "part03.raw"], array, suffix=".nhdr", blank=False)

    maker.refuse("no NRRD header", [], magic="NRRX0004")
    maker.refuse("'type'", basic()[1:], data)
    maker.refuse("'sizes'", [f for f in basic() if not f.startswith("sizes")], data)
    maker.refuse("'encoding'", [f for f in basic() if not f.startswith("enc")], data)
    maker.refuse("(endian)", basic(endian=None), data)
    maker.refuse("neither little nor big", basic(endian="middle"), data)
    maker.refuse("'block'", basic("block"), data)
    maker.refuse("'zrl'", basic(encoding="zrl"), data)
    maker.refuse("do not agree", [f.replace("dimension: 3", "dimension: 2") for f in basic()], data)
    maker.refuse("1 to 16", [f.replace("dimension: 3", "dimension: 99") for f in basic()], data)
    maker.refuse("sizes are none", basic(sizes="5 0 3"), data)
    maker.refuse("more than", basic(sizes="999999999 999999999 999999999"), data)
    maker.refuse("a side is 1 to", basic(sizes="70000 1 1"), bytes(140000))
    maker.refuse("complex", basic(sizes="2 5 4 3", more=["kinds: complex domain domain domain"]), data)
    maker.refuse("two axes of vectors", basic(sizes="5 4 3 3 2",
                 more=["kinds: domain domain domain vector vector"]), data)
    maker.refuse("two axes that are neither", basic(sizes="5 4 3 3 2"), data)
    maker.refuse("scalar or stub", basic(sizes="2 5 4 3", more=["kinds: stub domain domain domain"]), data)
    maker.refuse("kinds for", basic(more=["kinds: domain"]), data)
    maker.refuse("space directions for", basic(more=["space: RAS", "space directions: (1,0,0)"]), data)
    maker.refuse("no vectors", basic(more=["space directions: (1,0,x) (0,1,0) (0,0,1)"]), data)
    maker.refuse("singular", basic(more=["space: RAS", "space directions: (1,0,0) (1,0,0) (0,0,1)"]),
                 data)
    maker.refuse("no length", basic(more=["space: RAS", "space directions: (1,0,0) (0,0,0) (0,0,1)"]),
                 data)
    maker.refuse("no point", basic(more=["space: RAS", directions, "space origin: 1 2 3"]), data)
    maker.refuse("channels", basic("uchar", "40 5 4 3", more=["kinds: vector domain domain domain"]),
                 bytes(40 * 60))
    maker.refuse("no 'field: value'", [*basic(), "hello"], data)
    maker.refuse("voxels need 120 bytes", basic(), data[:-1])
    maker.refuse("voxels need 120 bytes", basic(more=["byte skip: 1"]), data)
    maker.refuse("line skip", basic(more=["line skip: 99999999"]), data)
    maker.refuse("is negative", basic(more=["byte skip: -2"]), data)
    maker.refuse("end early", basic(encoding="gzip"), gzip.compress(data)[:-4])
    maker.refuse("end early", basic(encoding="bzip2"), bz2.compress(data)[:-4])
    packed = bz2.compress(random_array((1000,), "u1").tobytes() * 3, 1)
    for cut in range(4, len(packed), 37):
        maker.refuse("end early", basic("uchar", "3000 1 1", encoding="bzip2"), packed[:cut])
    maker.refuse("no bzip2 data", basic(encoding="bzip2"), data)
    maker.refuse("no bzip2 data", basic(encoding="bzip2"), gzip.compress(data))
    maker.refuse("announced", basic(sizes="5 4 4", encoding="bzip2"), bz2.compress(data))
    maker.refuse("far beyond", basic(encoding="bzip2"), bz2.compress(bytes(1 << 24)))
    maker.refuse("far beyond", basic(encoding="gzip"), gzip.compress(bytes(1 << 24)))
    maker.refuse("compressed", basic(sizes="1000 1000 2000", encoding="bzip2"), bz2.compress(data))
    maker.refuse("cannot hold them", basic(sizes="1000 1000 1000", encoding="gzip"),
                 gzip.compress(data))
    maker.refuse("hexadecimal", basic(encoding="hex"), data.hex().encode()[:-2])
    maker.refuse("hexadecimal", basic(encoding="hex"), b"zz" + data.hex().encode())
    maker.refuse("cannot be in a text", basic(encoding="ascii"), b"1 2 3")
    maker.refuse("climbs", [*basic(), "data file: ../x.raw"])
    maker.refuse("absolute", [*basic(), "data file: /etc/passwd"])
    maker.refuse("data files", [*basic(), "data file: x%d.raw 1 100000 1"])
    maker.refuse("0 data files", [*basic(), "data file: LIST"])
    maker.refuse("equal parts", [*basic(), "data file: x%d.raw 1 7 1"])
    maker.cases.write()


def parse_nrrd(path):
    content = path.read_bytes()
    end = re.search(rb"\r?\n\r?\n", content)
    text = content if end is None else content[:end.start()]
    fields = dict(re.findall(r"^([a-zA-Z ]+): (.*?)\r?$", text.decode(), re.M))
    name = fields.get("data file")
    data = content[end.end():] if name is None else (path.parent / name).read_bytes()
    if fields["encoding"] in ("gzip", "gz"):
        data = gzip.decompress(data)
    dtype = np.dtype({"little": "<", "big": ">"}[fields.get("endian", "little")] + NRRD[fields["type"]])
    sizes = [int(v) for v in fields["sizes"].split()]
    assert len(sizes) == 3 and fields["kinds"] == "domain domain domain", path
    array = np.frombuffer(data, dtype).reshape(sizes[::-1])[None, ..., None]
    assert fields["space"] == "left-posterior-superior", path
    columns = np.array([[float(v) for v in column.split(",")]
                        for column in re.findall(r"\(([^)]*)\)", fields["space directions"])])
    origin = [float(v) for v in fields["space origin"].strip("()").split(",")]
    return array, 3, np.linalg.norm(columns, axis=1), ras_affine(columns, origin, (-1, -1, 1))


def shared(data, folder):
    cases = Cases(folder)
    for path in sorted(pathlib.Path(data).rglob("*")):
        if path.suffix in (".mha", ".mhd"):
            cases.add(path, *parse_metaimage(path))
        elif path.suffix in (".nrrd", ".nhdr"):
            cases.add(path, *parse_nrrd(path))
    cases.write()


def check(folder):
    names = sorted(pathlib.Path(folder).glob("*.mha"))
    assert names
    for path in names:
        array, n, spacing, affine = parse_metaimage(path)
        assert array.tobytes() == path.with_suffix(".bin").read_bytes(), path
        words = path.with_suffix(".txt").read_text().split()
        assert n == int(words[0]) and array.dtype.str[1:] == words[1], (path, n, words)
        numbers = np.array([float(word) for word in words[2:]])
        np.testing.assert_allclose(spacing, numbers[:3], rtol=1e-12)
        np.testing.assert_allclose(affine.ravel(), numbers[3:], rtol=1e-12, atol=1e-12)
    print(f"{len(names)} MetaImage files of ours are right")


if __name__ == "__main__":
    {"metaimage": make_metaimage, "nrrd": make_nrrd, "shared": shared,
     "check": check}[sys.argv[1]](*sys.argv[2:])
