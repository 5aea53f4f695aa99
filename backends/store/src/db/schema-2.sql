-- Step 2 of the part "messages": timelines of groups.

-- Positions count the entries of a group without holes, in the order of their ids. A timeline has an
-- entry for each message, notice and signal, however many members there are. Of a signal sender and
-- seq are empty, msg_type is its type and content its encoded body.
ALTER TABLE dtalk_group_msg_content
    -- 0 message or notice, 1 signal, 2 revoked: without content
    ADD COLUMN kind {int} NOT NULL DEFAULT 0;

ALTER TABLE dtalk_group_msg_content
    ADD COLUMN position {int} NOT NULL DEFAULT 0;

-- Step 1 alone was never on a server of MySQL.
{not:mysql}UPDATE dtalk_group_msg_content SET position = numbered.place FROM (
    SELECT mid AS id, ROW_NUMBER() OVER (PARTITION BY receiver_id ORDER BY mid) AS place
    FROM dtalk_group_msg_content
) AS numbered WHERE numbered.id = dtalk_group_msg_content.mid;

-- The last position given out in each group.
CREATE TABLE comet_group_position (
    group_id {key:20} NOT NULL PRIMARY KEY,   -- in decimal
    position {int} NOT NULL
) {table};

INSERT INTO comet_group_position (group_id, position)
    SELECT receiver_id, COUNT(*) FROM dtalk_group_msg_content GROUP BY receiver_id;

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

-- Up to which message of a conversation a user has read.
CREATE TABLE comet_read (
    uid    {key:255} NOT NULL,
    type   {int} NOT NULL,       -- 0 with a user, 1 a group
    target {key:255} NOT NULL,   -- the other user, or the group's id in decimal
    mid    {int} NOT NULL,
    PRIMARY KEY (uid, type, target)
) {table};

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
