-- The catalog, version 1. Words in capitals are each dialect's own, see Dialect.
-- Text, titles, URIs and claimed attributes are sealed;
-- what stands here in plain is ids, states, keyed hashes, attributes and rules.
create table meta (key TEXT primary key, value TEXT not null) STRICT;

create table documents (
  tenant      TEXT not null,
  id          TEXT not null,
  source      TEXT not null,
  state       TEXT not null,               -- live | retired | erased
  version     TEXT not null,               -- '' unless live
  media_type  TEXT not null,
  content     TEXT not null,               -- keyed hash of the received bytes
  fingerprint TEXT not null,
  revision    TEXT not null,
  claimed     TEXT not null,
  attributes  TEXT not null,               -- canonical JSON
  receipt     BLOB not null,
  findings    TEXT not null,
  facts       BLOB not null,               -- sealed by the tenant: uri, title
  received    INTEGER not null,
  updated     INTEGER not null,
  primary key (tenant, id)
) STRICT;
create index documents_source on documents (tenant, source, state);

create table versions (
  tenant   TEXT not null,
  document TEXT not null,
  version  TEXT not null,
  state    TEXT not null,                  -- intent | live
  key      BLOB not null,                  -- data key, wrapped by the tenant's
  record   BLOB not null,                  -- sealed by the data key: the document row to be
  primary key (tenant, document, version)
) STRICT;
create index versions_state on versions (state) where state = 'intent';

create table chunks (
  tenant   TEXT not null,
  id       TEXT not null,
  document TEXT not null,
  version  TEXT not null,
  ordinal  INTEGER not null,
  sealed   BLOB not null,
  terms    BLOB not null,
  vector   BLOB not null,
  primary key (tenant, id)
) STRICT;
create index chunks_version on chunks (tenant, document, version);

create table arrivals (
  tenant      TEXT not null,
  id          TEXT not null,
  source      TEXT not null,
  state       TEXT not null,               -- received | held | rejected
  content     TEXT not null,
  fingerprint TEXT not null,
  revision    TEXT not null,
  claimed     TEXT not null,
  key         BLOB not null,
  facts       BLOB not null,               -- sealed: name, uri, media type, title, claimed attributes
  sealed      BLOB not null,               -- the received bytes
  reasons     TEXT not null,
  findings    TEXT not null,
  received    INTEGER not null,
  primary key (tenant, id)
) STRICT;
create index arrivals_state on arrivals (state);

-- Fingerprints of protected documents, under the tenant's key.
create table prints (
  tenant   TEXT not null,
  print    INTEGER not null,
  document TEXT not null,
  primary key (tenant, print, document)
) KEYED;
create index prints_document on prints (tenant, document);

create table tasks (
  seq        SERIAL,
  tenant     TEXT not null,
  document   TEXT not null,
  version    TEXT not null,
  op         TEXT not null,
  attributes TEXT not null,
  receipt    TEXT not null
) STRICT;
