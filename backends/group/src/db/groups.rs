//! Rows of `dtalk_group_info`.

use comet_sql::{Connection, Error, FromRow, Row, Statement, insert, sql};

use crate::group::{Group, JoinType, Kind, Profile, Settings, Status};
use crate::member::{Member, Role};

macro_rules! columns {
    () => {
        "g.group_id, g.group_mark_id, g.group_name, g.group_pub_name, g.group_avatar, \
         g.group_introduce, g.group_aes_key, g.group_type, g.group_join_type, g.group_mute_type, \
         g.group_friend_type, g.group_status, g.group_owner_id, g.group_member_num, \
         g.group_maximum, g.group_create_time, g.comet_change"
    };
}

/// Number of columns above.
const COLUMNS: usize = 17;

const INSERTED: [&str; 18] = [
    "group_id",
    "group_mark_id",
    "group_name",
    "group_pub_name",
    "group_avatar",
    "group_introduce",
    "group_aes_key",
    "group_type",
    "group_join_type",
    "group_mute_type",
    "group_friend_type",
    "group_status",
    "group_owner_id",
    "group_member_num",
    "group_maximum",
    "group_create_time",
    "group_update_time",
    "comet_change",
];

/// Group as a user sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Listed {
    pub(crate) group: Group,
    /// The owner, without a mute.
    pub(crate) owner: Option<Member>,
    /// The user, if a member; without a mute.
    pub(crate) person: Option<Member>,
}

macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", o.group_member_name, o.group_member_type, p.group_member_id, p.group_member_name, \
             p.group_member_type FROM dtalk_group_info g \
             LEFT JOIN dtalk_group_member o ON o.group_id = g.group_id \
             AND o.group_member_id = g.group_owner_id AND o.group_member_type = 2 ",
            $rest
        )
    };
}

/// One group, as this user sees it.
pub(crate) fn one(id: i64, uid: &str) -> Statement<'_> {
    sql(listed!(
        "LEFT JOIN dtalk_group_member p ON p.group_id = g.group_id AND p.group_member_id = ? \
         AND p.group_member_type BETWEEN 0 AND 2 WHERE g.group_id = ?"
    ))
    .bind(uid)
    .bind(id)
}

/// The group that people find by this number, as this user sees it.
pub(crate) fn by_mark<'a>(mark_id: &'a str, uid: &'a str) -> Statement<'a> {
    sql(listed!(
        "LEFT JOIN dtalk_group_member p ON p.group_id = g.group_id AND p.group_member_id = ? \
         AND p.group_member_type BETWEEN 0 AND 2 WHERE g.group_mark_id = ?"
    ))
    .bind(uid)
    .bind(mark_id)
}

/// Groups of a user; as many as a user may have.
pub(crate) fn of_user(uid: &str) -> Statement<'_> {
    sql(listed!(
        "JOIN dtalk_group_member p ON p.group_id = g.group_id \
         WHERE p.group_member_id = ? AND p.group_member_type IN (0, 1, 2) \
         AND g.group_status IN (0, 1) ORDER BY g.group_id"
    ))
    .bind(uid)
}

/// Ids and public names of these groups.
pub(crate) fn public_names<'a>(ids: &[i64]) -> Statement<'a> {
    let text = "SELECT group_id, group_pub_name FROM dtalk_group_info WHERE group_id IN ";
    sql(text).list(ids.iter().copied())
}

/// The group, locked until the end of the transaction.
pub(crate) async fn locked(db: &mut Connection, id: i64) -> Result<Option<Group>, Error> {
    let text =
        concat!("SELECT ", columns!(), " FROM dtalk_group_info g WHERE g.group_id = ?{lock}");
    sql(text).bind(id).optional(db).await
}

/// Greatest id that this program may have made; imported ones may be greater than those.
pub(crate) const fn last_group<'a>() -> Statement<'a> {
    sql("SELECT COALESCE(MAX(group_id), 0) FROM dtalk_group_info WHERE group_id < 9007199254740992")
}

/// Number of groups with this number: 0 or 1.
pub(crate) async fn count_mark(db: &mut Connection, mark_id: &str) -> Result<i64, Error> {
    let text = "SELECT COUNT(*) FROM dtalk_group_info WHERE group_mark_id = ?";
    sql(text).bind(mark_id).one(db).await
}

pub(crate) async fn insert_group(
    db: &mut Connection,
    group: &Group,
    change: i64,
) -> Result<(), Error> {
    let Group { profile, settings, .. } = group;
    let row = [
        group.id.into(),
        (&*profile.mark_id).into(),
        (&*profile.name).into(),
        (&*profile.public_name).into(),
        (&*profile.avatar).into(),
        (&*profile.introduce).into(),
        (&*profile.key).into(),
        settings.kind.number().into(),
        settings.join_type.number().into(),
        settings.is_muted.into(),
        settings.is_unfriendly.into(),
        group.status.number().into(),
        (&*group.owner).into(),
        group.member_num.into(),
        group.maximum.into(),
        group.create_time.into(),
        group.create_time.into(),
        change.into(),
    ];
    insert("dtalk_group_info", &INSERTED).row(row).execute(db).await
}

/// Stores whatever of a group may change.
pub(crate) async fn update_group(
    db: &mut Connection,
    group: &Group,
    change: i64,
    now: i64,
) -> Result<(), Error> {
    let Group { profile, settings, .. } = group;
    let text = "UPDATE dtalk_group_info SET group_name = ?, group_pub_name = ?, group_avatar = ?, \
                group_type = ?, group_join_type = ?, group_mute_type = ?, group_friend_type = ?, \
                group_status = ?, group_owner_id = ?, group_member_num = ?, \
                group_update_time = ?, comet_change = ? WHERE group_id = ?";
    sql(text)
        .bind(&*profile.name)
        .bind(&*profile.public_name)
        .bind(&*profile.avatar)
        .bind(settings.kind.number())
        .bind(settings.join_type.number())
        .bind(settings.is_muted)
        .bind(settings.is_unfriendly)
        .bind(group.status.number())
        .bind(&*group.owner)
        .bind(group.member_num)
        .bind(now)
        .bind(change)
        .bind(group.id)
        .execute(db)
        .await
        .map(|_| ())
}

impl FromRow for Group {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let join_type = JoinType::of_number(row.get(8)?);
        Ok(Self {
            id: row.get(0)?,
            profile: Profile {
                mark_id: row.get(1)?,
                name: row.get(2)?,
                public_name: row.get(3)?,
                avatar: row.get(4)?,
                introduce: row.get(5)?,
                key: row.get(6)?,
            },
            settings: Settings {
                kind: Kind::of_number(row.get(7)?),
                // The strictest, of a number that nobody knows.
                join_type: join_type.unwrap_or(JoinType::StaffOnly),
                is_muted: row.get::<i64>(9)? != 0,
                is_unfriendly: row.get::<i64>(10)? != 0,
            },
            status: Status::of_number(row.get(11)?),
            owner: row.get(12)?,
            member_num: row.get(13)?,
            maximum: row.get(14)?,
            create_time: row.get(15)?,
            change: row.get(16)?,
        })
    }
}

impl FromRow for Listed {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let group = Group::from_row(row)?;
        let person = match row.optional::<String>(COLUMNS + 2)? {
            Some(uid) => member(uid, row, COLUMNS + 3)?,
            None => None,
        };
        let owner = member(group.owner.clone(), row, COLUMNS)?;
        Ok(Self { group, owner, person })
    }
}

/// Member from the columns of a name and a type, which are NULL together.
fn member(uid: String, row: &Row, at: usize) -> Result<Option<Member>, Error> {
    let name = row.optional::<String>(at)?;
    let role = row.optional::<i64>(at + 1)?.and_then(Role::of_number);
    Ok(name.zip(role).map(|(name, role)| Member { role, ..Member::new(uid, name) }))
}
