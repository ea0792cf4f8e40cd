-- Which samples have a value of a facet, as Roaring bitmaps kept by the writer: what the
-- query layer answers from. docs/format-bank.md, "Facets", has kinds and values.

CREATE TABLE _facet(
  kind INTEGER NOT NULL,
  value INTEGER NOT NULL,
  part INTEGER NOT NULL,         -- sample id >> 18
  samples INTEGER NOT NULL,
  hash INTEGER NOT NULL,         -- XXH3 of ids, two's complement
  ids BLOB NOT NULL,             -- portable Roaring bitmap of the ids of this part
  PRIMARY KEY(kind, value, part)
) STRICT, WITHOUT ROWID;

-- The words behind the values of the facet official_split.
CREATE TABLE _official_split(
  value INTEGER PRIMARY KEY,
  name TEXT NOT NULL
) STRICT;

-- How many masks and samples there are of each class, modality and dataset; at once,
-- whatever the size of the bank.
CREATE VIEW mask_counts AS
SELECT c.name AS class, m.name AS modality, d.name AS dataset, r.masks, r.samples
FROM _rollup_mask r
JOIN _class c ON c.id = r.class_id
LEFT JOIN _modality m ON m.id = r.modality_id
JOIN _dataset d ON d.id = r.dataset_id;

CREATE VIEW sample_counts AS
SELECT m.name AS modality, d.name AS dataset, r.samples
FROM _rollup_sample r
LEFT JOIN _modality m ON m.id = r.modality_id
JOIN _dataset d ON d.id = r.dataset_id;
