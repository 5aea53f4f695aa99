-- Step 1 of the part "groups", with the tokens of comet-sql. Released steps never change.
--
-- Names follow the database that clients' tools know; types, keys and what else is here are ours.
-- Names of groups are ciphertext, so they are longer than what people read.

CREATE TABLE dtalk_group_info (
    group_id          {int} NOT NULL PRIMARY KEY,
    group_mark_id     {key:160} NOT NULL,   -- the number that people search by
    group_name        {text} NOT NULL,      -- as clients encrypted it
    group_pub_name    {text} NOT NULL,
    group_avatar      {text} NOT NULL,
    group_introduce   {text} NOT NULL,
    group_member_num  {int} NOT NULL,
    group_maximum     {int} NOT NULL DEFAULT 200,
    group_status      {int} NOT NULL,   -- 0 normal, 1 banned, 2 disbanded
    group_owner_id    {key:255} NOT NULL,
    group_create_time {int} NOT NULL,
    group_update_time {int} NOT NULL,
    group_join_type   {int} NOT NULL,   -- 0 anybody, 1 by owner and admins, 2 by application
    group_mute_type   {int} NOT NULL,   -- 1: only owner and admins speak
    group_friend_type {int} NOT NULL,   -- 1: members may not become friends
    group_type        {int} NOT NULL,   -- 0 of its members, 1 of the enterprise, 2 of a department
    group_aes_key     {key:255} NOT NULL,   -- shown to members alone
    comet_change      {int} NOT NULL DEFAULT 0   -- number of the last change
) {table:rows};

CREATE UNIQUE INDEX dtalk_group_info_mark ON dtalk_group_info (group_mark_id);

-- A member that left keeps the row, with another type.
CREATE TABLE dtalk_group_member (
    group_id                 {int} NOT NULL,
    group_member_id          {key:255} NOT NULL,
    group_member_name        {text} NOT NULL,
    group_member_type        {int} NOT NULL,   -- 0 member, 1 admin, 2 owner; others have left
    group_member_join_time   {int} NOT NULL,
    group_member_update_time {int} NOT NULL,
    PRIMARY KEY (group_id, group_member_id)
) {table};

CREATE INDEX dtalk_group_member_user ON dtalk_group_member (group_member_id, group_member_type);

-- Members in the order of lists.
CREATE INDEX dtalk_group_member_order ON dtalk_group_member
    (group_id, group_member_type, group_member_join_time);

-- Kept when a member leaves: who comes back is still muted.
CREATE TABLE dtalk_group_member_mute (
    group_id                      {int} NOT NULL,
    group_member_id               {key:255} NOT NULL,
    group_member_mute_time        {int} NOT NULL,   -- end, Unix milliseconds
    group_member_mute_update_time {int} NOT NULL,
    PRIMARY KEY (group_id, group_member_id)
) {table};

CREATE TABLE dtalk_group_apply (
    id            {int} NOT NULL PRIMARY KEY,
    group_id      {int} NOT NULL,
    inviter_id    {key:255} NOT NULL,   -- empty: found by number
    member_id     {key:255} NOT NULL,
    apply_note    {text} NOT NULL,
    operator_id   {key:255} NOT NULL,
    apply_status  {int} NOT NULL,   -- 0 waiting, 1 accepted, 2 refused, 10 ignored
    reject_reason {text} NOT NULL,
    create_time   {int} NOT NULL,
    update_time   {int} NOT NULL
) {table:rows};

CREATE INDEX dtalk_group_apply_group ON dtalk_group_apply (group_id, id);

CREATE INDEX dtalk_group_apply_waiting ON dtalk_group_apply (group_id, apply_status, member_id);
