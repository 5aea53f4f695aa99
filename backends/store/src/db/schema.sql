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

-- The timeline of each group, an entry for each message, notice and signal, however many members
-- there are. Positions count the entries of a group without holes, in the order of their ids.
CREATE TABLE dtalk_group_msg_content (
    mid         {int} NOT NULL PRIMARY KEY,
    seq         {key:160} NOT NULL,   -- empty for a signal
    sender_id   {key:255} NOT NULL,   -- empty for a signal
    receiver_id {key:255} NOT NULL,   -- the group's id in decimal
    msg_type    {int} NOT NULL,       -- of a signal its type
    content     {blob} NOT NULL,      -- of a signal its encoded body
    create_time {int} NOT NULL,
    source      {blob},
    reference   {blob},
    kind        {int} NOT NULL,       -- 0 message or notice, 1 signal, 2 revoked: without content
    position    {int} NOT NULL
) {table:rows};

CREATE INDEX dtalk_group_msg_content_group ON dtalk_group_msg_content (receiver_id, mid);

-- The last position given out in each group.
CREATE TABLE comet_group_position (
    group_id {key:20} NOT NULL PRIMARY KEY,   -- in decimal
    position {int} NOT NULL
) {table};

-- Parts of timelines that users may see: entries above joined_id, up to left_id. A user without any
-- in a group of which he is a member has been one since its beginning.
CREATE TABLE comet_group_stay (
    uid             {key:255} NOT NULL,
    group_id        {int} NOT NULL,
    joined_id       {int} NOT NULL,   -- 0: since the beginning, for as long as he is a member
    joined_position {int} NOT NULL,   -- of the last entry before
    left_id         {int} NOT NULL,   -- 9223372036854775807 of a member
    left_position   {int} NOT NULL,   -- of the last entry; likewise
    received        {int} NOT NULL,   -- position up to which phones of the user have all entries
    received_id     {int} NOT NULL,   -- no entry up to this id is above that
    above           {text} NOT NULL,  -- positions above that they have too, as "9-12 15-15"
    PRIMARY KEY (uid, group_id, joined_id)
) {table};

CREATE INDEX comet_group_stay_group ON comet_group_stay (group_id, left_id);

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

-- Up to which message of a conversation a user has read.
CREATE TABLE comet_read (
    uid    {key:255} NOT NULL,
    type   {int} NOT NULL,       -- 0 with a user, 1 a group
    target {key:255} NOT NULL,   -- the other user, or the group's id in decimal
    mid    {int} NOT NULL,
    PRIMARY KEY (uid, type, target)
) {table};

-- The greatest id ever given out; rows may have been deleted since.
CREATE TABLE comet_last_id (
    "only" {int} NOT NULL PRIMARY KEY CHECK ("only" = 1),
    id     {int} NOT NULL
) {table:rows};

INSERT INTO comet_last_id ("only", id) VALUES (1, 0);

-- Changes of groups that are to be delivered, in this order. Written by the group backend in its own
-- transactions; the writer of messages deletes what it has delivered.
CREATE TABLE comet_outbox (
    id          {int} NOT NULL PRIMARY KEY,
    group_id    {int} NOT NULL,
    type        {int} NOT NULL,   -- 0 join, 1 leave, 2 dissolve, 3 notice, 4 signal, 5 signal to one
    name        {key:255} NOT NULL,   -- author of a notice, receiver of a signal to one user
    signal_type {int} NOT NULL,
    body        {blob} NOT NULL   -- encoded content; of 0 and 1 the users
) {table:rows};
