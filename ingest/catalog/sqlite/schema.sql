-- The catalog, version 1. Text, titles, URIs and claimed attributes are sealed;
-- what stands here in plain is ids, states, keyed hashes, attributes and rules.
create table meta (key text primary key, value text not null) strict;

create table documents (
  tenant      text not null,
  id          text not null,
  source      text not null,
  state       text not null,               -- live | retired | erased
  version     text not null,               -- '' unless live
  media_type  text not null,
  content     text not null,               -- keyed hash of the received bytes
  fingerprint text not null,
  revision    text not null,
  claimed     text not null,
  attributes  text not null,               -- canonical JSON
  receipt     blob not null,
  findings    text not null,
  facts       blob not null,               -- sealed by the tenant: uri, title
  received    integer not null,
  updated     integer not null,
  primary key (tenant, id)
) strict;
create index documents_source on documents (tenant, source, state);

create table versions (
  tenant   text not null,
  document text not null,
  version  text not null,
  state    text not null,                  -- intent | live
  key      blob not null,                  -- data key, wrapped by the tenant's
  record   blob not null,                  -- sealed by the data key: the document row to be
  primary key (tenant, document, version)
) strict;
create index versions_state on versions (state) where state = 'intent';

create table chunks (
  tenant   text not null,
  id       text not null,
  document text not null,
  version  text not null,
  ordinal  integer not null,
  sealed   blob not null,
  terms    blob not null,
  vector   blob not null,
  primary key (tenant, id)
) strict;
create index chunks_version on chunks (tenant, document, version);

create table arrivals (
  tenant      text not null,
  id          text not null,
  source      text not null,
  state       text not null,               -- received | held | rejected
  content     text not null,
  fingerprint text not null,
  revision    text not null,
  claimed     text not null,
  key         blob not null,
  facts       blob not null,               -- sealed: name, uri, media type, title, claimed attributes
  sealed      blob not null,               -- the received bytes
  reasons     text not null,
  findings    text not null,
  received    integer not null,
  primary key (tenant, id)
) strict;
create index arrivals_state on arrivals (state);

-- Fingerprints of protected documents, under the tenant's key.
create table prints (
  tenant   text not null,
  print    integer not null,
  document text not null,
  primary key (tenant, print, document)
) strict, without rowid;
create index prints_document on prints (tenant, document);

create table tasks (
  seq        integer primary key,
  tenant     text not null,
  document   text not null,
  version    text not null,
  op         text not null,
  attributes text not null,
  receipt    text not null
) strict;
