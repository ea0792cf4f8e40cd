"""Compares what we read from every real DICOM file with pydicom.

Argument: a folder with `list.txt` (first line: the root of the sample data; then a line
each: path, tab, why we refused it or nothing) and, for file N, N.header, N.frames and for
palettes N.colours.
"""
import hashlib
import os
import pathlib
import sys
import warnings

import numpy as np
import pydicom
from pydicom.pixel_data_handlers.util import apply_color_lut, convert_color_space

warnings.simplefilter("ignore")

TYPES = {"u8": "u1", "i8": "i1", "u16": "<u2", "i16": "<i2", "u32": "<u4", "i32": "<i4",
         "f32": "<f4", "f64": "<f8"}

# Refused, and a part of the reason that we give.
REFUSED = {}

# What this pydicom cannot decode, and a file with the same pixels that it can.
TWINS = {
    "dcmqi/liver.dcm": None,
    "pydicom/MR_small_jpeg_ls_lossless.dcm": "pydicom/MR_small.dcm",
    "pydicom/MR_small_jp2klossless.dcm": "pydicom/MR_small.dcm",
    "pydicom/MR_small_RLE.dcm": "pydicom/MR_small.dcm",
    "pydicom/MR_small_bigendian.dcm": "pydicom/MR_small.dcm",
    "pydicom/MR_small_implicit.dcm": "pydicom/MR_small.dcm",
    "pydicom-data/emri_small_jpeg_ls_lossless.dcm": "pydicom-data/emri_small.dcm",
    "pydicom-data/emri_small_RLE.dcm": "pydicom-data/emri_small.dcm",
    "pydicom-data/US1_J2KR.dcm": "pydicom-data/US1_UNCR.dcm",
    "pydicom-data/liver_rle.dcm": "dcmqi/liver.dcm",
    "pydicom-data/liver_deflate.dcm": "dcmqi/liver.dcm",
}
for i in range(1, 5):
    name = f"IM-0001-{i:04d}-0001.dcm"
    TWINS[f"dicom2nifti/generic/compressed_jpegls/001/{name}"] = (
        f"dicom2nifti/generic/compressed_rle/001/{name}")
del TWINS["dcmqi/liver.dcm"]

# Neither: SHA-256 of the frames as pylibjpeg 2.1 with pylibjpeg-libjpeg decodes them.
HASHES = {
    "pydicom-data/JPEG-LL.dcm": "a6e9d32143339d3f5748b5520aa4e6c6ffb3550b6f71fdf17bdb2ebb44bc2611",
}

# Lossy and subsampled: decoders may round differently.
TOLERANCE = {"pydicom/SC_rgb_jpeg_dcmtk.dcm": 2}


def is_dicom(path):
    head = path.open("rb").read(132)
    if head[128:] == b"DICM":
        return True
    if len(head) < 132 or head[:2] not in (b"\x08\0", b"\x02\0"):
        return False
    try:
        return "SOPClassUID" in pydicom.dcmread(path, force=True)
    except Exception:
        return False


def load(path):
    kind, *shape = path.open("rb").readline().split()
    data = path.read_bytes()
    data = data[data.index(b"\n") + 1:]
    frames = np.frombuffer(data, TYPES[kind.decode()]).reshape([int(n) for n in shape])
    return frames


def expected_frames(path):
    ds = pydicom.dcmread(path, force=True)
    if "TransferSyntaxUID" not in ds.file_meta:
        ds.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        if not ds.is_implicit_VR:
            ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    array = ds.pixel_array
    if ds.PhotometricInterpretation in ("YBR_FULL", "YBR_FULL_422"):
        array = convert_color_space(array, "YBR_FULL", "RGB")
    frames = int(ds.get("NumberOfFrames", 1) or 1)
    return array.reshape(frames, ds.Rows, ds.Columns, ds.SamplesPerPixel), ds


def numbers(text):
    return [] if text in ("", "-") else [float(part) for part in text.split(",")]


def same(ours, theirs, what):
    theirs = [] if theirs is None else theirs
    theirs = [theirs] if not hasattr(theirs, "__len__") else theirs
    theirs = [float(value) for value in theirs if value is not None]
    assert ours == theirs, f"{what}: {ours} against {theirs}"


def group(ds, index, *path):
    """An element of a frame's functional groups, or of the shared ones."""
    groups = [ds.PerFrameFunctionalGroupsSequence[index]]
    groups += list(ds.get("SharedFunctionalGroupsSequence", []))
    for item in groups:
        for key in path:
            value = item.get(key)
            if value is None or (hasattr(value, "__len__") and len(value) == 0):
                break
            item = value[0] if isinstance(value, pydicom.Sequence) else value
        else:
            return item
    return None


def check_header(path, lines):
    ds = pydicom.dcmread(path, force=True)
    header, frames = {}, {}
    for line in lines:
        key, value = line.split("\t", 1)
        if key.startswith("frame_"):
            frames.setdefault(key, []).append(value)
        else:
            header[key] = value
    for key in ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID",
                "FrameOfReferenceUID", "PatientID", "Modality", "BodyPartExamined",
                "SeriesDescription", "PhotometricInterpretation"):
        if key == "PhotometricInterpretation" and header["pixels"] == "false":
            continue
        theirs = str(ds.get(key, "") or "").strip()
        assert header[key] == theirs, f"{key}: {header[key]!r} against {theirs!r}"
    shared = ds.get("SharedFunctionalGroupsSequence")
    for key in ("SeriesNumber", "InstanceNumber", "ImagePositionPatient",
                "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
                "SpacingBetweenSlices", "WindowCenter", "WindowWidth"):
        if not (shared and key not in ds):
            same(numbers(header[key]), ds.get(key), key)
    if not shared:
        same(numbers(header["slope"]), ds.get("RescaleSlope", 1), "slope")
        same(numbers(header["intercept"]), ds.get("RescaleIntercept", 0), "intercept")
    if header["pixels"] == "true":
        for key in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored",
                    "HighBit"):
            same(numbers(header[key]), ds[key].value, key)
        same(numbers(header["frames"]), int(ds.get("NumberOfFrames", 1) or 1), "frames")
        same(numbers(header["padding"]), ds.get("PixelPaddingValue"), "padding")
    groups = len(ds.get("PerFrameFunctionalGroupsSequence", []))
    if groups != int(ds.get("NumberOfFrames", 1) or 1):
        groups = 0  # liver_1frame.dcm: three frames' groups were left in it
    for index in range(groups):
        def each(key):
            return numbers(frames[key][index])
        same(each("frame_position"),
             group(ds, index, "PlanePositionSequence", "ImagePositionPatient"), "position")
        same(each("frame_orientation"),
             group(ds, index, "PlaneOrientationSequence", "ImageOrientationPatient"), "direction")
        same(each("frame_spacing"),
             group(ds, index, "PixelMeasuresSequence", "PixelSpacing"), "spacing")
        slope = group(ds, index, "PixelValueTransformationSequence", "RescaleSlope") or 1
        intercept = group(ds, index, "PixelValueTransformationSequence", "RescaleIntercept") or 0
        same(each("frame_rescale"), [slope, intercept], "rescale")
        same(each("frame_segment"), group(ds, index, "SegmentIdentificationSequence",
                                          "ReferencedSegmentNumber") or 0, "segment")


def main():
    folder = pathlib.Path(sys.argv[1])
    root, *lines = (folder / "list.txt").read_text().splitlines()
    root = pathlib.Path(root)
    ours = dict(line.split("\t", 1) for line in lines)
    there = sorted(str(pathlib.Path(at, file).relative_to(root))
                   for at, _, files in os.walk(root) for file in files
                   if is_dicom(pathlib.Path(at, file)))
    assert sorted(ours) == there, f"recognised: {set(ours) ^ set(there)}"
    counts = {"pydicom": 0, "twin": 0, "hash": 0, "refused": 0, "header": 0}
    bad = []
    for number, (name, problem) in enumerate(ours.items()):
        try:
            if problem:
                assert name in REFUSED and REFUSED[name] in problem, f"refused: {problem}"
                counts["refused"] += 1
                continue
            assert name not in REFUSED, "is not refused any more"
            path = folder / f"{number}.header"
            check_header(root / name, path.read_text(encoding="utf-8").splitlines())
            counts["header"] += 1
            if not (folder / f"{number}.frames").exists():
                assert "PixelData" not in pydicom.dcmread(root / name, force=True)
                continue
            frames = load(folder / f"{number}.frames")
            if name in HASHES:
                assert hashlib.sha256(frames.tobytes()).hexdigest() == HASHES[name], "hash"
                counts["hash"] += 1
                continue
            kind = "twin" if name in TWINS else "pydicom"
            expected, ds = expected_frames(root / TWINS.get(name, name))
            assert frames.shape == expected.shape, f"{frames.shape} against {expected.shape}"
            difference = np.abs(frames.astype(np.int64) - expected.astype(np.int64)).max()
            assert difference <= TOLERANCE.get(name, 0), f"pixels differ by {difference}"
            counts[kind] += 1
            if ds.PhotometricInterpretation == "PALETTE COLOR":
                colours = load(folder / f"{number}.colours")
                assert np.array_equal(colours[0], apply_color_lut(ds.pixel_array, ds)), "colours"
        except Exception as error:
            bad.append(f"{name}: {type(error).__name__} {error}")
    print(counts)
    if bad:
        sys.exit("\n".join(bad))
    assert counts["pydicom"] >= 45 and counts["twin"] >= 14, counts


main()
