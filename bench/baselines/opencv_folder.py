#!/usr/bin/env python3
"""The peer of random_read_bench: a folder of PNG files, read with OpenCV on one core.

Driven by the bench, one line at a time:

    list FILE          the files, one path a line      -> ok COUNT
    read N N N ...     decode these, by place          -> SECONDS CPU_SECONDS BYTES
    sum N              sum of one picture's values     -> SUM

The first line it writes is `ready VERSION`, or `error REASON` where cv2 is missing.
`--convert SOURCE DEST` saves a picture as RGB PNG and leaves.
"""

import sys
import time

try:
    import cv2
except ImportError as error:
    print(f"error {error}", flush=True)
    sys.exit(0)


def convert(source, destination):
    picture = cv2.imread(source, cv2.IMREAD_COLOR)
    if picture is None or not cv2.imwrite(destination, picture):
        print(f"error cannot convert {source}", flush=True)
        return
    print("ok", flush=True)


def read_all(paths):
    """Seconds, CPU seconds and decoded bytes of reading these files in turn."""
    imread = cv2.imread
    flag = cv2.IMREAD_UNCHANGED
    size = 0
    cpu = time.process_time()
    start = time.perf_counter()
    for path in paths:
        size += imread(path, flag).nbytes
    seconds = time.perf_counter() - start
    return seconds, time.process_time() - cpu, size


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--convert":
        convert(sys.argv[2], sys.argv[3])
        return
    cv2.setNumThreads(1)
    print(f"ready {cv2.__version__}", flush=True)
    paths = []
    for line in sys.stdin:
        verb, _, rest = line.rstrip("\n").partition(" ")
        if verb == "list":
            with open(rest, encoding="utf-8") as file:
                paths = file.read().splitlines()
            print(f"ok {len(paths)}", flush=True)
        elif verb == "read":
            seconds, cpu, size = read_all([paths[int(place)] for place in rest.split()])
            print(f"{seconds:.9f} {cpu:.9f} {size}", flush=True)
        elif verb == "sum":
            picture = cv2.imread(paths[int(rest)], cv2.IMREAD_UNCHANGED)
            print(int(picture.sum(dtype="uint64")), flush=True)
        else:
            print(f"error no verb {verb}", flush=True)


if __name__ == "__main__":
    main()
