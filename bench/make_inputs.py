#!/usr/bin/env python3
"""Writes the input files of record_bench from a folder of real sample data.

    python3 bench/make_inputs.py SAMPLES OUT [PHANTOM]

One file a kind, OUT/<kind>.bin, little-endian: u32 count, then per image u32 width, height,
channels, bytes a sample, is-signed, and the rows. Every image of SAMPLES that is of a kind
goes in; what cannot be read is named and left out. Windows of CT are taken in Hounsfield
units, after RescaleSlope and RescaleIntercept. PHANTOM is a folder that slicebank-phantom
wrote: its pictures are kinds of their own, phantom_ct_00 and so on. Needs numpy, Pillow, nibabel and pydicom.
"""

import gzip
import pathlib
import re
import struct
import sys
import warnings

import nibabel
import numpy as np
import pydicom
from PIL import Image

warnings.filterwarnings("ignore")
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

SIDE_MIN = 48  # smaller images are another codec's business; `tiny28` is for them
SMALL_PIXELS = 200 * 200  # below, tables weigh more than pixels: kinds of their own
WINDOWS = {"ctw_40_400": (40, 400), "ctw_lung": (-160, 1500), "ctw_bone": (400, 2000),
           "ctw_brain": (40, 80)}


def note(path, why):
    print(f"left out {path}: {why}", file=sys.stderr)


class Kinds:
    """Collects the images of each kind, and writes them."""

    def __init__(self):
        self.images = {}

    def add(self, kind, array, side_min=SIDE_MIN):
        if array.ndim in (2, 3) and min(array.shape[:2]) >= side_min:
            if kind in ("ct8", "mr8", "ct16", "mr16") and array.size < SMALL_PIXELS:
                kind += "_small"
            self.images.setdefault(kind, []).append(np.ascontiguousarray(array))

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for kind, arrays in sorted(self.images.items()):
            with open(folder / f"{kind}.bin", "wb") as file:
                file.write(struct.pack("<I", len(arrays)))
                for array in arrays:
                    channels = array.shape[2] if array.ndim == 3 else 1
                    signed = int(array.dtype.kind == "i")
                    file.write(struct.pack("<5I", array.shape[1], array.shape[0], channels,
                                           array.itemsize, signed))
                    file.write(array.astype(array.dtype.newbyteorder("<")).tobytes())
            total = sum(array.nbytes for array in arrays)
            print(f"{kind}: {len(arrays)} images, {total} bytes")


def to_8_bit(array):
    """Stretches smallest..largest to 0..255, as 2-D datasets are made from volumes."""
    low, high = float(array.min()), float(array.max())
    if high <= low:
        return None
    return ((array - low) * (255.0 / (high - low))).astype(np.uint8)


def to_16_bit(array):
    """The stored integers as i16 or u16, or nothing when they do not fit."""
    if array.dtype.kind not in "iu" and not np.array_equal(array, np.round(array)):
        return None
    for dtype in (np.int16, np.uint16):
        limits = np.iinfo(dtype)
        if array.min() >= limits.min and array.max() <= limits.max:
            return array.astype(dtype)
    return None


def slices_of(volume):
    """Three slices along each axis of a volume; a picture is its own slice."""
    volume = np.squeeze(volume)
    if volume.ndim == 2:
        yield volume
    elif volume.ndim >= 3:
        while volume.ndim > 3:
            volume = volume[..., 0]
        for axis in range(3):
            for part in (0.4, 0.5, 0.6):
                yield np.take(volume, int(volume.shape[axis] * part), axis=axis)


def add_scan(kinds, modality, plane):
    """One slice of a scan, in 16 bits as stored and in 8 bits stretched."""
    if plane.max() == plane.min():
        return
    wide = to_16_bit(plane)
    if wide is not None:
        kinds.add(modality + "16", wide)
    narrow = to_8_bit(plane.astype(np.float64))
    if narrow is not None:
        kinds.add(modality + "8", narrow)


def add_dicom(kinds, path):
    data = pydicom.dcmread(path, force=True)
    if "PixelData" not in data or data.get("Modality") in ("SEG", "RTSTRUCT"):
        return
    pixels = data.pixel_array
    modality = data.get("Modality")
    if data.get("SamplesPerPixel", 1) == 3:
        frames = pixels if pixels.ndim == 4 else [pixels]
        kind = "us_rgb" if modality == "US" else "other_rgb"
        for frame in frames:
            if frame.dtype == np.uint8:
                kinds.add(kind, frame)
        return
    if modality == "US":
        kinds.add("us8", pixels)
    elif modality in ("CT", "MR"):
        for frame in pixels if pixels.ndim == 3 else [pixels]:
            add_scan(kinds, modality.lower(), frame)
        if modality == "CT" and pixels.ndim == 2 and min(pixels.shape) >= 128:
            units = pixels * float(data.get("RescaleSlope", 1))
            units = units + float(data.get("RescaleIntercept", 0))
            for kind, (level, width) in WINDOWS.items():
                scaled = np.clip((units - (level - width / 2)) / width, 0, 1)
                kinds.add(kind, (scaled * 255).astype(np.uint8))
    elif pixels.ndim == 2 and pixels.dtype.itemsize == 2:
        kinds.add("other16", pixels)


def modality_of(path):
    name = str(path).lower()
    return "ct" if re.search(r"(^|[^a-z])ct([^a-z]|$)|3dct|lung", name) else "mr"


def add_nifti(kinds, path):
    if re.search(r"seg|label|mask|lesion|draw|roi", path.name.lower()):
        for plane in slices_of(np.asarray(nibabel.load(path).dataobj)):
            labels = to_16_bit(plane)
            if labels is not None and labels.min() >= 0 and labels.max() < 256 and labels.any():
                kinds.add("label_map", labels.astype(np.uint8))
        return
    for plane in slices_of(np.asarray(nibabel.load(path).dataobj)):
        if plane.dtype.kind in "iuf":
            add_scan(kinds, modality_of(path), plane)


HEADER_TYPES = {"met_short": "i2", "met_ushort": "u2", "met_uchar": "u1", "met_float": "f4",
                "met_char": "i1", "short": "i2", "int16": "i2", "unsigned short": "u2", "unsigned char": "u1",
                "uint8": "u1", "float": "f4", "ushort": "u2", "int": "i4"}


def read_raw_header(path):
    """A MetaImage or NRRD volume with its data inline or in one raw file beside it."""
    raw = path.read_bytes()
    if path.suffix in (".nrrd", ".nhdr"):
        head, _, body = raw.partition(b"\n\n")
        pairs = re.findall(r"^([^:#\n]+):=?\s*(.+?)\s*$", head.decode("latin-1"), re.M)
        fields = {key.lower(): value for key, value in pairs}
        shape = [int(size) for size in fields["sizes"].split()][::-1]
        if "data file" in fields:
            body = (path.parent / fields["data file"]).read_bytes()
        if fields.get("encoding", "raw") in ("gzip", "gz"):
            body = gzip.decompress(body)
        order = ">" if fields.get("endian") == "big" else "<"
        kind = HEADER_TYPES[fields["type"]]
    else:
        end = re.search(rb"ElementDataFile\s*=\s*([^\r\n]+)\r?\n", raw)
        pairs = re.findall(r"^(\w+)\s*=\s*(.+?)\s*$", raw[:end.end()].decode("latin-1"), re.M)
        fields = dict(pairs)
        shape = [int(size) for size in fields["DimSize"].split()][::-1]
        where = end.group(1).decode().strip()
        body = raw[end.end():] if where == "LOCAL" else (path.parent / where).read_bytes()
        if fields.get("CompressedData", "False") == "True":
            import zlib
            body = zlib.decompress(body)
        order = ">" if fields.get("BinaryDataByteOrderMSB") == "True" else "<"
        kind = HEADER_TYPES[fields["ElementType"].lower()]
    count = int(np.prod(shape))
    return np.frombuffer(body, np.dtype(order + kind), count).reshape(shape).astype(kind)


def add_raw_header(kinds, path):
    volume = read_raw_header(path)
    is_label = re.search(r"label|mask|seg|ball", path.name.lower())
    for plane in slices_of(volume):
        if is_label:
            if plane.any() and 0 <= plane.min() and plane.max() < 256:
                kinds.add("label_map", plane.astype(np.uint8))
        else:
            add_scan(kinds, modality_of(path.name), plane)


def add_picture(kinds, path):
    name = path.name
    if "data_demo/images" in str(path):
        pixels = np.array(Image.open(path))
        gray = pixels[..., 0] if pixels.ndim == 3 else pixels
        kinds.add("mr8" if "amos_0507" in name else "ct8", gray)
        kinds.add("gray_as_rgb", np.repeat(gray[..., None], 3, axis=2))
    elif "data_demo/masks" in str(path):
        pixels = np.array(Image.open(path))
        gray = pixels[..., 0] if pixels.ndim == 3 else pixels
        kinds.add("mask", ((gray > 127) * 255).astype(np.uint8))
    elif name.startswith("retina"):
        kinds.add("fundus", np.array(Image.open(path).convert("RGB")))
    elif name in ("cell.png", "microaneurysms.png"):
        kinds.add("micro8", np.array(Image.open(path).convert("L")))


def add_tiny(kinds):
    """28 x 28 area-resized squares of the 8-bit kinds, the MedMNIST recipe."""
    for source, target in (("ct8", "tiny28_gray"), ("mr8", "tiny28_gray"),
                           ("ct8_small", "tiny28_gray"), ("mr8_small", "tiny28_gray"),
                           ("fundus", "tiny28_rgb")):
        for array in kinds.images.get(source, []):
            side = min(array.shape[:2])
            for top in range(0, array.shape[0] - side + 1, side):
                for left in range(0, array.shape[1] - side + 1, side):
                    square = Image.fromarray(array[top:top + side, left:left + side])
                    small = square.resize((28, 28), Image.Resampling.BOX)
                    kinds.add(target, np.array(small), side_min=28)


def add_phantom(kinds, folder):
    for path in sorted((folder / "images").glob("*.png")):
        kinds.add("phantom_" + path.name.split("--")[0], np.array(Image.open(path)))
    for path in sorted((folder / "masks").glob("*.png")):
        kinds.add("phantom_mask", ((np.array(Image.open(path)) > 0) * 255).astype(np.uint8))


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    samples, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    kinds = Kinds()
    for path in sorted(samples.rglob("*")):
        if not path.is_file():
            continue
        name = path.name.lower()
        try:
            if name.endswith((".nii", ".nii.gz")):
                add_nifti(kinds, path)
            elif name.endswith((".mha", ".mhd", ".nrrd", ".nhdr")):
                add_raw_header(kinds, path)
            elif name.endswith((".png", ".jpg", ".jpeg")):
                add_picture(kinds, path)
            elif name.endswith(".dcm") or b"DICM" == path.read_bytes()[128:132]:
                add_dicom(kinds, path)
        except Exception as error:  # sample data holds broken files on purpose
            note(path.relative_to(samples), f"{type(error).__name__}: {error}")
    add_tiny(kinds)
    if len(sys.argv) == 4:
        add_phantom(kinds, pathlib.Path(sys.argv[3]))
    kinds.write(out)


if __name__ == "__main__":
    main()
