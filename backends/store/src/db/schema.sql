-- Step 1 of the part "messages", with the tokens of comet-sql. Released steps never change.
--
-- Names follow the database that clients' tools know; types, keys and what else is here are ours.
-- Ids (mid, id) are made by one writer in the order of its commits, so they also order the log.

CREATE TABLE dtalk_msg_content (
    mid         {int} NOT NULL PRIMARY KEY,
    seq         {key:160} NOT NULL,      -- the client's id of the message
    sender_id   {key:255} NOT NULL,
    receiver_id {key:255} NOT NULL,
    msg_type    {int} NOT NULL,
    content     {blob} NOT NULL,      -- as sent, never parsed
    create_time {int} NOT NULL,
    source      {blob},               -- encoded protobuf
    reference   {blob}                -- encoded protobuf
) {table:rows};

-- The history of two users is two ranges of this.
CREATE INDEX dtalk_msg_content_pair ON dtalk_msg_content (sender_id, receiver_id, mid);

-- The log of each user, sorted by user. owner_seq counts a user's rows without holes.
CREATE TABLE dtalk_msg_relation (
    mid         {int} NOT NULL,
    owner_uid   {key:255} NOT NULL,
    other_uid   {key:255} NOT NULL,
    type        {int} NOT NULL,   -- 0 outbox, 1 inbox
    state       {int} NOT NULL,   -- 1 once a phone of the owner has it
    create_time {int} NOT NULL,
    owner_seq   {int} NOT NULL,
    PRIMARY KEY (owner_uid, mid)
) {table};

{not:mysql}CREATE INDEX dtalk_msg_relation_unreceived
    ON dtalk_msg_relation (owner_uid, mid){where:state = 0};

{not:sqlite}{not:postgres}CREATE INDEX dtalk_msg_relation_unreceived
    ON dtalk_msg_relation (owner_uid, state, mid);

-- The greatest owner_seq of each user.
CREATE TABLE dtalk_msg_version (
    uid     {key:255} NOT NULL PRIMARY KEY,
    version {int} NOT NULL
) {table};

-- A group message is stored once, not for each member.
CREATE TABLE dtalk_group_msg_content (
    mid         {int} NOT NULL PRIMARY KEY,
    seq         {key:160} NOT NULL,
    sender_id   {key:255} NOT NULL,
    receiver_id {key:255} NOT NULL,      -- the group's id in decimal
    msg_type    {int} NOT NULL,
    content     {blob} NOT NULL,
    create_time {int} NOT NULL,
    source      {blob},
    reference   {blob}
) {table:rows};

CREATE INDEX dtalk_group_msg_content_group ON dtalk_group_msg_content (receiver_id, mid);

CREATE TABLE dtalk_signal_content (
    id          {int} NOT NULL,
    uid         {key:255} NOT NULL,
    type        {int} NOT NULL,
    state       {int} NOT NULL,   -- 1 once a phone of the user has it
    content     {blob} NOT NULL,      -- the encoded body of the signal
    create_time {int} NOT NULL,
    update_time {int} NOT NULL,
    PRIMARY KEY (uid, id)
) {table};

{not:mysql}CREATE INDEX dtalk_signal_content_unreceived
    ON dtalk_signal_content (uid, id){where:state = 0};

{not:sqlite}{not:postgres}CREATE INDEX dtalk_signal_content_unreceived
    ON dtalk_signal_content (uid, state, id);

-- What tells a repeat. Apart from the contents, because a revoked message must stay known.
CREATE TABLE comet_sent (
    sender_id   {key:255} NOT NULL,
    seq         {key:160} NOT NULL,
    mid         {int} NOT NULL,
    create_time {int} NOT NULL,
    PRIMARY KEY (sender_id, seq)
) {table};

-- Who marked which message.
CREATE TABLE comet_focus (
    mid         {int} NOT NULL,
    uid         {key:255} NOT NULL,
    create_time {int} NOT NULL,
    PRIMARY KEY (mid, uid)
) {table};

-- The greatest id ever given out; rows may have been deleted since.
CREATE TABLE comet_last_id (
    "only" {int} NOT NULL PRIMARY KEY CHECK ("only" = 1),
    id     {int} NOT NULL
) {table:rows};

INSERT INTO comet_last_id ("only", id) VALUES (1, 0);
