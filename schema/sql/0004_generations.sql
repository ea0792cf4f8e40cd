-- The log of generations: what of the bank was there when, so that a selection can be had
-- again as of one of them.

CREATE TABLE _generation(
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,         -- 1 insert, 2 erase, 3 repair, 4 begin
  next_sample INTEGER NOT NULL,  -- the first id not given out yet
  samples INTEGER NOT NULL,      -- in the bank once it was committed
  removed INTEGER NOT NULL,      -- samples that it took out
  committed_at TEXT              -- 2026-11-29T14:30:00Z; NULL not known
) STRICT;

CREATE VIEW generations AS
SELECT g.id AS generation,
       CASE g.kind WHEN 1 THEN 'insert' WHEN 2 THEN 'erase' WHEN 3 THEN 'repair' ELSE 'begin'
         END AS kind,
       g.next_sample, g.samples, g.removed, g.committed_at
FROM _generation g;
