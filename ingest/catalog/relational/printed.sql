-- The fingerprints of a protected document in one row, under the tenant's key. A
-- row for each would be written all over the file: there is one for every two or
-- three words. What stands in prints is from before; it goes with its document.
create table printed (
  tenant   TEXT not null,
  document TEXT not null,
  seq      INTEGER not null,               -- grows with every change
  prints   BLOB not null,                  -- sorted, eight bytes each
  primary key (tenant, document)
) STRICT;
create index printed_seq on printed (tenant, seq);
