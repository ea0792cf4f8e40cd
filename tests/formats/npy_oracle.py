"""numpy writes arrays of every kind, and what is in them as plain bytes.

Argument: a folder with list.txt (paths of real files). Left there: cases.txt, a line each of
  file, key ("" for npy), type, shape ("2x3"), bytes in C order   or
  file, key, "refused", a word of the reason.
"""
import io
import pathlib
import struct
import sys
import warnings
import zipfile
import zlib

import numpy as np

FOLDER = pathlib.Path(sys.argv[1])
NAMES = {"b1": "bool", "u1": "u8", "i1": "i8", "u2": "u16", "i2": "i16", "u4": "u32",
         "i4": "i32", "u8": "u64", "i8": "i64", "f2": "f16", "f4": "f32", "f8": "f64"}
cases = []
count = 0


def name(suffix):
    global count
    count += 1
    return FOLDER / f"{count}{suffix}"


def accept(path, key, array):
    array = np.asarray(array)
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
    raw = name(".raw")
    raw.write_bytes(little.tobytes())
    shape = "x".join(str(side) for side in array.shape)
    cases.append((path, key, NAMES[array.dtype.str[1:]], shape, raw))


def refuse(path, key, why):
    cases.append((path, key, "refused", why))


def sample(dtype, shape):
    random = np.random.default_rng(7)
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=int)) * dtype.itemsize
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    return np.frombuffer(random.bytes(size), dtype).reshape(shape)


def npy_file(header, data, version=(1, 0)):
    length = struct.pack("<H" if version[0] == 1 else "<I", len(header))
    path = name(".npy")
    path.write_bytes(b"\x93NUMPY" + bytes(version) + length + header + data)
    return path


def npy_files():
    for kind in NAMES:
        for order in "<>":
            for shape in [(), (5,), (0,), (3, 0, 2), (1, 1), (37, 41), (2, 3, 5), (33, 2, 3, 35)]:
                for layout in "CF":
                    array = np.array(sample(order + kind, shape), order=layout, copy=True)
                    path = name(".npy")
                    np.save(path, array)
                    accept(path, "", array)
    array = sample("<u2", (3, 4))
    for version in [(1, 0), (2, 0), (3, 0)]:
        path = name(".npy")
        with open(path, "wb") as file:
            np.lib.format.write_array(file, array, version)
        accept(path, "", array)
    data = array.tobytes()
    for header in [b"{'descr':'<u2','fortran_order':False,'shape':(3,4)}",
                   b"{'shape': (3L, 4L), 'fortran_order': False, 'descr': '<u2'}\n",
                   b' {"descr" :\t"=u2" , "shape": ( 3 ,4, ) , "fortran_order" : False , }  \n',
                   b"{'descr': 'u2', 'fortran_order': False, 'shape': (3, 4), }\0\0"]:
        accept(npy_file(header, data), "", array)
    accept(npy_file(b"{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", b"\0\1\7"), "",
           np.array([False, True, True]))
    accept(npy_file(b"{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4), }", data + b"more"),
           "", array)

    for header, why in [
            (b"{'descr': '<u2', 'fortran_order': False, 'shape': (3, 5), }", "truncated"),
            (b"{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999,), }", "elements"),
            (b"{'descr': '<u2', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
             "64 bits"),
            (b"{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999999999999,), }",
             "64 bits"),
            (b"{'descr': '<u2', 'fortran_order': False, 'shape': (-3, -4), }", "whole number"),
            (b"{'descr': '<u2', 'fortran_order': False, 'shape': (12), }", "tuple"),
            (b"{'descr': '<u2', 'fortran_order': False, 'shape': 12, }", "header"),
            (b"{'descr': '<u2', 'fortran_order': 0, 'shape': (3, 4), }", "True"),
            (b"{'descr': '<u2', 'shape': (3, 4), }", "lacks"),
            (b"{'descr': '<u2', 'descr': '<u2', 'fortran_order': False, 'shape': (3, 4), }", "twice"),
            (b"{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4), 'x': 1}", "does not know"),
            (b"{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4)} x", "behind"),
            (b"{'descr': '<\\x752', 'fortran_order': False, 'shape': (3, 4)}", "escape"),
            (b"{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4)", "header"),
            (b"{'descr': '<u2', 'fortran_order': False, 'shape': (" + b"1," * 100 + b")}", "axes"),
            (b"{'descr': '<u3', 'fortran_order': False, 'shape': (3, 4)}", "unknown element"),
            (b"{'descr': '|u2', 'fortran_order': False, 'shape': (3, 4)}", "unknown element"),
            (b"{'descr': '', 'fortran_order': False, 'shape': (3, 4)}", "unknown element"),
            (b"[" * 60000, "header"),
            (b"", "header")]:
        refuse(npy_file(header, data), "", why)
    refuse(npy_file(b"{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4)}", data, (4, 0)), "",
           "version")
    refuse(npy_file(b" " * 70000, data, (2, 0)), "", "header of")
    for array, why in [(np.array([{}, None], object), "never loaded"), (np.array(["a"]), "text"),
                       (np.array([b"a"]), "text"), (np.array([1j]), "complex"),
                       (np.array(["2020-01-01"], "M8[D]"), "dates"),
                       (np.array([3], "m8[s]"), "time spans"),
                       (np.zeros(2, [("a", "<u2"), ("b", "<f4")]), "structured"),
                       (np.zeros(2, "V3"), "structured"), (np.zeros(2, np.longdouble), "floats")]:
        path = name(".npy")
        np.save(path, array, allow_pickle=True)
        refuse(path, "", why)


class Unseekable(io.RawIOBase):
    """Where zipfile must write data descriptors."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)

    def flush(self):
        if not self.file.closed:
            self.file.flush()


def npy_bytes(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def zip_of(members, method=zipfile.ZIP_DEFLATED, target=None, comment=b"", zip64=False):
    path = name(".npz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(target(path) if target else path, "w", method) as archive:
            archive.comment = comment
            for key, data in members:
                with archive.open(key, "w", force_zip64=zip64) as member:
                    member.write(data)
    return path


def npz_files():
    arrays = {"imgs": sample("<u1", (4, 30, 31)), "gts": sample(">i2", (4, 30, 31)) * 0 + 3,
              "spacing": np.array([.5, .75, 3.0]), "a/b c": sample("|b1", (3, 3)),
              "ends.npy": sample("<f2", (2,)), "scalar": np.float32(2.5),
              "empty": np.zeros((0, 3), "<i8"), "fortran": np.asfortranarray(sample("<u4", (9, 8, 7)))}
    for save in np.savez, np.savez_compressed:
        path = name(".npz")
        save(path, np.arange(7), **arrays)
        accept(path, "arr_0", np.arange(7))
        for key, array in arrays.items():
            accept(path, key, array)
    picture = np.tile(np.arange(200, dtype="<u2"), (50, 1))
    data = npy_bytes(picture)
    for zip64 in False, True:
        for method in zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED:
            for target in None, Unseekable:
                path = zip_of([("x.npy", data), ("y.npy", data)], method, target, b"note", zip64)
                accept(path, "x", picture)
                accept(path, "y", picture)
    path = zip_of([("folder/", b""), ("folder/x.npy", data), ("readme.txt", b"words"),
                   ("objects.npy", npy_bytes(np.array([None], object))),
                   ("short.npy", data[:-1]), ("long.npy", data + b"!"), ("bare", data)])
    accept(path, "folder/x", picture)
    accept(path, "bare", picture)
    refuse(path, "readme.txt", "signature")
    refuse(path, "objects", "never loaded")
    refuse(path, "short", "shape needs")
    refuse(path, "long", "shape needs")
    refuse(path, "absent", "not there")
    refuse(zip_of([("x.npy", data)], zipfile.ZIP_BZIP2), "x", "method 12")
    refuse(zip_of([("x.npy", data), ("x.npy", data)]), "x", "twice")
    refuse(zip_of([("x.npy", data), ("x", data)]), "x", "twice")
    path = zip_of([(f"{i}.npy", b"") for i in range(10001)], zipfile.ZIP_STORED)
    refuse(path, "x", "limit")
    damaged()


def patched(source, edit):
    data = bytearray(source.read_bytes())
    edit(data)
    path = name(".npz")
    path.write_bytes(data)
    return path


def damaged():
    picture = sample("<u1", (40, 40))
    stored = zip_of([("x.npy", npy_bytes(picture)), ("y.npy", npy_bytes(picture))],
                    zipfile.ZIP_STORED)
    deflated = zip_of([("x.npy", npy_bytes(picture * 0))])

    def put(at, form, *values):
        def edit(data):
            place = at(data) if callable(at) else at
            struct.pack_into(form, data, place, *values)
        return edit

    def entry(field):
        return lambda data: data.find(b"PK\1\2") + field

    def second(field):
        return lambda data: data.find(b"PK\1\2", data.find(b"PK\1\2") + 4) + field

    refuse(patched(stored, put(900, "<B", 77)), "x", "checksum")
    refuse(patched(deflated, put(entry(16), "<I", 1)), "x", "checksum")
    refuse(patched(deflated, put(entry(8), "<H", 1)), "x", "encrypted")
    refuse(patched(deflated, put(entry(10), "<H", 99)), "x", "method 99")
    refuse(patched(deflated, put(entry(24), "<I", 0xfffffff0)), "x", "deflate cannot")
    refuse(patched(deflated, put(entry(24), "<I", 1727)), "x", "shape needs")
    refuse(patched(stored, put(entry(24), "<I", 9999)), "x", "two sizes")
    refuse(patched(stored, put(entry(20), "<II", 0x7fffffff, 0x7fffffff)), "x", "directory")
    refuse(patched(stored, put(second(42), "<I", 0)), "x", "another name")
    refuse(patched(stored, put(second(42), "<I", 5)), "x", "not where")
    refuse(patched(stored, put(second(42), "<I", 0xfffffffe)), "x", "behind the directory")
    refuse(patched(stored, put(30, "<B", ord("z"))), "x", "another name")
    refuse(patched(stored, lambda data: data.pop()), "x", "directory")
    refuse(patched(stored, lambda data: data.__delitem__(slice(100, 200))), "x", "directory")
    refuse(patched(stored, put(-12, "<H", 9)), "x", "directory")
    refuse(patched(stored, lambda data: data.clear()), "x", "truncated")

    # The classic bomb: many entries over the same bytes.
    body = zlib.compress(npy_bytes(np.zeros((1000, 1000), "u1")))[2:-4]
    raw = npy_bytes(np.zeros((1000, 1000), "u1"))
    local = struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, 0, 8, 0, 0, zlib.crc32(raw), len(body),
                        len(raw), 5, 0) + b"x.npy" + body
    directory = b"".join(struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 20, 20, 0, 8, 0, 0,
                                     zlib.crc32(raw), len(body), len(raw), 5, 0, 0, 0, 0, 0, 0)
                         + b"x.npy" for _ in range(2))
    end = struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 2, 2, len(directory), len(local), 0)
    path = name(".npz")
    path.write_bytes(local + directory + end)
    refuse(path, "x", "over one another")


def real_files():
    for line in (FOLDER / "list.txt").read_text().splitlines():
        path = pathlib.Path(line)
        if path.suffix == ".npy":
            try:
                accept(path, "", np.load(path, allow_pickle=False))
            except ValueError:
                refuse(path, "", "never loaded")
            continue
        with np.load(path, allow_pickle=False) as archive:
            for key in archive.files:
                try:
                    accept(path, key, archive[key])
                except ValueError:
                    refuse(path, key, "never loaded")


npy_files()
npz_files()
real_files()
with open(FOLDER / "cases.txt", "w") as out:
    for case in cases:
        out.write("\t".join(str(field) for field in case) + "\n")
