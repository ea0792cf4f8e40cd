"""numpy must read what we wrote: argument is the folder with all.npz and single .npy files."""
import pathlib
import sys
import zipfile

import numpy as np

DTYPES = ["|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8"]


def main():
    folder = pathlib.Path(sys.argv[1])
    with np.load(folder / "all.npz", allow_pickle=False) as npz:
        assert sorted(npz.files) == sorted([f"d{i}" for i in range(len(DTYPES))] + ["a b(c),d"])
        for i, name in enumerate(DTYPES):
            dtype = np.dtype(name)
            size = 2 * 3 * 5
            raw = (np.arange(size * dtype.itemsize) % 2 if name == "|b1"
                   else np.arange(size * dtype.itemsize) % 251).astype(np.uint8)
            array = npz[f"d{i}"]
            assert array.dtype == dtype and array.shape == (2, 3, 5)
            assert array.flags.c_contiguous
            assert array.tobytes() == raw.tobytes(), name
        assert npz["a b(c),d"].shape == (100_000,) and not npz["a b(c),d"].any()
    with zipfile.ZipFile(folder / "all.npz") as archive:
        assert archive.testzip() is None
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_DEFLATED, info
            assert info.date_time == (1980, 1, 1, 0, 0, 0), info
    assert (folder / "all.npz").stat().st_size < 20_000
    scalar = np.load(folder / "scalar.npy", allow_pickle=False)
    assert scalar.shape == () and scalar == 258
    empty = np.load(folder / "empty.npy", allow_pickle=False)
    assert empty.shape == (3, 0, 7) and empty.dtype == np.dtype("<f4")
    print("numpy reads them all")


main()
