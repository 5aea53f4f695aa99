// The HTTP calls about groups, and their answers in the words of this page.
//
// Not here: which groups there are and when to ask (../chat/groups.js).

import { call } from './http.js';

export const Role = Object.freeze({ MEMBER: 0, ADMIN: 1, OWNER: 2 });
export const JoinType = Object.freeze({ ANYBODY: 0, STAFF: 1, APPROVAL: 2 });

/** A mute that does not end by itself; as text, as it is beyond what numbers hold exactly. */
export const FOREVER = '9223372036854775807';

const WAITING = 0;
const MOST_APPLICATIONS = 100;

export class GroupApi {
  #login;

  /** `login` has the token. */
  constructor(login) {
    this.#login = login;
  }

  /** Groups that this user is in. */
  async list() {
    const { groups = [] } = await this.#post('group-list', {});
    return groups.map(groupOf);
  }

  /** The group with the number that people know, or null. */
  async find(number) {
    const { groups = [] } = await this.#post('group-search', { tp: 0, query: number });
    return groups.length > 0 ? groupOf(groups[0]) : null;
  }

  async create(name, memberIds) {
    return groupOf(await this.#post('create-group', { name, memberIds }));
  }

  /** Members, the owner and admins first. */
  async members(id) {
    const { members = [] } = await this.#post('group-member-list', { idStr: id });
    return members.map(memberOf).sort((a, b) => b.role - a.role);
  }

  /** Applications that wait for a decision, for admins. */
  async applications(id) {
    const asked = { idStr: id, count: MOST_APPLICATIONS, offset: 0 };
    const { applys = [] } = await this.#post('get-group-applys', asked);
    return applys
      .filter(({ applyStatus }) => applyStatus === WAITING)
      .map(({ applyId, memberId, inviterId, applyNote }) => ({
        id: applyId,
        address: memberId,
        inviter: inviterId,
        note: applyNote,
      }));
  }

  invite(id, addresses) {
    return this.#post('invite-group-members', { idStr: id, newMemberIds: addresses });
  }

  join(id) {
    return this.#post('join-group', { idStr: id });
  }

  apply(id, note) {
    return this.#post('create-group-apply', { idStr: id, applyNote: note });
  }

  decide(id, applyId, accepted) {
    const route = accepted ? 'accept-group-apply' : 'reject-group-apply';
    return this.#post(route, { idStr: id, applyId });
  }

  /** For `ms`, `FOREVER`, or 0 to lift it. */
  mute(id, address, ms) {
    return this.#post('member/muteTime', { idStr: id, memberIds: [address], muteTime: ms });
  }

  muteAll(id, muted) {
    return this.#post('muteType', { idStr: id, muteType: Number(muted) });
  }

  setRole(id, address, role) {
    return this.#post('member/type', { idStr: id, memberId: address, memberType: role });
  }

  setJoinType(id, joinType) {
    return this.#post('joinType', { idStr: id, joinType });
  }

  rename(id, name) {
    return this.#post('name', { idStr: id, name, publicName: name });
  }

  remove(id, address) {
    return this.#post('group-remove', { idStr: id, memberIds: [address] });
  }

  passOn(id, address) {
    return this.#post('change-owner', { idStr: id, memberId: address });
  }

  leave(id) {
    return this.#post('group-exit', { idStr: id });
  }

  disband(id) {
    return this.#post('group-disband', { idStr: id });
  }

  async #post(route, body) {
    const { token } = await this.#login.fresh();
    return call(`/group/app/${route}`, { body, token });
  }
}

// The name may be ciphertext of another client; the public name never is.
function groupOf(info) {
  return {
    id: info.idStr,
    name: info.publicName || info.name,
    number: info.markId,
    joinType: info.joinType,
    allMuted: info.muteType === 1,
    memberNum: info.memberNum,
    role: info.person?.memberType ?? null,
    mutedUntil: info.person?.memberMuteTime ?? 0,
  };
}

function memberOf({ memberId, memberType, memberMuteTime }) {
  return { address: memberId, role: memberType, mutedUntil: memberMuteTime };
}
