-- Legal holds, erasures, and the keyed hashes of ids that may not come back.
create table holds (
  tenant  TEXT not null,
  id      TEXT not null,
  scope   TEXT not null,
  sealed  BLOB not null,                   -- by the tenant: target, reason
  who     TEXT not null,
  added   INTEGER not null,
  lifted  INTEGER not null,                -- 0 while in force
  lift_by TEXT not null,
  primary key (tenant, id)
) STRICT;

create table erasures (
  tenant   TEXT not null,
  id       TEXT not null,
  request  TEXT not null,                  -- keyed hash of the idempotency key, or the id
  state    TEXT not null,                  -- running | done
  sealed   BLOB not null,                  -- by the tenant: the order; empty once done
  receipt  BLOB not null,
  started  INTEGER not null,
  finished INTEGER not null,
  primary key (tenant, id)
) STRICT;
create unique index erasures_request on erasures (tenant, request);

create table tombstones (
  tenant TEXT not null,
  name   TEXT not null,                    -- keyed hash of a document's id
  at     INTEGER not null,
  primary key (tenant, name)
) KEYED;
