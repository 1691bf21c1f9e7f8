CREATE TABLE counterfoil_meta (
  name VARCHAR(32) NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE journals (
  number INTEGER NOT NULL,
  journal_id VARCHAR(32) NOT NULL,
  chain_id VARCHAR(78) NOT NULL,
  ledger VARCHAR(42) NOT NULL,
  genesis BYTEA,
  signer VARCHAR(42) NOT NULL,
  key_kind VARCHAR(16) NOT NULL,
  place VARCHAR(64) NOT NULL,
  created_at BIGINT NOT NULL,
  retired_at BIGINT,
  halted VARCHAR(16),
  dirty_boot VARCHAR(64),
  contact_at BIGINT,
  chain_time BIGINT,
  log_operator VARCHAR(42),
  log_opened_at BIGINT,
  log_closes_at BIGINT,
  log_revoked_at BIGINT,
  log_max_delay BIGINT,
  log_next BIGINT,
  PRIMARY KEY (number),
  UNIQUE (journal_id),
  UNIQUE (signer)
);

CREATE TABLE kept_sets (
  journal INTEGER NOT NULL,
  sequence BIGINT NOT NULL,
  side INTEGER NOT NULL,
  count INTEGER NOT NULL,
  keep_until BIGINT,
  PRIMARY KEY (journal, sequence, side)
);

CREATE INDEX kept_sets_by_age ON kept_sets (keep_until);

CREATE TABLE nodes (
  journal INTEGER NOT NULL,
  first BIGINT NOT NULL,
  level INTEGER NOT NULL,
  part INTEGER NOT NULL,
  hashes BYTEA NOT NULL,
  PRIMARY KEY (journal, first, level, part)
);

CREATE TABLE preimages (
  digest BYTEA NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (digest)
);

CREATE TABLE tensors (
  journal INTEGER NOT NULL,
  sequence BIGINT NOT NULL,
  side INTEGER NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  dtype INTEGER NOT NULL,
  shape TEXT NOT NULL,
  data BYTEA NOT NULL,
  keep_until BIGINT,
  PRIMARY KEY (journal, sequence, side, position)
);

CREATE INDEX tensors_by_age ON tensors (keep_until);

CREATE TABLE batches (
  journal INTEGER NOT NULL,
  first BIGINT NOT NULL,
  size BIGINT NOT NULL,
  root BYTEA NOT NULL,
  uri TEXT NOT NULL,
  signature BYTEA NOT NULL,
  cut_at BIGINT NOT NULL,
  earliest_settle_by BIGINT NOT NULL,
  state VARCHAR(8) NOT NULL,
  transaction_hash BYTEA,
  nonce BIGINT,
  sent_at BIGINT,
  posted_at BIGINT,
  block BIGINT,
  PRIMARY KEY (journal, first),
  FOREIGN KEY(journal) REFERENCES journals (number)
);

CREATE INDEX batches_by_state ON batches (journal, state);

CREATE TABLE receipts (
  journal INTEGER NOT NULL,
  sequence BIGINT NOT NULL,
  digest BYTEA NOT NULL,
  model BYTEA NOT NULL,
  runtime BYTEA NOT NULL,
  request BYTEA NOT NULL,
  inputs BYTEA NOT NULL,
  outputs BYTEA NOT NULL,
  issued_at BIGINT NOT NULL,
  settle_by BIGINT NOT NULL,
  signature BYTEA NOT NULL,
  input_master BYTEA,
  output_master BYTEA,
  PRIMARY KEY (journal, sequence),
  FOREIGN KEY(journal) REFERENCES journals (number)
);

CREATE TABLE leases (
  journal INTEGER NOT NULL,
  holder VARCHAR(128) NOT NULL,
  fence BIGINT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (journal),
  FOREIGN KEY(journal) REFERENCES journals (number)
);

INSERT INTO counterfoil_meta (name, value) VALUES ('schema', '2');
