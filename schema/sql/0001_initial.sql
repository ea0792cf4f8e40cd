-- The index of a bank: a projection of records.lmdb, rebuilt whole by `slicebank reindex`.
-- Tables whose names begin with _ are private. The views at the end are the stable
-- surface; any SQLite client reads them with no extension. docs/format-bank.md has both.

CREATE TABLE _meta(
  key TEXT PRIMARY KEY,          -- uuid, generation, token, taxonomy
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE _modality(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE _sequence(
  id INTEGER PRIMARY KEY,
  modality_id INTEGER NOT NULL REFERENCES _modality(id),
  name TEXT NOT NULL
) STRICT;

CREATE TABLE _region(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE _class(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  base TEXT NOT NULL,
  side INTEGER NOT NULL,         -- 0 none, 1 left, 2 right
  region_id INTEGER NOT NULL,    -- 0 unknown
  lesion INTEGER NOT NULL
) STRICT;

CREATE TABLE _class_member(      -- transitive: kidney has left kidney, right kidney, itself
  class_id INTEGER NOT NULL,
  member_id INTEGER NOT NULL,
  PRIMARY KEY(class_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE _dataset(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  version TEXT NOT NULL,
  source_url TEXT NOT NULL,
  citation TEXT NOT NULL,
  image_licence TEXT NOT NULL,
  image_licence_tag TEXT NOT NULL,
  image_licence_source TEXT NOT NULL,
  label_licence TEXT NOT NULL,
  label_licence_tag TEXT NOT NULL,
  label_licence_source TEXT NOT NULL,
  region_id INTEGER NOT NULL
) STRICT;

CREATE TABLE _raw_class(
  dataset_id INTEGER NOT NULL,
  number INTEGER NOT NULL,       -- 1-based, as annotations name it
  name TEXT NOT NULL,
  code TEXT NOT NULL,
  class_id INTEGER NOT NULL,
  PRIMARY KEY(dataset_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE _subject(
  id INTEGER PRIMARY KEY,
  dataset_id INTEGER NOT NULL,
  patient_id TEXT NOT NULL,
  alias_group INTEGER NOT NULL,  -- 0 none
  UNIQUE(dataset_id, patient_id)
) STRICT;

CREATE TABLE _import(
  id INTEGER PRIMARY KEY,
  importer TEXT NOT NULL,
  source_root TEXT NOT NULL,
  options_json TEXT NOT NULL,
  tool_version TEXT NOT NULL
) STRICT;

CREATE TABLE _volume(
  id INTEGER PRIMARY KEY,
  dataset_id INTEGER NOT NULL,
  subject_id INTEGER NOT NULL,
  import_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  modality_id INTEGER NOT NULL,
  sequence_id INTEGER NOT NULL,  -- 0 none named
  source_modality TEXT NOT NULL,
  official_split TEXT NOT NULL,
  channel_names TEXT NOT NULL,   -- JSON array
  spacing_x REAL,                -- millimetres; NULL unknown
  spacing_y REAL,
  spacing_z REAL,
  affine TEXT,                   -- JSON array of 16, row-major, or NULL
  source_path TEXT NOT NULL,
  coverage_set INTEGER NOT NULL, -- 0: nobody said what was looked for
  UNIQUE(dataset_id, key)
) STRICT;

CREATE TABLE _coverage_set(
  id INTEGER NOT NULL,
  class_id INTEGER NOT NULL,
  PRIMARY KEY(id, class_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE _sample(
  id INTEGER PRIMARY KEY,
  volume_id INTEGER NOT NULL,
  modality_id INTEGER NOT NULL,
  dataset_id INTEGER NOT NULL,
  subject_id INTEGER NOT NULL,
  axis INTEGER NOT NULL,         -- 1 2-D image, 2 x, 3 y, 4 z
  slice INTEGER NOT NULL,
  name TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  channels INTEGER NOT NULL,
  pixel_type INTEGER NOT NULL,
  masks INTEGER NOT NULL,
  labels INTEGER NOT NULL,
  record_bytes INTEGER NOT NULL,
  hash_high INTEGER NOT NULL,    -- content hash of the decoded pixels, two's complement
  hash_low INTEGER NOT NULL
) STRICT;

-- One row a mask, clustered by what is asked for. `number` is its place in the sample.
CREATE TABLE _mask(
  class_id INTEGER NOT NULL,
  modality_id INTEGER NOT NULL,
  dataset_id INTEGER NOT NULL,
  sample_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  raw_class INTEGER NOT NULL,
  instance INTEGER NOT NULL,
  area INTEGER NOT NULL,         -- pixels
  area_ppm INTEGER NOT NULL,     -- parts per million of the slice, rounded down
  x0 INTEGER NOT NULL,
  y0 INTEGER NOT NULL,
  x1 INTEGER NOT NULL,
  y1 INTEGER NOT NULL,
  touches_border INTEGER NOT NULL,
  PRIMARY KEY(class_id, modality_id, dataset_id, sample_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE _label(
  class_id INTEGER NOT NULL,
  modality_id INTEGER NOT NULL,
  dataset_id INTEGER NOT NULL,
  sample_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  raw_class INTEGER NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY(class_id, modality_id, dataset_id, sample_id, number)
) STRICT, WITHOUT ROWID;

-- Facet counts, kept by the writer.
CREATE TABLE _rollup_mask(
  class_id INTEGER NOT NULL,
  modality_id INTEGER NOT NULL,
  dataset_id INTEGER NOT NULL,
  masks INTEGER NOT NULL,
  samples INTEGER NOT NULL,      -- distinct samples with at least one such mask
  PRIMARY KEY(class_id, modality_id, dataset_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE _rollup_sample(
  modality_id INTEGER NOT NULL,
  dataset_id INTEGER NOT NULL,
  samples INTEGER NOT NULL,
  PRIMARY KEY(modality_id, dataset_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE _ledger(
  scope TEXT NOT NULL,
  item_key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,     -- 32 hex digits
  samples INTEGER NOT NULL,      -- how many the item became
  PRIMARY KEY(scope, item_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE _problem(
  id INTEGER PRIMARY KEY,
  import_id INTEGER NOT NULL,
  severity INTEGER NOT NULL,     -- 1 note, 2 skipped
  kind TEXT NOT NULL,
  path TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;

CREATE TABLE _split(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  params_json TEXT NOT NULL,
  report_json TEXT NOT NULL,
  generation INTEGER NOT NULL
) STRICT;

CREATE TABLE _split_side(
  split_id INTEGER NOT NULL,
  side INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY(split_id, side)
) STRICT, WITHOUT ROWID;

CREATE TABLE _split_sample(
  split_id INTEGER NOT NULL,
  side INTEGER NOT NULL,
  sample_id INTEGER NOT NULL,
  PRIMARY KEY(split_id, side, sample_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE _pending_delete(sample_id INTEGER PRIMARY KEY) STRICT;

CREATE INDEX _sample_facets ON _sample(modality_id, dataset_id, subject_id);
CREATE INDEX _sample_subject ON _sample(subject_id);
CREATE INDEX _sample_volume ON _sample(volume_id, axis, slice);
CREATE INDEX _sample_dataset ON _sample(dataset_id);
CREATE INDEX _sample_hash ON _sample(hash_high, hash_low);
CREATE INDEX _mask_sample ON _mask(sample_id);
CREATE INDEX _label_sample ON _label(sample_id);
CREATE INDEX _volume_subject ON _volume(subject_id);
CREATE INDEX _split_sample_id ON _split_sample(sample_id, split_id);

-- The stable surface.

CREATE VIEW datasets AS
SELECT d.id, d.name, d.version, d.source_url, d.citation, d.image_licence, d.image_licence_tag,
       d.image_licence_source, d.label_licence, d.label_licence_tag, d.label_licence_source,
       r.name AS region,
       (SELECT coalesce(sum(s.samples), 0) FROM _rollup_sample s WHERE s.dataset_id = d.id) AS samples
FROM _dataset d LEFT JOIN _region r ON r.id = d.region_id;

CREATE VIEW subjects AS
SELECT s.id, d.name AS dataset, s.patient_id AS patient, nullif(s.alias_group, 0) AS alias_group
FROM _subject s JOIN _dataset d ON d.id = s.dataset_id;

CREATE VIEW volumes AS
SELECT v.id, d.name AS dataset, u.patient_id AS patient, v.subject_id, v.key, m.name AS modality,
       q.name AS sequence, v.source_modality, nullif(v.official_split, '') AS official_split,
       v.channel_names, v.spacing_x, v.spacing_y, v.spacing_z, v.affine, v.source_path,
       v.import_id
FROM _volume v
JOIN _dataset d ON d.id = v.dataset_id
JOIN _subject u ON u.id = v.subject_id
LEFT JOIN _modality m ON m.id = v.modality_id
LEFT JOIN _sequence q ON q.id = v.sequence_id;

CREATE VIEW samples AS
SELECT s.id, d.name AS dataset, m.name AS modality, q.name AS sequence, r.name AS region,
       u.patient_id AS patient, s.subject_id, v.key AS volume, s.volume_id,
       CASE s.axis WHEN 1 THEN '2d' WHEN 2 THEN 'x' WHEN 3 THEN 'y' ELSE 'z' END AS axis,
       s.slice, s.name, s.width, s.height, s.channels,
       CASE s.pixel_type WHEN 1 THEN 'u8' WHEN 2 THEN 'i8' WHEN 3 THEN 'u16' WHEN 4 THEN 'i16'
         WHEN 5 THEN 'u32' WHEN 6 THEN 'i32' WHEN 7 THEN 'f16' WHEN 8 THEN 'f32' ELSE 'f64'
         END AS pixel_type,
       s.masks, s.labels, v.spacing_x, v.spacing_y, v.spacing_z,
       nullif(v.official_split, '') AS official_split, s.record_bytes,
       printf('%016x%016x', s.hash_high, s.hash_low) AS image_hash
FROM _sample s
JOIN _volume v ON v.id = s.volume_id
JOIN _dataset d ON d.id = s.dataset_id
JOIN _subject u ON u.id = s.subject_id
LEFT JOIN _modality m ON m.id = s.modality_id
LEFT JOIN _sequence q ON q.id = v.sequence_id
LEFT JOIN _region r ON r.id = d.region_id;

CREATE VIEW masks AS
SELECT k.sample_id, k.number, c.name AS class, w.name AS raw_class, d.name AS dataset,
       m.name AS modality, k.instance, k.area, k.area_ppm / 1000000.0 AS area_fraction,
       k.x0, k.y0, k.x1, k.y1, k.touches_border
FROM _mask k
JOIN _class c ON c.id = k.class_id
JOIN _dataset d ON d.id = k.dataset_id
LEFT JOIN _modality m ON m.id = k.modality_id
LEFT JOIN _raw_class w ON w.dataset_id = k.dataset_id AND w.number = k.raw_class;

CREATE VIEW labels AS
SELECT k.sample_id, k.number, c.name AS class, w.name AS raw_class, d.name AS dataset,
       m.name AS modality, k.value
FROM _label k
JOIN _class c ON c.id = k.class_id
JOIN _dataset d ON d.id = k.dataset_id
LEFT JOIN _modality m ON m.id = k.modality_id
LEFT JOIN _raw_class w ON w.dataset_id = k.dataset_id AND w.number = k.raw_class;

CREATE VIEW classes AS
SELECT c.id, c.name, c.base, CASE c.side WHEN 1 THEN 'left' WHEN 2 THEN 'right' END AS side,
       r.name AS region, c.lesion,
       (SELECT coalesce(sum(k.masks), 0) FROM _rollup_mask k WHERE k.class_id = c.id) AS masks,
       (SELECT coalesce(sum(k.samples), 0) FROM _rollup_mask k WHERE k.class_id = c.id) AS samples
FROM _class c LEFT JOIN _region r ON r.id = c.region_id;

CREATE VIEW coverage AS
SELECT v.id AS volume_id, d.name AS dataset, v.key AS volume, c.name AS class
FROM _volume v
JOIN _dataset d ON d.id = v.dataset_id
JOIN _coverage_set s ON s.id = v.coverage_set
JOIN _class c ON c.id = s.class_id;

CREATE VIEW splits AS
SELECT p.name AS split, e.name AS side, s.sample_id, p.generation
FROM _split_sample s
JOIN _split p ON p.id = s.split_id
JOIN _split_side e ON e.split_id = s.split_id AND e.side = s.side;

CREATE VIEW imports AS
SELECT i.id, i.importer, i.source_root, i.options_json, i.tool_version FROM _import i;

CREATE VIEW problems AS
SELECT p.id, p.import_id, CASE p.severity WHEN 1 THEN 'note' ELSE 'skipped' END AS severity,
       p.kind, p.path, p.message
FROM _problem p;
