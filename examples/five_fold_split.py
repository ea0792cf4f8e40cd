"""Five folds: nobody stands in two, every class is spread, and the audit says so."""

from __future__ import annotations

import sys

from phantom_bank import arguments, bank_or_phantom


def main() -> int:
    args = arguments("Five folds by subject, stratified by class and modality.").parse_args()
    with bank_or_phantom(args.bank) as bank:
        split = bank.all().split(folds=5, stratify=["class", "modality"], seed=7, name="cv")
        print(split)
        for number, (train, val) in enumerate(split.folds()):
            shared = train & val
            print(f"fold {number}: {len(train)} to train on, {len(val)} to validate")
            if len(shared):
                return 1
        report = split.audit()
        print(f"audit: {'clean' if report['clean'] else 'it leaks'}")
    return 0 if report["clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
