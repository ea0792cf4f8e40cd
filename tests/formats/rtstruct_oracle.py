"""Computes masks of structure sets on its own and compares them with ours.

Argument: a folder with `list.txt`: a line each "ours, RTSTRUCT, ROI number". `ours` holds
"K rows columns", an RAS affine of voxels, then the mask. A voxel is inside when a ray from
its centre crosses the outlines of its slice an odd number of times, or when an outline
passes within a thousandth of a voxel.
"""
import pathlib
import sys
import warnings

import numpy as np
import pydicom

warnings.simplefilter("ignore")
ON_OUTLINE = 1e-3


def load(path):
    shape, affine, data = path.read_bytes().split(b"\n", 2)
    shape = [int(n) for n in shape.split()]
    return (np.frombuffer(data, "u1").reshape(shape),
            np.array(affine.split(), float).reshape(4, 4))


def outlines(path, number, affine, planes):
    """Polygons in voxels (x, y) by slice, each once."""
    ds = pydicom.dcmread(path, force=True)
    to_voxels = np.linalg.inv(affine)
    found = {}
    for roi in ds.ROIContourSequence:
        if int(roi.ReferencedROINumber) != number:
            continue
        for contour in roi.get("ContourSequence", []):
            if contour.ContourGeometricType not in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR"):
                continue
            points = np.array(contour.ContourData, float).reshape(-1, 3) * [-1, -1, 1]
            voxels = points @ to_voxels[:3, :3].T + to_voxels[:3, 3]
            k = int(np.rint(voxels[0, 2]))
            if not 0 <= k < planes or np.abs(voxels[:, 2] - k).max() > 0.5001:
                continue
            polygon = np.round(voxels[:, :2], 9).tolist()
            if polygon not in found.setdefault(k, []):
                found[k].append(polygon)
    return found


def inside(polygons, rows, columns):
    y, x = np.mgrid[:rows, :columns].astype(float)
    odd = np.zeros((rows, columns), bool)
    on_line = np.zeros((rows, columns), bool)
    for polygon in polygons:
        for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1]):
            straddles = (ay > y) != (by > y)
            if ay != by:
                odd ^= straddles & (x < ax + (y - ay) * (bx - ax) / (by - ay))
            length = (bx - ax) ** 2 + (by - ay) ** 2
            along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length if length else 0 * x
            along = np.clip(along, 0, 1)
            on_line |= np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)) <= ON_OUTLINE
    return odd | on_line


def main():
    lines = (pathlib.Path(sys.argv[1]) / "list.txt").read_text().splitlines()
    assert lines
    voxels = 0
    for line in lines:
        ours, rtstruct, number = line.split("\t")
        mask, affine = load(pathlib.Path(ours))
        expected = np.zeros_like(mask)
        for k, polygons in outlines(rtstruct, int(number), affine, len(mask)).items():
            expected[k] = inside(polygons, *mask.shape[1:])
        differ = int((mask != expected).sum())
        if differ:
            sys.exit(f"{rtstruct}, ROI {number}: {differ} voxels differ")
        voxels += int(mask.sum())
    assert voxels > 1000
    print(f"{len(lines)} regions, {voxels} voxels as a ray from each centre counts them")


main()
