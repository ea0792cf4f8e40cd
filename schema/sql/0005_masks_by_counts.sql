-- The same views with the same columns and rows, read faster: what is known of a cell of
-- class, modality and dataset narrows the clustered masks before one of them is read.

DROP VIEW masks;

-- _rollup_mask has a row for each cell that has masks; its few thousand rows stand in front.
-- The modality in a list of two equal ones is one seek all the same, and keeps SQLite from
-- going through a long `sample_id IN (SELECT ...)` once a cell.
CREATE VIEW masks AS
SELECT k.sample_id, k.number, c.name AS class, w.name AS raw_class, d.name AS dataset,
       m.name AS modality, k.instance, k.area, k.area_ppm / 1000000.0 AS area_fraction,
       k.x0, k.y0, k.x1, k.y1, k.touches_border
FROM _rollup_mask f
JOIN _class c ON c.id = f.class_id
JOIN _dataset d ON d.id = f.dataset_id
LEFT JOIN _modality m ON m.id = f.modality_id
JOIN _mask k ON k.class_id = f.class_id AND k.modality_id IN (f.modality_id, f.modality_id)
            AND k.dataset_id = f.dataset_id
LEFT JOIN _raw_class w ON w.dataset_id = k.dataset_id AND w.number = k.raw_class;

DROP VIEW splits;

CREATE VIEW splits AS
SELECT p.name AS split, e.name AS side, s.sample_id, p.generation
FROM _split p
JOIN _split_side e ON e.split_id = p.id
JOIN _split_sample s ON s.split_id = e.split_id AND s.side = e.side;
