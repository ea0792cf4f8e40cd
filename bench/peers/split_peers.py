"""Folds by scikit-learn and iterative-stratification, for split_bench.

    split_peers.py ROWS.tsv RESULT.json FOLDS

A row is GROUP<TAB>LABEL,LABEL,... The result holds, for each peer, its seconds (of the split
alone, the label matrix being there) and the fold of every row.
"""

import json
import sys
import time
from collections import Counter

import numpy
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
from sklearn.model_selection import StratifiedGroupKFold


def read_rows(path):
    groups, labels = [], []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            group, names = line.rstrip("\n").split("\t")
            groups.append(group)
            labels.append([name for name in names.split(",") if name])
    return groups, labels


def folds_of(splits, rows):
    folds = [0] * rows
    for number, (_, test) in enumerate(splits):
        for row in test:
            folds[row] = number
    return folds


def main():
    groups, labels = read_rows(sys.argv[1])
    count = int(sys.argv[3])
    rows = len(groups)
    names = sorted({name for own in labels for name in own})
    place = {name: i for i, name in enumerate(names)}
    matrix = numpy.zeros((rows, len(names)), dtype=numpy.int8)
    for row, own in enumerate(labels):
        for name in own:
            matrix[row, place[name]] = 1
    # One label a row is all that StratifiedGroupKFold takes: the rarest that the row has.
    often = Counter(name for own in labels for name in own)
    single = numpy.array([place[min(own, key=lambda name: (often[name], name))] for own in labels])
    group_numbers = numpy.unique(groups, return_inverse=True)[1]
    nothing = numpy.zeros((rows, 1))
    results = []

    start = time.perf_counter()
    splitter = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=7)
    splits = list(splitter.split(nothing, single, group_numbers))
    seconds = time.perf_counter() - start
    results.append({"name": "scikit-learn StratifiedGroupKFold (rarest label)",
                    "seconds": seconds, "folds": folds_of(splits, rows)})

    start = time.perf_counter()
    splitter = MultilabelStratifiedKFold(n_splits=count, shuffle=True, random_state=7)
    splits = list(splitter.split(nothing, matrix))
    seconds = time.perf_counter() - start
    results.append({"name": "iterative-stratification, rows (no groups)",
                    "seconds": seconds, "folds": folds_of(splits, rows)})

    # The same over groups, each with the union of its rows' labels: the usual way around.
    group_matrix = numpy.zeros((group_numbers.max() + 1, len(names)), dtype=numpy.int8)
    numpy.maximum.at(group_matrix, group_numbers, matrix)
    start = time.perf_counter()
    splitter = MultilabelStratifiedKFold(n_splits=count, shuffle=True, random_state=7)
    splits = list(splitter.split(numpy.zeros((len(group_matrix), 1)), group_matrix))
    seconds = time.perf_counter() - start
    of_group = numpy.array(folds_of(splits, len(group_matrix)))
    results.append({"name": "iterative-stratification, groups by union",
                    "seconds": seconds, "folds": of_group[group_numbers].tolist()})

    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main()
