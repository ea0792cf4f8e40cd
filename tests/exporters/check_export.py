"""Reads an exported folder as the layout's own loaders do, with nothing of ours.

usage: check_export.py sa-med2d|sam-med2d|medsam-npz|images FOLDER
Exit status: 0 sound, 1 not, 77 when a module is missing. The rules are those of the
readers: SAM-Med2D's DataLoader.py, the SA-Med2D-20M card, LiteMedSAM's npz_to_npy.py and
compute_metrics.py.
"""

import csv
import json
import os
import re
import struct
import sys
import zlib

try:
    import numpy as np
except ImportError:
    sys.exit(77)

CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}


def read_png(path):
    """8- and 16-bit PNG, not interlaced, as (height, width, channels)."""
    with open(path, "rb") as stream:
        data = stream.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    place, packed, header = 8, b"", None
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        (crc,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        assert crc == zlib.crc32(kind + body), path
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        place += 12 + length
    width, height, depth, colour, _, _, interlaced = header
    assert depth in (8, 16) and interlaced == 0, (path, header)
    pixel = CHANNELS[colour] * depth // 8
    raw = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * pixel)
    rows = np.zeros((height, width * pixel), np.uint8)
    above = np.zeros(width * pixel, np.int64)
    for y in range(height):
        line, kind = raw[y, 1:].astype(np.int64), raw[y, 0]
        if kind == 2:
            line = (line + above) % 256
        elif kind in (1, 3, 4):
            for x in range(len(line)):
                left = line[x - pixel] if x >= pixel else 0
                corner = above[x - pixel] if x >= pixel else 0
                if kind == 1:
                    guess = left
                elif kind == 3:
                    guess = (left + above[x]) // 2
                else:
                    base = left + above[x] - corner
                    ways = (abs(base - left), abs(base - above[x]), abs(base - corner))
                    guess = (left, above[x], corner)[ways.index(min(ways))]
                line[x] = (line[x] + guess) % 256
        rows[y], above = line, line
    if depth == 16:
        return rows.view(">u2").astype(np.uint16).reshape(height, width, CHANNELS[colour])
    return rows.reshape(height, width, CHANNELS[colour])


def load_mask(path, shape):
    """As SAM-Med2D reads it: gray, scaled by 255 when that is its largest value."""
    mask = read_png(path)
    assert mask.dtype == np.uint8 and mask.shape == (shape[0], shape[1], 1), path
    mask = mask[:, :, 0]
    if mask.max() == 255:
        mask = mask / 255
    assert set(np.unique(mask)) <= {0, 1}, (path, np.unique(mask))
    assert mask.any(), f"{path} is empty: no box can be drawn"
    return mask


def unique_pairs(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), "a key stands twice"
    return dict(pairs)


def load_json(path):
    with open(path, encoding="utf-8") as stream:
        return json.load(stream, object_pairs_hook=unique_pairs)


def check_sa_med2d(folder):
    pairs = load_json(os.path.join(folder, "SAMed2D_v1.json"))
    classes = load_json(os.path.join(folder, "SAMed2D_v1_class_mapping_id.json"))
    for dataset, names in classes.items():
        codes = list(names.values())
        assert all(re.fullmatch("[0-9]{4}", code) for code in codes), (dataset, codes)
        assert len(codes) == len(set(codes)), dataset
    listed = set()
    for image, masks in pairs.items():
        assert image.startswith("images/") and image.endswith(".png") and "\\" not in image
        stem = image[len("images/") : -len(".png")]
        fields = stem.split("--")
        assert len(fields) >= 4, image
        assert re.fullmatch(r"(x|y|z)_[0-9]{4,}|2d_none", fields[-1]), image
        assert fields[1] in classes, image
        pixels = read_png(os.path.join(folder, image))
        assert pixels.dtype == np.uint8 and pixels.shape[2] in (1, 3), image
        listed.add(image)
        for mask in masks:
            name = re.fullmatch(r"masks/(.*)--([0-9]{4})_([0-9]{3,})\.png", mask)
            assert name and name.group(1) == stem, mask
            assert name.group(2) in classes[fields[1]].values(), mask
            load_mask(os.path.join(folder, mask), pixels.shape)
            assert mask not in listed, mask
            listed.add(mask)
    on_disk = {
        f"{part}/{name}"
        for part in ("images", "masks")
        if os.path.isdir(os.path.join(folder, part))
        for name in os.listdir(os.path.join(folder, part))
    }
    assert on_disk == listed, on_disk ^ listed
    return {"images": len(pairs), "masks": len(listed) - len(pairs)}


def check_sam_med2d(folder):
    """Paths in the lists are relative to where the training is started."""
    train = load_json(os.path.join(folder, "image2label_train.json"))
    test = load_json(os.path.join(folder, "label2image_test.json"))
    os.chdir(os.path.dirname(os.path.abspath(folder)))
    for image, masks in train.items():
        pixels = read_png(image)
        assert pixels.dtype == np.uint8 and masks, image
        stem = image.split("/")[-1][: -len(".png")]
        for mask in masks:
            load_mask(mask, pixels.shape)
            assert re.fullmatch(re.escape(stem) + r"_.+_[0-9]{3,}\.png", mask.split("/")[-1]), mask
            assert test[mask] == image, mask
    assert len(test) == sum(len(masks) for masks in train.values())
    return {"images": len(train), "masks": len(test)}


def fold(array):
    weights = np.arange(array.size, dtype=np.uint64) % np.uint64(65521) + np.uint64(1)
    return int((array.ravel().astype(np.uint64) * weights).sum() % np.uint64(1 << 32))


def check_medsam_npz(folder):
    names = load_json(os.path.join(folder, "classes.json"))
    cases = load_json(os.path.join(folder, "cases.json"))
    assert sorted(map(int, names)) == list(range(1, len(names) + 1)), names
    found = {}
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".npz"):
            continue
        npz = np.load(os.path.join(folder, file), allow_pickle=False)
        images, labels = npz["imgs"], npz["gts"]
        for array in (images, labels):
            assert array.dtype == np.uint8 and array.flags["C_CONTIGUOUS"], file
        assert labels.max() <= len(names), file
        if labels.ndim == 2:
            assert sorted(npz.files) == ["gts", "imgs"], (file, npz.files)
            assert images.shape == (*labels.shape, 3), file
        else:
            assert sorted(npz.files) == ["gts", "imgs", "spacing"], (file, npz.files)
            assert labels.ndim == 3 and images.shape == labels.shape, file
            assert npz["spacing"].dtype == np.float64 and npz["spacing"].shape == (3,), file
            assert len(cases[file]["slices"]) == labels.shape[0], file
        found[file] = {
            "shape": list(images.shape),
            "imgs": fold(images),
            "gts": fold(labels),
            "labels": [int(label) for label in np.unique(labels)],
            "spacing": list(npz["spacing"]) if "spacing" in npz.files else [],
        }
    assert set(found) == set(cases)
    return found


def check_images(folder):
    with open(os.path.join(folder, "index.csv"), newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, strict=True))
    classes = load_json(os.path.join(folder, "classes.json"))
    for row in rows:
        assert None not in row and None not in row.values(), row
        image = read_png(os.path.join(folder, row["image"]))
        assert image.shape[:2] == (int(row["height"]), int(row["width"])), row
        if not row["mask"]:
            continue
        mask = read_png(os.path.join(folder, row["mask"]))
        assert mask.shape == (*image.shape[:2], 1) and set(np.unique(mask)) <= {0, 255}, row
        assert int((mask > 0).sum()) == int(row["area"]), row
        assert row["raw_class"] in [entry["name"] for entry in classes[row["dataset"]]], row
    return {"rows": len(rows)}


CHECKS = {
    "sa-med2d": check_sa_med2d,
    "sam-med2d": check_sam_med2d,
    "medsam-npz": check_medsam_npz,
    "images": check_images,
}

if __name__ == "__main__":
    print(json.dumps(CHECKS[sys.argv[1]](sys.argv[2])))
