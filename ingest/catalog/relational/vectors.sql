-- Vectors that are not in force: made by the embedder that is to come, or by the
-- one before. Which embedder the vectors in chunks are of stands in meta.
create table vectors (
  tenant TEXT not null,
  id     TEXT not null,                    -- of the chunk
  model  TEXT not null,
  vector BLOB not null,
  primary key (tenant, id, model)
) STRICT;
