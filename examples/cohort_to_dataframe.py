"""A cohort as a table: for pandas, polars or DuckDB where they are installed, else as it is."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from phantom_bank import arguments, bank_or_phantom


def main() -> int:
    parser = arguments("The samples that a filter finds, and their masks, as tables.")
    parser.add_argument("--where", default="modality = 'CT' AND class = 'liver'")
    parser.add_argument("--parquet", help="write the masks' table there (needs pyarrow)")
    args = parser.parse_args()
    with bank_or_phantom(args.bank) as bank:
        cohort = bank.where(args.where)
        print(cohort)
        masks = cohort.masks_table()
        if find_spec("pandas") is not None:
            frame = masks.to_pandas()
            print(frame.groupby("class")["area"].describe()[["count", "mean", "max"]])
        else:
            print("no pandas here: a table prints as it is\n")
            print(masks)
        print(bank.stats(["dataset", "class"], where=args.where))
        print(bank.sql("SELECT dataset, count(*) AS samples FROM samples GROUP BY dataset"))
        if args.parquet:
            masks.to_parquet(args.parquet)
    return 0 if len(cohort) else 1


if __name__ == "__main__":
    sys.exit(main())
