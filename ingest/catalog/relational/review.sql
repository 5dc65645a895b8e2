-- Reviewers, batches, containment, provenance and poisoning signals.
alter table documents add column batch TEXT not null default '';
alter table documents add column submitter TEXT not null default '';
create index documents_content on documents (tenant, content);
alter table arrivals add column batch TEXT not null default '';
alter table arrivals add column submitter TEXT not null default '';
alter table arrivals add column assignee TEXT not null default '';
alter table arrivals add column signals TEXT not null default '';
create index arrivals_held on arrivals (tenant, state, received, id);

create table notes (
  seq      SERIAL,
  tenant   TEXT not null,
  document TEXT not null,
  at       INTEGER not null,
  who      TEXT not null,
  act      TEXT not null,
  note     BLOB not null                   -- sealed by the tenant
) STRICT;
create index notes_document on notes (tenant, document);

create table batches (
  tenant    TEXT not null,
  id        TEXT not null,
  source    TEXT not null,
  submitter TEXT not null,
  started   INTEGER not null,
  finished  INTEGER not null,              -- while running: last heard of
  state     TEXT not null,
  counts    TEXT not null,
  primary key (tenant, id)
) STRICT;

-- What a batch wrote over, newest last: enough to put it back. The version
-- before stands in versions with state kept.
create table replaced (
  seq      SERIAL,
  tenant   TEXT not null,
  batch    TEXT not null,
  document TEXT not null,
  version  TEXT not null,                  -- before; '' when nothing was live
  was      BLOB not null,                  -- sealed by the tenant: the document's row
  wrote    TEXT not null,                  -- id of the receipt that must still stand
  at       INTEGER not null
) STRICT;
create index replaced_batch on replaced (tenant, batch);
create index replaced_document on replaced (tenant, document);
create index replaced_at on replaced (at);

create table lineage (
  tenant    TEXT not null,
  document  TEXT not null,
  version   TEXT not null,
  batch     TEXT not null,
  receipt   TEXT not null,
  origin    BLOB not null,                 -- sealed by the tenant: uri, manifest
  facts     TEXT not null,
  recorded  INTEGER not null,
  ended     INTEGER not null,              -- 0 while live
  primary key (tenant, document, version)
) STRICT;

create index lineage_version on lineage (tenant, version);

create table manifests (
  tenant   TEXT not null,
  source   TEXT not null,
  document TEXT not null,
  sequence INTEGER not null,
  id       TEXT not null,
  primary key (tenant, source, document)
) KEYED;

-- What indexed documents are like, under the tenant's key: a signature and its
-- buckets, see ingest/signal.
create table signatures (
  tenant    TEXT not null,
  document  TEXT not null,
  signature BLOB not null,
  b0 INTEGER not null, b1 INTEGER not null, b2 INTEGER not null, b3 INTEGER not null,
  b4 INTEGER not null, b5 INTEGER not null, b6 INTEGER not null, b7 INTEGER not null,
  primary key (tenant, document)
) STRICT;
create index signatures_b0 on signatures (b0);
create index signatures_b1 on signatures (b1);
create index signatures_b2 on signatures (b2);
create index signatures_b3 on signatures (b3);
create index signatures_b4 on signatures (b4);
create index signatures_b5 on signatures (b5);
create index signatures_b6 on signatures (b6);
create index signatures_b7 on signatures (b7);

create table baselines (
  tenant TEXT not null,
  source TEXT not null,
  data   BLOB not null,                    -- sealed by the tenant
  primary key (tenant, source)
) STRICT;

create table containments (
  tenant      TEXT not null,
  id          TEXT not null,
  scope       TEXT not null,
  target      TEXT not null,
  reason      TEXT not null,
  who         TEXT not null,
  created     INTEGER not null,
  lifted      INTEGER not null,            -- 0 while in force
  lifted_by   TEXT not null,
  lift_reason TEXT not null,
  primary key (tenant, id)
) STRICT;
create index containments_lifted on containments (lifted);
