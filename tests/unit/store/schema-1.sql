-- SPDX-License-Identifier: ISC
-- A database of schema version 1, as pratique 0.1.0 of November 2026 made it, with something in each table.
-- Never changed: today's server must read it.
PRAGMA application_id = 1347567956;
PRAGMA user_version = 1;
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE node(name TEXT PRIMARY KEY, thumbprint BLOB NOT NULL, serial TEXT, first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL, revoked INTEGER NOT NULL, revoked_reason TEXT, revoked_at INTEGER NOT NULL,
  pinned INTEGER NOT NULL, pin BLOB NOT NULL, inspected INTEGER NOT NULL, posture_signed INTEGER NOT NULL,
  posture_digest BLOB NOT NULL) STRICT;
CREATE TABLE posture(node TEXT PRIMARY KEY, json BLOB NOT NULL) STRICT;
CREATE TABLE attachment(enforcement_point TEXT NOT NULL, port TEXT NOT NULL, mac BLOB NOT NULL, node TEXT,
  addresses BLOB NOT NULL, present INTEGER NOT NULL, contested INTEGER NOT NULL, first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL, segment TEXT, compliant INTEGER NOT NULL, expires INTEGER NOT NULL, generation
  INTEGER NOT NULL, certificate TEXT, certificate_digest BLOB NOT NULL, PRIMARY KEY(enforcement_point, port,
  mac)) STRICT;
CREATE TABLE certificate(id TEXT PRIMARY KEY, node TEXT NOT NULL, enforcement_point TEXT NOT NULL, port TEXT
  NOT NULL, mac BLOB NOT NULL, segment TEXT NOT NULL, issued INTEGER NOT NULL, expires INTEGER NOT NULL,
  revoked INTEGER NOT NULL) STRICT;
CREATE INDEX certificate_expires ON certificate(expires);
CREATE TABLE decision(generation INTEGER PRIMARY KEY, node TEXT, enforcement_point TEXT, port TEXT, mac BLOB
  NOT NULL, made INTEGER NOT NULL, expires INTEGER NOT NULL, cause TEXT NOT NULL, segment TEXT NOT NULL, rule
  TEXT, level INTEGER NOT NULL, compliant INTEGER NOT NULL, rejected INTEGER NOT NULL, policy_fingerprint
  INTEGER NOT NULL, advisory_generation INTEGER NOT NULL, n_findings INTEGER NOT NULL, findings TEXT) STRICT;
CREATE INDEX decision_node ON decision(node, generation);
CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, node TEXT,
  enforcement_point TEXT, port TEXT, mac BLOB NOT NULL, text TEXT NOT NULL) STRICT;
CREATE TABLE revoked_serial(serial TEXT PRIMARY KEY, node TEXT, reason TEXT, at INTEGER NOT NULL) STRICT;
CREATE TABLE token(hash BLOB PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, created INTEGER NOT NULL,
  expires INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID, STRICT;
INSERT INTO meta VALUES('generation', 1048576);
INSERT INTO node VALUES('alice', x'0101010101010101010101010101010101010101010101010101010101010101', '0a',
  1000, 2000, 0, NULL, 0, 0, x'0000000000000000000000000000000000000000000000000000000000000000', 1900, 1,
  x'0202020202020202020202020202020202020202020202020202020202020202');
INSERT INTO node VALUES('bob', x'0303030303030303030303030303030303030303030303030303030303030303', '0b',
  1100, 2100, 1, 'laptop stolen', 2050, 1,
  x'0404040404040404040404040404040404040404040404040404040404040404', 0, 0,
  x'0000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO posture VALUES('alice', CAST('{"os":"debian"}' AS BLOB));
INSERT INTO attachment VALUES('gw', 'p1', x'0200000000a1', 'alice', zeroblob(16), 1, 0, 1000, 2000, 'staff',
  1, 9999999999999, 77, '11111111-2222-3333-4444-555555555555',
  x'0202020202020202020202020202020202020202020202020202020202020202');
INSERT INTO attachment VALUES('gw', 'p2', x'0200000000a2', NULL, x'', 0, 1, 1000, 2000, NULL, 0, 0, 0, NULL,
  x'0000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO certificate VALUES('11111111-2222-3333-4444-555555555555', 'alice', 'gw', 'p1', x'0200000000a1',
  'staff', 1900, 9999999999999, 0);
INSERT INTO decision VALUES(76, 'alice', 'gw', 'p1', x'0200000000a1', 1800, 1850, 'advisories', 'isolated',
  'otherwise isolated', 0, 0, 0, 5, 6, 1, '[{"kind":"advisory"}]');
INSERT INTO decision VALUES(77, 'alice', 'gw', 'p1', x'0200000000a1', 1900, 9999999999999, 'inspection',
  'staff', 'admit role "employee" to staff', 2, 1, 0, 5, 6, 0, '[]');
INSERT INTO event VALUES(41, 1900, 'placement', 'alice', 'gw', 'p1', x'0200000000a1', 'isolated -> staff by
  inspection');
INSERT INTO event VALUES(42, 2050, 'revocation', 'bob', NULL, NULL, x'000000000000', 'laptop stolen');
INSERT INTO revoked_serial VALUES('0b', 'bob', 'laptop stolen', 2050);
INSERT INTO token VALUES(x'0909090909090909090909090909090909090909090909090909090909090909', 'carol', 'node',
  2000, 9999999999999, 0);
