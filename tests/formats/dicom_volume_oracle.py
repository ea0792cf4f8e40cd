"""Compares volumes made of DICOM series with NIfTI files of the same scans.

Argument: a folder with `list.txt`: a line each "our volume, tab, NIfTI". The files may hold
the voxels in any order: both affines lead to millimetres, and there the values must agree.
"""
import pathlib
import sys

import nibabel
import numpy as np


def load(path):
    data = path.read_bytes()
    end = data.index(b"\n")
    numbers = [float(part) for part in data[:end].split()]
    size = [int(n) for n in numbers[:3]]
    values = np.frombuffer(data[end + 1:], "<f8").reshape(size[::-1]).transpose(2, 1, 0)
    return values, np.array(numbers[3:]).reshape(4, 4)


def check(ours, affine, path):
    image = nibabel.load(path)
    theirs = image.get_fdata()
    theirs = theirs.reshape(theirs.shape[:3])
    index = np.stack(np.meshgrid(*map(np.arange, ours.shape), indexing="ij"), -1)
    there = nibabel.affines.apply_affine(np.linalg.inv(image.affine) @ affine, index)
    nearest = np.rint(there).astype(int)
    assert np.abs(there - nearest).max() < 0.05, f"off the grid by {np.abs(there - nearest).max()}"
    assert nearest.min() >= 0 and (nearest.reshape(-1, 3).max(0) < theirs.shape).all(), "outside"
    assert ours.size == theirs.size, f"{ours.shape} against {theirs.shape}"
    values = theirs[tuple(nearest.reshape(-1, 3).T)].reshape(ours.shape)
    assert np.array_equal(values, ours), f"{(values != ours).sum()} voxels differ"
    assert len(np.unique(ours)) > 50


def main():
    lines = (pathlib.Path(sys.argv[1]) / "list.txt").read_text().splitlines()
    assert lines
    for line in lines:
        ours, nifti = line.split("\t")
        try:
            check(*load(pathlib.Path(ours)), nifti)
        except AssertionError as error:
            sys.exit(f"{nifti}: {error}")
    print(f"{len(lines)} volumes as nibabel has them")


main()
