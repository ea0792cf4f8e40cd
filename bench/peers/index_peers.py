"""The questions of bench/index_bench.cpp, asked of DuckDB and pandas over the same rows.

usage: index_peers.py INDEX.json

Reads the rows once out of the bank's index with Python's sqlite3, puts them into a DuckDB
database in memory and into pandas frames with categorical columns, asks each question
several times, and prints the median beside ours. Answers must agree in size.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import time

import duckdb
import numpy
import pandas

ROUNDS = 5


def column_arrays(connection: sqlite3.Connection, sql: str, names: list[str]) -> dict[str, numpy.ndarray]:
    """Integer columns of a query, block by block, so that memory stays near their size."""
    blocks: list[numpy.ndarray] = []
    cursor = connection.execute(sql)
    while True:
        rows = cursor.fetchmany(500_000)
        if not rows:
            break
        blocks.append(numpy.array(rows, dtype=numpy.int64))
    table = numpy.concatenate(blocks)
    return {name: table[:, i].astype(numpy.int32) for i, name in enumerate(names)}


def names_of(connection: sqlite3.Connection, table: str) -> dict[int, str]:
    return dict(connection.execute(f"SELECT id, name FROM {table}"))


def categorical(codes: numpy.ndarray, names: dict[int, str]) -> pandas.Categorical:
    order = sorted(names)
    place = numpy.full(max(order) + 1, -1, dtype=numpy.int32)
    place[order] = numpy.arange(len(order))
    return pandas.Categorical.from_codes(place[codes], categories=[names[i] for i in order])


def median_ms(ask) -> tuple[int, float]:
    size = ask()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        if ask() != size:
            raise SystemExit("two answers differ")
        times.append((time.perf_counter() - start) * 1e3)
    return size, statistics.median(times)


def main() -> None:
    results = json.load(open(sys.argv[1], encoding="utf-8"))
    connection = sqlite3.connect(f"file:{results['bank']}/index.sqlite?mode=ro", uri=True)
    three = [word.strip(" '") for word in results["three"].split(",")]
    five = [word.strip(" '") for word in results["five"].split(",")]
    modality, dataset, klass = (names_of(connection, t) for t in ("_modality", "_dataset", "_class"))
    samples = column_arrays(
        connection, "SELECT id, modality_id, dataset_id, subject_id FROM _sample",
        ["id", "modality", "dataset", "subject"])
    masks = column_arrays(
        connection, "SELECT sample_id, class_id, modality_id, dataset_id, area_ppm FROM _mask",
        ["sample", "class", "modality", "dataset", "ppm"])
    split = column_arrays(connection, "SELECT sample_id, side FROM _split_sample", ["sample", "side"])

    sample_frame = pandas.DataFrame({
        "id": samples["id"], "subject": samples["subject"],
        "modality": categorical(samples["modality"], modality),
        "dataset": categorical(samples["dataset"], dataset)})
    mask_frame = pandas.DataFrame({
        "sample": masks["sample"], "ppm": masks["ppm"],
        "class": categorical(masks["class"], klass),
        "modality": categorical(masks["modality"], modality),
        "dataset": categorical(masks["dataset"], dataset)})
    split_frame = pandas.DataFrame(split)

    duck = duckdb.connect()
    duck.execute("SET threads = 2")
    for name in ("sample_frame", "mask_frame", "split_frame"):
        duck.execute(f"CREATE TABLE {name.replace('_frame', 's')} AS SELECT * FROM {name}")
    quoted_five = ", ".join(f"'{word}'" for word in five)
    quoted_three = ", ".join(f"'{word}'" for word in three)
    big = (f"SELECT DISTINCT sample FROM masks WHERE class IN ({quoted_five}) AND ppm > 10000 "
           f"AND dataset IN ({quoted_three})")
    liver = "SELECT DISTINCT sample FROM masks WHERE class = 'liver' AND modality = 'CT'"

    def ask_duck(sql: str):
        return lambda: len(duck.execute(sql).fetchnumpy()[duck.description[0][0]])

    def duck_count():
        return int(duck.execute(f"SELECT count(*) FROM ({liver})").fetchone()[0])

    def pandas_liver():
        found = mask_frame[(mask_frame["class"] == "liver") & (mask_frame["modality"] == "CT")]
        return found["sample"].unique()

    def pandas_big():
        found = mask_frame[mask_frame["class"].isin(five) & (mask_frame["ppm"] > 10000)
                           & mask_frame["dataset"].isin(three)]
        return found["sample"].unique()

    def pandas_split():
        train = split_frame.loc[split_frame["side"] == 0, "sample"].to_numpy()
        return len(numpy.intersect1d(pandas_big(), train, assume_unique=True))

    def pandas_subjects():
        chosen = sample_frame[sample_frame["id"].isin(pandas_liver())]
        return int(chosen.groupby("subject").size().size)

    questions = {
        "count: CT and liver": (duck_count, lambda: len(pandas_liver())),
        "counts: modality x class x dataset": (
            ask_duck("SELECT modality, class, dataset, count(DISTINCT sample) FROM masks GROUP BY 1, 2, 3"),
            lambda: len(mask_frame.groupby(["modality", "class", "dataset"], observed=True)["sample"].nunique())),
        "ids: CT and liver": (ask_duck(liver), lambda: len(pandas_liver())),
        "ids: five classes over 1 %, three datasets": (ask_duck(big), lambda: len(pandas_big())),
        "ids: the same with NOT": (
            ask_duck(f"{big} AND sample NOT IN (SELECT sample FROM masks WHERE class = 'gallbladder')"),
            lambda: len(numpy.setdiff1d(
                pandas_big(), mask_frame.loc[mask_frame["class"] == "gallbladder", "sample"]))),
        "ids: the same with a split": (
            ask_duck(f"{big} AND sample IN (SELECT sample FROM splits WHERE side = 0)"), pandas_split),
        "by subject: CT and liver": (
            ask_duck(f"SELECT subject, count(*) FROM samples WHERE id IN ({liver}) GROUP BY 1"),
            pandas_subjects),
    }
    print(f"\n{'question':<52}{'slicebank ms':>14}{'DuckDB ms':>12}{'ratio':>8}{'pandas ms':>12}{'ratio':>8}")
    for answer in results["answers"]:
        if answer["name"] not in questions:
            continue
        sizes, times = zip(*(median_ms(ask) for ask in questions[answer["name"]]))
        if any(size != answer["size"] for size in sizes):
            raise SystemExit(f"{answer['name']}: {answer['size']} here, {sizes} there")
        ours = answer["median_ms"]
        print(f"{answer['name']:<52}{ours:>14.3f}{times[0]:>12.1f}{times[0] / ours:>7.0f}x"
              f"{times[1]:>12.1f}{times[1] / ours:>7.0f}x")


if __name__ == "__main__":
    main()
