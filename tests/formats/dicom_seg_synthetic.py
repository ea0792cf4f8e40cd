"""Writes segmentations (SEG) with traps, and what their masks must be.

Argument: a folder. NAME.dcm gets NAME.expected: "planes rows columns segment segment ...",
then for each segment all planes of 0 and 1.
"""
import pathlib
import sys
import warnings

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

warnings.simplefilter("ignore")
folder = pathlib.Path(sys.argv[1])
random = np.random.default_rng(7)
PLANES, ROWS, COLUMNS = 6, 17, 23
STEP = np.array([0.0, 0.4, 2.5])  # sheared: the planes shift as they rise


def item(**elements):
    ds = Dataset()
    for key, value in elements.items():
        setattr(ds, key, value)
    return ds


def segment(number):
    category = item(CodeValue="123037004", CodingSchemeDesignator="SCT", CodeMeaning="Anatomy")
    kind = item(CodeValue=f"T-{number}", CodingSchemeDesignator="SRT", CodeMeaning="Thing")
    return item(SegmentNumber=number, SegmentLabel=f"Größe {number}", SegmentAlgorithmType="MANUAL",
                SegmentedPropertyCategoryCodeSequence=Sequence([category]),
                SegmentedPropertyTypeCodeSequence=Sequence([kind]))


def write(name, kind, frames, numbers, expected, placed=True, maximum=255, allocated=1,
          encode=None, syntax=ExplicitVRLittleEndian, overlap=None, spaced=True):
    """frames: (segment, plane, pixels) in the order that they are stored."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ("1.2.840.10008.5.1.4.1.1.66.7" if kind == "LABELMAP"
                                    else "1.2.840.10008.5.1.4.1.1.66.4")
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = syntax
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.is_little_endian, ds.is_implicit_VR = True, False
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    ds.Modality, ds.SeriesInstanceUID, ds.StudyInstanceUID = "SEG", "1.9", "1.8"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = ROWS, COLUMNS, 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.NumberOfFrames = len(frames)
    ds.BitsAllocated = ds.BitsStored = allocated
    ds.HighBit, ds.PixelRepresentation = allocated - 1, 0
    ds.SegmentationType = kind
    if kind == "FRACTIONAL":
        ds.SegmentationFractionalType, ds.MaximumFractionalValue = "PROBABILITY", maximum
    if overlap:
        ds.SegmentsOverlap = overlap
    ds.SegmentSequence = Sequence([segment(number) for number in numbers])
    measures = item(PixelSpacing=[0.5, 0.75], SliceThickness=2.5)
    if spaced:
        measures.SpacingBetweenSlices = 2.5
    shared = item(PixelMeasuresSequence=Sequence([measures]))
    if placed:
        shared.PlaneOrientationSequence = Sequence(
            [item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for number, plane, _ in frames:
        group = item()
        image = item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2",
                     ReferencedSOPInstanceUID=f"1.2.100.{plane}")
        group.DerivationImageSequence = Sequence([item(SourceImageSequence=Sequence([image]))])
        if placed:
            position = [round(float(v), 6) for v in np.array([1.5, -2, 30]) + plane * STEP]
            group.PlanePositionSequence = Sequence([item(ImagePositionPatient=position)])
        if kind != "LABELMAP":
            group.SegmentIdentificationSequence = Sequence([item(ReferencedSegmentNumber=number)])
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    pixels = np.stack([pixels for _, _, pixels in frames])
    if encode:
        ds.PixelData = encapsulate([encode(frame) for frame in pixels])
        ds["PixelData"].is_undefined_length = True
    else:
        data = (np.packbits(pixels.ravel(), bitorder="little") if allocated == 1
                else pixels).tobytes()
        ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if allocated <= 8 else "OW"
    ds.save_as(folder / f"{name}.dcm", write_like_original=False)
    wanted = [n for n in numbers if n > 0]
    line = " ".join(map(str, [expected.shape[1], ROWS, COLUMNS, *wanted])) + "\n"
    (folder / f"{name}.expected").write_bytes(line.encode() + expected.astype("u1").tobytes())


def shuffled(frames):
    return [frames[i] for i in random.permutation(len(frames))]


# Two overlapping segments with gapped numbers; empty frames are left out, at both ends of
# a segment and in the middle.
masks = (random.random((2, PLANES, ROWS, COLUMNS)) < 0.4).astype("u1")
masks[0, [0, 3]] = 0
masks[1, [3, 5]] = 0
frames = [(number, k, masks[s, k]) for s, number in enumerate((3, 7)) for k in range(PLANES)
          if masks[s, k].any()]
write("overlap", "BINARY", shuffled(frames), (3, 7), masks, overlap="YES")
write("without_spacing", "BINARY", shuffled(frames), (3, 7), masks, spaced=False)
write("by_source", "BINARY", shuffled(frames), (3, 7), masks, placed=False)

# Every second plane is empty: the file's own step fills the gaps.
gaps = masks.copy()
gaps[:, 1::2] = 0
gaps[:, 4] |= gaps[:, 4] == 0
frames = [(number, k, gaps[s, k]) for s, number in enumerate((3, 7)) for k in range(PLANES)
          if gaps[s, k].any()]
write("gaps", "BINARY", shuffled(frames), (3, 7), gaps[:, :5])

# One-bit frames that begin on a byte of their own.
packed = lambda frame: np.packbits(frame.ravel(), bitorder="little").tobytes()


def rle(frame):
    data = packed(frame)
    runs = b"".join(bytes([len(part) - 1]) + part
                    for part in (data[i:i + 128] for i in range(0, len(data), 128)))
    return np.array([1, 64] + [0] * 14, "<u4").tobytes() + runs + b"\0" * (len(runs) % 2)


frames = [(number, k, masks[s, k]) for s, number in enumerate((3, 7)) for k in range(PLANES)
          if masks[s, k].any()]
write("rle_bits", "BINARY", shuffled(frames), (3, 7), masks, encode=rle, syntax=RLELossless)

# Half of the maximum is inside.
values = random.integers(0, 201, (1, PLANES, ROWS, COLUMNS)).astype("u1")
values[0, 0, 0, :2] = 99, 100
frames = [(1, k, values[0, k]) for k in range(PLANES)]
write("fractional", "FRACTIONAL", shuffled(frames), (1,), values >= 100, maximum=200, allocated=8)

labels = random.choice(np.array([0, 2, 300], "u2"), (PLANES, ROWS, COLUMNS))
labels[2] = 0
frames = [(0, k, labels[k]) for k in range(PLANES) if labels[k].any()]
write("label_map", "LABELMAP", shuffled(frames), (0, 2, 300),
      np.stack([labels == 2, labels == 300]), allocated=16)
