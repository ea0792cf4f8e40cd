"""Checks segmentations: what we read against pydicom and NRRD, what we wrote with pydicom.

Argument: a folder with `list.txt`. A line "read, ours, SEG file, NRRD or -": `ours` holds
"K rows columns", "affine or -", "segments", "plane positions or -", a line each, then masks.
A line "written, SEG file, expected": expected holds "K rows columns segments", then masks.
"""
import gzip
import pathlib
import sys
import warnings

import numpy as np
import pydicom

warnings.simplefilter("ignore")


def load(path):
    data = path.read_bytes()
    lines = []
    for _ in range(4):
        line, data = data.split(b"\n", 1)
        lines.append(line.decode())
    shape = [int(n) for n in lines[0].split()]
    numbers = [int(n) for n in lines[2].split()]
    masks = np.frombuffer(data, "u1").reshape([len(numbers)] + shape)
    affine = None if lines[1] == "-" else np.array(lines[1].split(), float).reshape(4, 4)
    positions = None if lines[3] == "-" else np.array(lines[3].split(), float).reshape(-1, 3)
    return masks, numbers, affine, positions


def frames_of(ds):
    frames = ds.pixel_array.reshape(-1, ds.Rows, ds.Columns)
    kind, segments = ds.SegmentationType, [int(s.SegmentNumber) for s in ds.SegmentSequence]
    for frame, group in zip(frames, ds.PerFrameFunctionalGroupsSequence):
        where = group.get("PlanePositionSequence")
        where = None if where is None else np.array(where[0].ImagePositionPatient, float)
        if kind == "LABELMAP":
            for number in segments:
                if number:
                    yield number, where, frame == number
        else:
            number = int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
            if kind == "FRACTIONAL":
                frame = 2 * frame.astype(int) >= ds.MaximumFractionalValue
            yield number, where, frame


def check_read(ours, seg, nrrd):
    masks, numbers, affine, positions = load(pathlib.Path(ours))
    ds = pydicom.dcmread(seg)
    assert numbers == sorted(int(s.SegmentNumber) for s in ds.SegmentSequence if s.SegmentNumber)
    left = masks.copy()
    for number, where, frame in frames_of(ds):
        if where is None or positions is None:
            # Tiles of a slide: some plane of the segment holds just these pixels.
            assert any(np.array_equal(plane, frame) for plane in masks[numbers.index(number)])
            continue
        k = int(np.argmin(np.linalg.norm(positions - where, axis=1)))
        assert np.linalg.norm(positions[k] - where) < 0.01, f"no plane at {where}"
        mine = left[numbers.index(number), k]
        assert np.array_equal(mine, frame), f"segment {number}, plane {k} differ"
        mine[:] = 0
    if positions is not None:
        assert not left.any(), "planes without frames are not empty"
    if nrrd != "-":
        check_nrrd(masks, numbers, affine, nrrd)


def check_nrrd(masks, numbers, affine, nrrd):
    header, data = pathlib.Path(nrrd).read_bytes().split(b"\n\n", 1)
    fields = dict(line.split(": ", 1) for line in header.decode().splitlines()[1:]
                  if ": " in line and not line.startswith("#"))
    sizes = [int(n) for n in fields["sizes"].split()]
    labels = np.frombuffer(gzip.decompress(data), "<i2").reshape(sizes[::-1])
    vectors = [[float(n) for n in part.strip("()").split(",")]
               for part in fields["space directions"].split()]
    theirs = np.eye(4)
    theirs[:3, :3] = np.array(vectors).T
    theirs[:3, 3] = [float(n) for n in fields["space origin"].strip("()").split(",")]
    theirs[:2] *= -1  # left-posterior to right-anterior
    assert np.abs(affine - theirs).max() < 1e-3, f"{affine} against {theirs}"
    assert labels.shape == masks.shape[1:]
    assert labels.any()
    for mask, number in zip(masks, numbers):
        assert np.array_equal(mask, labels == number), f"segment {number} against NRRD"


def check_written(seg, expected):
    line, data = pathlib.Path(expected).read_bytes().split(b"\n", 1)
    planes, rows, columns, *numbers = [int(n) for n in line.split()]
    masks = np.frombuffer(data, "u1").reshape(len(numbers), planes, rows, columns)
    ds = pydicom.dcmread(seg)  # without force: preamble and meta group are right
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
    assert ds.SOPClassUID == "1.2.840.10008.5.1.4.1.1.66.4" and ds.Modality == "SEG"
    assert [int(s.SegmentNumber) for s in ds.SegmentSequence] == numbers
    tags = [element.tag for element in ds]
    assert tags == sorted(tags), "elements ascend"
    overlap = bool((masks.astype(int).sum(0) > 1).any())
    assert ds.SegmentsOverlap == ("YES" if overlap else "NO")
    for uid in (ds.SOPInstanceUID, ds.SeriesInstanceUID):
        assert pydicom.uid.UID(uid).is_valid
    seen = np.zeros_like(masks)
    frames = ds.pixel_array.reshape(-1, rows, columns)
    assert len(frames) == ds.NumberOfFrames == len(ds.PerFrameFunctionalGroupsSequence)
    assert frames.any(axis=(1, 2)).all() or not masks.any(), "an empty frame"
    for frame, group in zip(frames, ds.PerFrameFunctionalGroupsSequence):
        segment, plane = group.FrameContentSequence[0].DimensionIndexValues
        assert segment == group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == f"1.2.{plane - 1}"
        position = [float(n) for n in group.PlanePositionSequence[0].ImagePositionPatient]
        assert np.allclose(position, [-3, -4 + 0.25 * (plane - 1), 5 + 1.5 * (plane - 1)])
        seen[segment - 1, plane - 1] = frame
    assert np.array_equal(seen, masks)
    measures = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert [float(n) for n in measures.PixelSpacing] == [0.5, 0.25]
    references = ds.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert len(references) == planes
    dimensions = [item.DimensionIndexPointer for item in ds.DimensionIndexSequence]
    assert dimensions == [0x0062000B, 0x00200032]


def main():
    lines = (pathlib.Path(sys.argv[1]) / "list.txt").read_text().splitlines()
    assert lines
    for line in lines:
        verb, *rest = line.split("\t")
        try:
            (check_read if verb == "read" else check_written)(*rest)
        except AssertionError as error:
            sys.exit(f"{rest[0] if verb == 'written' else rest[1]}: {error}")
    print(f"{len(lines)} segmentations as pydicom has them")


main()
