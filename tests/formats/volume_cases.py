"""Writes cases.tsv for volume_cases.h: files and what they must decode to."""
import pathlib

import numpy as np

NAMES = {"b1": "bool", "u1": "u8", "i1": "i8", "u2": "u16", "i2": "i16", "u4": "u32", "i4": "i32",
         "u8": "u64", "i8": "i64", "f4": "f32", "f8": "f64"}


def decimal(value):
    """The shortest decimal of a float32; a float64 as it is."""
    return float(str(value)) if isinstance(value, np.float32) else float(value)


def row_of(numbers):
    return "-" if numbers is None else " ".join(repr(float(n)) for n in np.ravel(numbers))


class Cases:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.lines = []

    def refused(self, file, reason, second="-"):
        self.lines.append([str(file), str(second), "refused"] + [""] * 10 + [reason])

    def add(self, file, array_fkjic, dimensions, spacing=None, affine=None, slope=1.0, intercept=0.0,
            second="-", orientation="-", header_only=False, scaled=None):
        """array_fkjic: [frame, k, j, i, channel]; scaled: the same shape, as float64."""
        frames, k, j, i, channels = array_fkjic.shape
        voxels = scaled_file = "-"
        if not header_only:
            voxels = f"voxels{len(self.lines)}"
            little = array_fkjic.astype(array_fkjic.dtype.newbyteorder("<"))
            (self.folder / voxels).write_bytes(little.tobytes())
        if scaled is not None:
            scaled_file = f"scaled{len(self.lines)}"
            (self.folder / scaled_file).write_bytes(np.ascontiguousarray(scaled, "<f8").tobytes())
        self.lines.append([
            str(file), str(second), NAMES[array_fkjic.dtype.str[1:]], f"{i} {j} {k}", str(frames),
            str(channels), str(dimensions), repr(float(slope)), repr(float(intercept)),
            row_of(spacing), row_of(affine), orientation, f"{voxels} {scaled_file}", ""])

    def write(self):
        for line in self.lines:
            assert not any("\t" in cell or "\n" in cell for cell in line), line
        # A last cell that is empty would be lost.
        text = "\n".join("\t".join(cell or "." for cell in line) for line in self.lines)
        (self.folder / "cases.tsv").write_text(text + "\n")
