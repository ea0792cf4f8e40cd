"""Counts a SAT-DS folder by its jsonl files alone: per dataset rows, volumes, subjects and
classes, written as `name rows volumes subjects classes`; then of all together the rows, the split
files, the datasets whose ids are file names, and those of whose subjects other datasets have one of
the same name. Knows nothing of slicebank; the rules are written here a second time.

    python3 sat_ds_count.py FOLDER
"""

import json
import pathlib
import re
import sys

# Labels that are in the mask of a dataset whose list also has labels made of others.
IN_MASK = {"ACDC": 3, "AMOS22_CT": 14, "AMOS22_MRI": 14, "BTCV": 13, "BrainPTM": 5,
           "Brain_Atlas": 95, "CHAOS_MRI": 4, "CMRxMotion": 3, "CTPelvic1K": 4,
           "Couinaud_Liver": 8, "DAP_Atlas": 142, "FLARE22": 13, "HAN_Seg": 30, "LUNA16": 3,
           "MM_WHS_CT": 7, "MM_WHS_MRI": 7, "MSD_Hippocampus": 2, "MSD_Prostate": 2,
           "MyoPS2020": 5, "PDDCA": 9, "SegRap2023_Task1": 45, "TotalSegmentator_Cardiac": 13,
           "TotalSegmentator_Muscles": 21, "TotalSegmentator_Organs": 20,
           "TotalSegmentator_Ribs": 24, "TotalSegmentator_v2": 20, "VerSe": 25, "WORD": 16,
           # one class more, of several labels: lung with its infection, vertebrae with the sacrum
           "COVID19": 4, "MRSpineSeg": 20, "TotalSegmentator_Vertebrae": 26}


def subject(row):
    name = row["dataset"]
    person = re.sub(r"\.(nii\.gz|nii|mhd|npy)$", "", row["patient_id"])
    if name == "ATLASR2":  # the id is a cohort
        return row["image"].split("/")[-4]
    if name == "ACDC":
        return person.split("_")[0]
    if name.startswith("BraTS2023") or name == "CMRxMotion":
        return person.rsplit("-", 1)[0]
    endings = {"AbdomenCT1K": "_0000", "FLARE22": "_0000", "CrossMoDA2021": "_ceT1",
               "MM_WHS_CT": "_image", "MM_WHS_MRI": "_image", "BTCV_Cervix": "-Image",
               "CTPelvic1K": "_data|_mask_4label"}
    return re.sub(f"({endings[name]})$", "", person) if name in endings else person


def main():
    folder = pathlib.Path(sys.argv[1])
    counts = {}
    total = 0
    with_file_names = set()
    for path in sorted((folder / "data/jsonl").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            total += 1
            one = counts.setdefault(row["dataset"], [0, set(), set(), set()])
            one[0] += 1
            one[1].add(row["image"])
            one[2].add(subject(row))
            if row["patient_id"].endswith((".nii.gz", ".nii", ".mhd", ".npy")):
                with_file_names.add(row["dataset"])
            if row["dataset"].startswith("BraTS2023"):
                one[3].update(row["label"][:3])
            elif row["dataset"] == "COVID19":
                one[3].update(row["label"])
            elif row["dataset"] in ("MRSpineSeg", "TotalSegmentator_Vertebrae"):
                one[3].update(row["label"][:IN_MASK[row["dataset"]] - 1] + ["vertebrae"])
            else:
                one[3].update(row["label"][:IN_MASK.get(row["dataset"], len(row["label"]))])
    for name, (rows, volumes, subjects, classes) in sorted(counts.items()):
        print(name, rows, len(volumes), len(subjects), len(classes))
    sharing = [name for name, one in counts.items()
               if any(one[2] & other[2] for key, other in counts.items() if key != name)]
    print("total", total, len(list((folder / "data/split_json").glob("*.json"))),
          len(with_file_names), len(sharing))


if __name__ == "__main__":
    main()
