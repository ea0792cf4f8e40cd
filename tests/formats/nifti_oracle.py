"""What nibabel reads from NIfTI and Analyze files.

nifti_oracle.py make FOLDER: synthetic files of every kind, and cases.tsv.
nifti_oracle.py shared DATA FOLDER: cases.tsv for every such file below DATA.
nifti_oracle.py check FOLDER: nibabel must read what our writer put there.
"""
import gzip
import logging
import pathlib
import struct
import sys
import warnings

sys.dont_write_bytecode = True

import nibabel
import numpy as np
from volume_cases import Cases, decimal

RANDOM = np.random.default_rng(20240917)
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore")

MM = {1: 1000.0, 3: 0.001}  # metres, microns; nibabel leaves these to its caller
CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768, "i8": 1024,
         "u8": 1280}
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
RGBA = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])
LABELS = (b'<?xml version="1.0"?> <CaretExtension><VolumeInformation Index="0"><LabelTable>\n'
          b'<Label Key="1" Red="0"><![CDATA[spleen]]></Label>\n<Label Red="1" Key=\'7\'>a &amp; b'
          b'&#228;</Label><LabelX Key="9">no</LabelX>\n</LabelTable></VolumeInformation>'
          b'</CaretExtension>')


def random_array(shape, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return RANDOM.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return RANDOM.integers(info.min, info.max, size=shape, dtype=dtype, endpoint=True)


def fkjic(array_ijk, vectors=False):
    """nibabel's order of axes -> ours."""
    if array_ijk.dtype.names:
        count = len(array_ijk.dtype.names)
        array = np.stack([array_ijk[name] for name in array_ijk.dtype.names], axis=-1)
        assert array.shape[-1] == count
    elif vectors:
        array = np.moveaxis(array_ijk.reshape(array_ijk.shape[:5]), 4, -1)
    else:
        array = array_ijk[..., np.newaxis]
    spatial = array.shape[:-1]
    while len(spatial) > 4:
        assert spatial[-1] == 1
        spatial = spatial[:-1]
    spatial = tuple(spatial) + (1,) * (4 - len(spatial))
    array = array.reshape(spatial + array.shape[-1:], order="A")
    return np.ascontiguousarray(array.transpose(3, 2, 1, 0, 4))


def add_loaded(cases, file, path, vectors=False, second="-", second_path=None, orientation="-",
               header_only=False, nominal=None):
    """One case of what nibabel makes of `path`."""
    image = nibabel.load(str(path))
    header = image.header
    analyze = not isinstance(header, nibabel.Nifti1Header)
    mm = 1.0 if analyze else MM.get(int(header["xyzt_units"]) & 7, 1.0)
    if header_only:
        raw = np.zeros(image.shape, header.get_data_dtype())
    else:
        raw = np.asanyarray(image.dataobj.get_unscaled())
    slope, inter = (1.0, 0.0) if raw.dtype.names else (image.dataobj.slope, image.dataobj.inter)
    array = fkjic(raw, vectors)
    scaled = None
    if (slope, inter) != (1.0, 0.0) and not header_only and raw.dtype.kind != "f":
        scaled = fkjic(np.asanyarray(image.dataobj, dtype=np.float64), vectors)
    affine = None
    if not analyze:
        affine = np.array(image.affine, dtype=np.float64)
        affine[:3] *= mm
        if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-12:
            affine = None
    pixdim = np.abs(header["pixdim"][1:4])
    spacing = []
    for axis in range(3):
        value = pixdim[axis] if nominal is None else nominal[axis]
        if not (np.isfinite(value) and value > 0):
            value = np.linalg.norm(affine[:3, axis]) / mm if affine is not None else 1.0
        spacing.append(decimal(type(value)(value * mm)) if mm != 1 else decimal(value))
    cases.add(file, array, len(image.shape), spacing, affine, slope, inter, second, orientation,
              header_only, scaled)


def header_of(shape, dtype, version=1, endianness="<", pair=False):
    kind = {(1, False): nibabel.Nifti1Header, (1, True): nibabel.nifti1.Nifti1PairHeader,
            (2, False): nibabel.Nifti2Header, (2, True): nibabel.nifti2.Nifti2PairHeader}
    header = kind[version, pair](endianness=endianness)
    header["dim"][0] = len(shape)
    header["dim"][1:] = 1
    header["dim"][1:len(shape) + 1] = shape
    dtype = np.dtype(dtype)
    code = {3: 128, 4: 2304}[len(dtype.names)] if dtype.names else CODES[dtype.str[1:]]
    header["datatype"] = code
    header["bitpix"] = dtype.itemsize * 8
    header["pixdim"][0] = 1
    header["pixdim"][1:4] = [1.5, 0.7, 2.25]
    header["scl_slope"] = np.nan
    header["vox_offset"] = 0 if pair else (352 if version == 1 else 544)
    return header


def data_of(array, endianness):
    dtype = array.dtype if array.dtype.names else array.dtype.newbyteorder(endianness)
    return array.astype(dtype).tobytes(order="F")


def extension(endianness, code, content):
    size = (8 + len(content) + 15) // 16 * 16
    return struct.pack(endianness + "ii", size, code) + content.ljust(size - 8, b"\0")


class Maker:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.cases = Cases(folder)
        self.count = 0

    def file(self, header, array, extensions=b"", suffix=".nii", pack=lambda b: b, **options):
        self.count += 1
        name = f"file{self.count:03}{suffix}"
        start = bytes([1 if extensions else 0, 0, 0, 0]) + extensions
        if extensions:
            header["vox_offset"] += len(extensions)
        content = header.binaryblock + start + data_of(array, header.endianness)
        (self.folder / name).write_bytes(pack(content))
        add_loaded(self.cases, name, self.folder / name, **options)
        return name

    def pair(self, header, array, pack_header=lambda b: b, pack_image=lambda b: b, gz=False,
             extra=b""):
        self.count += 1
        suffix = ".gz" if gz else ""
        name = f"file{self.count:03}.hdr{suffix}"
        image = f"file{self.count:03}.img{suffix}"
        (self.folder / name).write_bytes(pack_header(header.binaryblock + extra))
        (self.folder / image).write_bytes(pack_image(data_of(array, header.endianness)))
        add_loaded(self.cases, name, self.folder / name, second=image)

    def refuse(self, reason, header, array, name=None, content=None):
        self.count += 1
        name = name or f"file{self.count:03}.nii"
        if content is None:
            content = header.binaryblock + bytes(4) + data_of(array, header.endianness)
        (self.folder / name).write_bytes(content)
        self.cases.refused(name, reason)


def random_rotation():
    q = RANDOM.normal(size=4)
    return nibabel.quaternions.quat2mat(q / np.linalg.norm(q))


def kinds_of_numbers(maker):
    for version in (1, 2):
        for endianness in "<>":
            for code in CODES:
                header = header_of((5, 4, 3), code, version, endianness)
                maker.file(header, random_array((5, 4, 3), code))
            for dtype in (RGB, RGBA):
                array = RANDOM.integers(0, 256, (5, 4, 3, len(dtype.names)), dtype=np.uint8)
                array = array.view(dtype)[..., 0]
                maker.file(header_of((5, 4, 3), dtype, version, endianness), array)


def shapes(maker):
    for shape in [(7,), (5, 4), (5, 4, 1), (5, 4, 3, 1, 1), (5, 4, 1, 1, 1, 1, 1), (5, 4, 3, 6),
                  (5, 4, 3, 6, 1), (1, 1, 1)]:
        maker.file(header_of(shape, "i2"), random_array(shape, "i2"))
    for shape in [(5, 4, 3, 1, 3), (5, 4, 3, 2, 3), (5, 4, 1, 1, 32)]:
        header = header_of(shape, "f4", endianness=">")
        header["intent_code"] = 1007
        maker.file(header, random_array(shape, "f4"), vectors=True)
    header = header_of((5, 4, 3, 6), RGB)
    array = RANDOM.integers(0, 256, (5, 4, 3, 6, 3), dtype=np.uint8).view(RGB)[..., 0]
    maker.file(header, array)


def scalings(maker):
    for slope, inter in [(0, 5), (np.nan, np.nan), (2.5, -3), (1, 0), (2, -1024), (1, 1),
                         (7.109804153442383, -1024), (-1, 0), (np.inf, 1)]:
        for dtype in ("u1", "i2", "f4"):
            header = header_of((5, 4, 3), dtype)
            header["scl_slope"] = slope
            header["scl_inter"] = inter
            maker.file(header, random_array((5, 4, 3), dtype))


def set_sform(header, affine, code=2):
    header["sform_code"] = code
    for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
        header[name] = affine[row]


def set_qform(header, rotation, offset, code=1, qfac=1):
    quaternion = nibabel.quaternions.mat2quat(rotation)
    header["qform_code"] = code
    header["pixdim"][0] = qfac
    for part, name in zip(quaternion[1:], ("quatern_b", "quatern_c", "quatern_d")):
        header[name] = part
    for part, name in zip(offset, ("qoffset_x", "qoffset_y", "qoffset_z")):
        header[name] = part


def geometries(maker):
    array = random_array((4, 3, 2), "u1")
    for turn in range(24):
        version = 1 + turn % 2
        header = header_of(array.shape, "u1", version, "<>"[turn // 2 % 2])
        header["pixdim"][1:4] = RANDOM.uniform(0.2, 5, 3)
        if turn % 3 != 0:
            set_qform(header, random_rotation(), RANDOM.normal(size=3) * 100, 1 + turn % 5,
                      [1, -1, 0][turn % 3])
        if turn % 3 != 1:
            affine = np.eye(4)
            affine[:3] = RANDOM.normal(size=(3, 4)) * 3  # with shear
            set_sform(header, affine, 1 + turn % 4)
        maker.file(header, array)
    # Every way to lay three axes, in sform and in qform.
    signs = [(x, y, z) for x in (1, -1) for y in (1, -1) for z in (1, -1)]
    for order in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]:
        for sign in signs:
            affine = np.zeros((4, 4))
            affine[3, 3] = 1
            affine[order, (0, 1, 2)] = np.array(sign) * [1.5, 0.75, 2.25]
            affine[:3, 3] = [-10, 20, 30]
            name = "".join(nibabel.aff2axcodes(affine))
            header = header_of(array.shape, "u1")
            header["pixdim"][1:4] = [1.5, 0.75, 2.25]
            rotation = affine[:3, :3] / [1.5, 0.75, 2.25]
            if sign[0] > 0:
                set_sform(header, affine)
            else:
                qfac = 1 if np.linalg.det(rotation) > 0 else -1
                set_qform(header, rotation * [1, 1, qfac], affine[:3, 3], 1, qfac)
            maker.file(header, array, orientation=name)


def odd_geometries(maker):
    array = random_array((4, 3, 2), "u1")
    for pixdim in [(0, 2, 3), (-1.5, 2, 3), (0, 0, 0)]:
        for form in ("neither", "q", "s"):
            header = header_of(array.shape, "u1")
            header["pixdim"][1:4] = pixdim
            if form == "q":
                set_qform(header, random_rotation(), (1, 2, 3))
            if form == "s":
                set_sform(header, np.diag([2, 3, 4, 1]))
            maker.file(header, array, nominal=np.array(pixdim, np.float32).__abs__())
    for code in (9, -2):
        header = header_of(array.shape, "u1")
        set_sform(header, np.diag([2, 3, 4, 1]), code)
        set_qform(header, random_rotation(), (1, 2, 3), code)
        maker.file(header, array)
    header = header_of(array.shape, "u1")  # b, c, d a little longer than a unit quaternion
    set_qform(header, np.eye(3), (1, 2, 3))
    header["quatern_b"] = np.float32(1.0000001)
    maker.file(header, array)
    for bad in (np.zeros((4, 4)), np.full((4, 4), np.nan)):
        header = header_of(array.shape, "u1")
        set_sform(header, bad)
        maker.file(header, array)
    for units in (1, 2, 3, 10, 0, 1 + 16):
        for version in (1, 2):
            header = header_of(array.shape, "u1", version)
            header["xyzt_units"] = units
            header["pixdim"][1:4] = [0.5, 0.25, 2]
            set_qform(header, random_rotation(), (1, 2, 3))
            maker.file(header, array)
    header = header_of((4, 3), "u1")  # two dimensions, neither form
    maker.file(header, array[:, :, 0])


def in_members(content):
    parts = [content[:100], content[100:400], b"", content[400:]]
    return b"".join(gzip.compress(part) for part in parts) + bytes(512)


def containers(maker):
    array = random_array((6, 5, 4), "i2")
    maker.file(header_of(array.shape, "i2"), array, suffix=".nii.gz", pack=gzip.compress)
    maker.file(header_of(array.shape, "i2"), array, suffix=".nii.gz", pack=in_members)
    maker.file(header_of(array.shape, "i2"), array, pack=lambda b: b + b"behind the voxels")
    for endianness in "<>":
        for version in (1, 2):
            blocks = extension(endianness, 6, b"a comment") + extension(endianness, 0, LABELS)
            header = header_of(array.shape, "i2", version, endianness)
            maker.file(header, array, blocks, suffix=".nii.gz", pack=gzip.compress)
            header = header_of(array.shape, "i2", version, endianness, pair=True)
            maker.pair(header, array, extra=b"\1\0\0\0" + blocks)
            maker.pair(header, array, gzip.compress, gzip.compress, gz=True)
    for endianness in "<>":
        header = nibabel.Spm2AnalyzeHeader(endianness=endianness)
        header.set_data_shape(array.shape)
        header.set_data_dtype("i2")
        header["pixdim"][1:4] = [1.5, 0.7, 2.25]
        header["scl_slope"] = 2.5
        maker.pair(header, array)


def refusals(maker):
    array = random_array((5, 4, 3), "u1")
    for code, reason in [(1, "single bits"), (32, "complex"), (1536, "128-bit floats"),
                         (1792, "complex"), (2048, "complex"), (0, "none that NIfTI knows"),
                         (99, "none that NIfTI knows")]:
        header = header_of(array.shape, "u1")
        header["datatype"] = code
        maker.refuse(reason, header, array)
    header = header_of((5, 4, 3, 1, 3), "u1")
    maker.refuse("5 x 4 x 3 x 1 x 3", header, random_array((5, 4, 3, 1, 3), "u1"))
    header = header_of((5, 4, 3, 1, 1, 2), "u1")
    maker.refuse("a sixth never", header, random_array((5, 4, 3, 1, 1, 2), "u1"))
    for index, value, reason in [(1, 0, "has 0 elements"), (2, -3, "has -3 elements"),
                                 (0, 8, "8 dimensions")]:
        header = header_of(array.shape, "u1", 1)
        header["dim"][index] = value
        content = header.binaryblock + bytes(4) + array.tobytes()
        maker.refuse(reason if index else "dimensions", header, array, content=content)
    header = header_of(array.shape, "u1", 2)
    header["dim"][1:4] = [1 << 40, 1 << 40, 1]
    maker.refuse("more than", header, array)
    header = header_of(array.shape, "u1")
    header["vox_offset"] = 100
    maker.refuse("cannot begin at byte", header, array)
    header = header_of(array.shape, "u1")
    header["vox_offset"] = np.nan
    maker.refuse("cannot begin at byte", header, array)
    header = header_of(array.shape, "u1")
    header["vox_offset"] = 1e9
    maker.refuse("stand before its voxels", header, array)
    header = header_of(array.shape, "u1")
    header["scl_slope"], header["scl_inter"] = 1, np.inf
    maker.refuse("intercept", header, array)
    header = header_of(array.shape, "u1", pair=True)
    maker.refuse("file of their own", header, array)
    header = header_of(array.shape, "u1")
    header["vox_offset"] = 384
    content = header.binaryblock + b"\1\0\0\0" + struct.pack("<ii", 4000, 6) + bytes(500)
    maker.refuse("extensions", header, array, content=content)
    content = header_of(array.shape, "u1").binaryblock + bytes(4) + array.tobytes()
    maker.refuse("bytes that are no gzip", None, None, content=gzip.compress(content) + b"junk")
    damaged = bytearray(gzip.compress(content))
    damaged[-6] ^= 1
    maker.refuse("damaged", None, None, content=bytes(damaged))
    maker.refuse("neither a NIfTI", None, None, content=b"\x89PNG\r\n" + bytes(600))
    maker.refuse("neither a NIfTI", None, None, content=b"")


def make(folder):
    maker = Maker(folder)
    for part in (kinds_of_numbers, shapes, scalings, geometries, odd_geometries, containers, refusals):
        part(maker)
    maker.cases.write()


def shared(data, folder):
    cases = Cases(folder)
    for path in sorted(pathlib.Path(data).rglob("*")):
        if path.name.endswith((".nii", ".nii.gz")):
            add_loaded(cases, path, path)
        elif path.name.endswith(".hdr"):
            add_loaded(cases, path, path, header_only=True)
    cases.write()


def check(folder):
    """Each NAME.nii[.gz] of ours beside NAME.bin (voxels in our order) and NAME.txt."""
    names = sorted(pathlib.Path(folder).glob("*.txt"))
    assert names
    for text in names:
        words = text.read_text().split()
        path = text.with_suffix(".nii.gz")
        path = path if path.exists() else text.with_suffix(".nii")
        image = nibabel.load(str(path))
        raw = np.asanyarray(image.dataobj.get_unscaled())
        array = fkjic(raw, int(image.header["intent_code"]) == 1007)
        little = array.astype(array.dtype.newbyteorder("<"))
        assert little.tobytes() == text.with_suffix(".bin").read_bytes(), path
        version, sheared = int(words[0]), words[1] == "sheared"
        assert isinstance(image, nibabel.Nifti2Image) == (version == 2), path
        affine = np.array([float(word) for word in words[2:18]]).reshape(4, 4)
        np.testing.assert_allclose(image.affine, affine, rtol=1e-6, atol=1e-5)
        qform, qcode = image.get_qform(coded=True)
        sform, scode = image.get_sform(coded=True)
        assert scode == 1 and qcode == (0 if sheared else 1), (path, scode, qcode)
        if not sheared:
            np.testing.assert_allclose(qform, sform, rtol=1e-5, atol=1e-4)
        zooms = [decimal(zoom) for zoom in image.header["pixdim"][1:4]]
        np.testing.assert_allclose(zooms, [float(word) for word in words[18:21]], rtol=1e-7)
    print(f"nibabel reads {len(names)} files of ours")


if __name__ == "__main__":
    {"make": make, "shared": shared, "check": check}[sys.argv[1]](*sys.argv[2:])
