-- Pushed documents: what requests with an idempotency key were answered, what was
-- delivered, and where the reading of each source ended.
create table answers (
  tenant  TEXT not null,
  backend TEXT not null,
  key     TEXT not null,                   -- keyed hash of the caller's key
  hash    TEXT not null,                   -- keyed hash of the request
  status  INTEGER not null,                -- 0 while it is not answered
  body    BLOB not null,
  at      INTEGER not null,
  primary key (tenant, backend, key)
) STRICT;
create index answers_at on answers (at);

create table deliveries (
  tenant    TEXT not null,
  id        TEXT not null,
  source    TEXT not null,
  backend   TEXT not null,
  created   INTEGER not null,
  finished  INTEGER not null,              -- 0 while documents are on their way
  documents BLOB not null,                 -- JSON: ids, outcomes, reasons
  primary key (tenant, id)
) STRICT;
create index deliveries_source on deliveries (tenant, source, id);

create table cursors (
  tenant   TEXT not null,
  source   TEXT not null,
  settings TEXT not null,                  -- revision of all that shapes what is read
  cursor   TEXT not null,
  updated  INTEGER not null,
  primary key (tenant, source)
) STRICT;
