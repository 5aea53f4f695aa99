// One member in the panel of a group, and what an admin may do with them.
//
// Not here: the panel (group_panel.js), doing it (../net/groups.js).

import { FOREVER, Role } from '../net/groups.js';
import { say } from '../words/words.js';
import { showAvatar } from './avatar.js';
import { element, icon, setChildren, setText } from './dom.js';
import { untilOf } from './when.js';

const MINUTE_MS = 60_000;

/** What a button does, by its `data-act`. */
export const ACTS = Object.freeze({
  'mute-10': (api, id, address) => api.mute(id, address, 10 * MINUTE_MS),
  'mute-60': (api, id, address) => api.mute(id, address, 60 * MINUTE_MS),
  'mute-day': (api, id, address) => api.mute(id, address, 24 * 60 * MINUTE_MS),
  'mute-forever': (api, id, address) => api.mute(id, address, FOREVER),
  unmute: (api, id, address) => api.mute(id, address, 0),
  promote: (api, id, address) => api.setRole(id, address, Role.ADMIN),
  demote: (api, id, address) => api.setRole(id, address, Role.MEMBER),
  'pass-on': (api, id, address) => api.passOn(id, address),
  remove: (api, id, address) => api.remove(id, address),
});

/** What somebody with a role may do with a member. */
export function actsOn(member, role, now) {
  if (member.isMe || role < Role.ADMIN || member.role >= role) return [];
  const acts = [];
  if (member.role === Role.MEMBER) {
    const mutes = ['mute-10', 'mute-60', 'mute-day', 'mute-forever'];
    acts.push(...(member.mutedUntil > now ? ['unmute'] : mutes));
  }
  if (role === Role.OWNER) acts.push(member.role === Role.ADMIN ? 'demote' : 'promote', 'pass-on');
  return [...acts, 'remove'];
}

export function makeMember(member) {
  const parts = {
    avatar: element('span', { className: 'avatar small' }),
    name: element('span', { className: 'name' }),
    muted: element('span', { className: 'muted' }),
    role: element('span', { className: 'role' }),
    manage: element('button', { type: 'button', className: 'icon-button manage' }, icon('more')),
    acts: element('div', { className: 'acts', hidden: true, id: `acts-${member.address}` }),
  };
  parts.avatar.ariaHidden = 'true';
  parts.manage.setAttribute('aria-controls', parts.acts.id);
  parts.manage.addEventListener('click', () => {
    parts.acts.hidden = !parts.acts.hidden;
    parts.manage.ariaExpanded = String(!parts.acts.hidden);
  });
  const item = element(
    'li',
    { data: { address: member.address } },
    element('div', { className: 'person' },
      parts.avatar,
      element('span', { className: 'who' }, parts.name, parts.muted),
      parts.role,
      parts.manage),
    parts.acts,
  );
  item.parts = parts;
  parts.manage.ariaExpanded = 'false';
  return item;
}

/** `member` has a `name`; `acts` are those that this person may do. */
export function updateMember(item, member, acts, now) {
  const { avatar, name, muted, role, manage, acts: actsNode } = item.parts;
  item.dataset.name = member.name;
  item.dataset.role = String(member.role);
  showAvatar(avatar, member);
  setText(name, member.isMe ? say('panel.you', member.name) : member.name);
  const until = member.mutedUntil > now ? untilOf(member.mutedUntil, now) : undefined;
  item.dataset.muted = String(until !== undefined);
  muted.hidden = until === undefined;
  setText(muted, until ? say('member.muted', until) : say('member.muted-forever'));
  role.hidden = member.role === Role.MEMBER;
  setText(role, member.role === Role.MEMBER ? '' : say(`role.${member.role}`));
  manage.hidden = acts.length === 0;
  manage.ariaLabel = say('member.manage', member.name);
  manage.title = manage.ariaLabel;
  if (acts.length === 0) actsNode.hidden = true;
  const wanted = acts.join(' ');
  if (actsNode.dataset.acts === wanted) return;
  actsNode.dataset.acts = wanted;
  setChildren(actsNode, acts.map((act) => {
    const className = act === 'remove' ? 'chip danger' : 'chip';
    return element('button', { type: 'button', className, data: { act } }, say(`member.${act}`));
  }));
}
