-- Names follow the database that clients' tools know; types, keys and what else is here are ours.
-- Ids (mid, id) are made by one writer in the order of its commits, so they also order the log.

CREATE TABLE dtalk_msg_content (
    mid         INTEGER PRIMARY KEY,
    seq         TEXT NOT NULL,      -- the client's id of the message
    sender_id   TEXT NOT NULL,
    receiver_id TEXT NOT NULL,
    msg_type    INTEGER NOT NULL,
    content     BLOB NOT NULL,      -- as sent, never parsed
    create_time INTEGER NOT NULL,
    source      BLOB,               -- encoded protobuf
    reference   BLOB                -- encoded protobuf
) STRICT;

-- The history of two users is two ranges of this.
CREATE INDEX dtalk_msg_content_pair ON dtalk_msg_content (sender_id, receiver_id, mid);

-- The log of each user, sorted by user. owner_seq counts a user's rows without holes.
CREATE TABLE dtalk_msg_relation (
    mid         INTEGER NOT NULL,
    owner_uid   TEXT NOT NULL,
    other_uid   TEXT NOT NULL,
    type        INTEGER NOT NULL,   -- 0 outbox, 1 inbox
    state       INTEGER NOT NULL,   -- 1 once a phone of the owner has it
    create_time INTEGER NOT NULL,
    owner_seq   INTEGER NOT NULL,
    PRIMARY KEY (owner_uid, mid)
) STRICT, WITHOUT ROWID;

CREATE INDEX dtalk_msg_relation_unreceived ON dtalk_msg_relation (owner_uid, mid)
    WHERE state = 0;

-- The greatest owner_seq of each user.
CREATE TABLE dtalk_msg_version (
    uid     TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A group message is stored once, not for each member.
CREATE TABLE dtalk_group_msg_content (
    mid         INTEGER PRIMARY KEY,
    seq         TEXT NOT NULL,
    sender_id   TEXT NOT NULL,
    receiver_id TEXT NOT NULL,      -- the group's id in decimal
    msg_type    INTEGER NOT NULL,
    content     BLOB NOT NULL,
    create_time INTEGER NOT NULL,
    source      BLOB,
    reference   BLOB
) STRICT;

CREATE INDEX dtalk_group_msg_content_group ON dtalk_group_msg_content (receiver_id, mid);

CREATE TABLE dtalk_signal_content (
    id          INTEGER NOT NULL,
    uid         TEXT NOT NULL,
    type        INTEGER NOT NULL,
    state       INTEGER NOT NULL,   -- 1 once a phone of the user has it
    content     BLOB NOT NULL,      -- the encoded body of the signal
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    PRIMARY KEY (uid, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX dtalk_signal_content_unreceived ON dtalk_signal_content (uid, id) WHERE state = 0;

-- What tells a repeat. Apart from the contents, because a revoked message must stay known.
CREATE TABLE comet_sent (
    sender_id   TEXT NOT NULL,
    seq         TEXT NOT NULL,
    mid         INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    PRIMARY KEY (sender_id, seq)
) STRICT, WITHOUT ROWID;

-- Who marked which message.
CREATE TABLE comet_focus (
    mid         INTEGER NOT NULL,
    uid         TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    PRIMARY KEY (mid, uid)
) STRICT, WITHOUT ROWID;

-- The greatest id ever given out; rows may have been deleted since.
CREATE TABLE comet_last_id (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id   INTEGER NOT NULL
) STRICT;

INSERT INTO comet_last_id (only, id) VALUES (1, 0);
