// The panel of a group: applications, members, invitations, settings, and the way out.
//
// Not here: one member (member.js), what a group is to this person (../chat/groups.js).

import { JoinType, Role } from '../net/groups.js';
import { say } from '../words/words.js';
import { showAvatar } from './avatar.js';
import { confirm } from './confirm.js';
import { Dialog } from './dialog.js';
import { byId, element, setChildren, setText } from './dom.js';
import { ACTS, actsOn, makeMember, updateMember } from './member.js';
import { Picker } from './picker.js';

export class GroupPanel {
  #dialog = new Dialog('group');
  #people = new Picker('invite-people');
  #chat = null;
  #id = null;
  #members = [];
  #applications = [];
  #rows = new Map();
  #loading = false;
  #again = false;
  #proposed = false;

  constructor() {
    byId('members').addEventListener('click', ({ target }) => {
      const act = target.closest('button')?.dataset.act;
      if (act) this.#manage(act, target.closest('li').dataset.address);
    });
    byId('applications').addEventListener('click', ({ target }) => {
      const { act } = target.closest('button')?.dataset ?? {};
      if (act) this.#decide(target.closest('li').dataset.applyId, act === 'accept');
    });
    byId('invite').addEventListener('submit', (event) => this.#invite(event));
    byId('rename').addEventListener('submit', (event) => {
      event.preventDefault();
      const name = byId('rename-name').value.trim();
      if (name !== '') this.#change((api) => api.rename(this.#id, name));
    });
    byId('join-type').addEventListener('change', ({ target }) => {
      this.#change((api) => api.setJoinType(this.#id, Number(target.value)));
    });
    byId('mute-all').addEventListener('change', ({ target }) => {
      this.#change((api) => api.muteAll(this.#id, target.checked));
    });
    byId('leave-group').addEventListener('click', () => this.#leave());
    byId('end-group').addEventListener('click', () => this.#end());
  }

  open(chat, id) {
    this.#chat = chat;
    this.#id = id;
    this.#members = [];
    this.#applications = [];
    this.#proposed = false;
    this.forget();
    byId('rename-name').value = this.#group.name;
    this.#render();
    this.#dialog.open();
    byId('group-title').focus();
    this.#load();
  }

  /** Something may have changed, here or elsewhere. */
  refresh() {
    if (this.#dialog.isOpen) this.#load();
  }

  /** Somebody may have come. */
  refreshPeople() {
    if (this.#dialog.isOpen) this.#renderInvitation(this.#group);
  }

  /** Draws everything anew: the words have changed. */
  forget() {
    this.#rows.clear();
    this.#people.clear();
    byId('members').replaceChildren();
    byId('applications').replaceChildren();
  }

  get #group() {
    return this.#chat.groups.find(this.#id);
  }

  // Changes come in bursts: while an answer is on its way, one more question is enough.
  async #load() {
    this.#again = true;
    if (this.#loading) return;
    this.#loading = true;
    while (this.#again && this.#dialog.isOpen) {
      this.#again = false;
      await this.#dialog.attempt(() => this.#fetch());
    }
    this.#loading = false;
  }

  async #fetch() {
    const { groups } = this.#chat;
    const id = this.#id;
    if (this.#group.role === null) return this.#dialog.close();
    const [members, applications] = await Promise.all([
      groups.api.members(id),
      groups.isStaff(id) ? groups.api.applications(id) : [],
    ]);
    if (id !== this.#id) return;
    this.#members = members;
    this.#applications = applications;
    this.#render();
  }

  #render() {
    const group = this.#group;
    const { role } = group;
    setText(byId('group-title'), group.name);
    setText(byId('group-number'), say('panel.number', group.number, group.memberNum));
    showAvatar(byId('group-avatar'), { name: group.name, address: group.id, kind: 'group' });
    this.#renderMembers(role);
    this.#renderApplications();
    this.#renderInvitation(group);
    const isStaff = role >= Role.ADMIN;
    byId('group-settings').hidden = !isStaff;
    byId('join-type').value = String(group.joinType);
    byId('mute-all').checked = group.allMuted;
    byId('leave-group').hidden = role === Role.OWNER;
    byId('end-group').hidden = role !== Role.OWNER;
  }

  #renderMembers(role) {
    const now = Date.now();
    const items = this.#members.map((member) => {
      const isMe = member.address === this.#chat.me;
      const named = { ...member, isMe, name: this.#chat.directory.nameOf(member.address) };
      const item = this.#rows.get(member.address) ?? makeMember(named);
      this.#rows.set(member.address, item);
      updateMember(item, named, actsOn(named, role, now), now);
      return item;
    });
    setChildren(byId('members'), items);
  }

  #renderApplications() {
    byId('group-waiting').hidden = this.#applications.length === 0;
    const items = this.#applications.map((application) => {
      const key = `apply ${application.id}`;
      const item = this.#rows.get(key) ?? this.#makeApplication(application);
      this.#rows.set(key, item);
      return item;
    });
    setChildren(byId('applications'), items);
  }

  #makeApplication({ id, address, inviter, note }) {
    const name = this.#chat.directory.nameOf(address);
    const avatar = element('span', { className: 'avatar small' });
    avatar.ariaHidden = 'true';
    showAvatar(avatar, { name, address });
    const invited = inviter && inviter !== address;
    const why = invited ? say('panel.invited-by', this.#chat.directory.nameOf(inviter)) : note;
    const who = element('span', { className: 'who' },
      element('span', { className: 'name' }, name),
      element('span', { className: 'note' }, why));
    const button = (act, className) => {
      const words = say(`panel.${act}`);
      const made = element('button', { type: 'button', className, data: { act } }, words);
      made.ariaLabel = say(`panel.${act}-who`, name);
      return made;
    };
    const person = element('div', { className: 'person' },
      avatar, who, button('refuse', 'secondary'), button('accept', 'primary'));
    return element('li', { data: { applyId: id, name } }, person);
  }

  #renderInvitation({ role, joinType }) {
    const isStaff = role >= Role.ADMIN;
    byId('invite').hidden = !isStaff && joinType === JoinType.STAFF;
    const inside = new Set(this.#members.map(({ address }) => address));
    const outside = this.#chat.directory.people().filter(({ address }) => !inside.has(address));
    this.#people.offer(this.#members.length > 0 ? outside : []);
    byId('invite-button').hidden = outside.length === 0;
    const asks = !isStaff && joinType === JoinType.APPROVAL;
    setText(byId('invite-button'), say(asks ? 'panel.invite-ask' : 'panel.invite-do'));
    byId('invite-said').hidden = !this.#proposed;
    setText(byId('invite-said'), this.#proposed ? say('panel.invited-ask') : '');
  }

  async #invite(event) {
    event.preventDefault();
    const chosen = this.#people.chosen();
    if (chosen.length === 0) return;
    const { role, joinType } = this.#group;
    const asks = role < Role.ADMIN && joinType === JoinType.APPROVAL;
    if (!(await this.#change((api) => api.invite(this.#id, chosen)))) return;
    this.#proposed = asks;
    this.#people.clear();
    this.#render();
  }

  #decide(applyId, accepted) {
    byId('group-title').focus();
    return this.#change((api) => api.decide(this.#id, applyId, accepted));
  }

  async #manage(act, address) {
    const name = this.#chat.directory.nameOf(address);
    const ask = { remove: 'member.remove-ask', 'pass-on': 'member.pass-on-ask' }[act];
    if (ask) {
      const text = act === 'pass-on' ? say('member.pass-on-text') : '';
      if (!(await confirm({ title: say(ask, name), text, yes: say(`member.${act}`) }))) return;
    }
    await this.#change((api) => ACTS[act](api, this.#id, address));
    // The button that was pressed may be gone.
    const row = this.#rows.get(address);
    const { activeElement } = document;
    if (activeElement !== document.body && activeElement?.id !== 'group') return;
    if (row?.isConnected && !row.parts.manage.hidden) row.parts.manage.focus();
    else byId('group-title').focus();
  }

  async #leave() {
    const { name } = this.#group;
    const asked = { title: say('panel.leave-ask', name), text: say('panel.leave-text') };
    if (!(await confirm({ ...asked, yes: say('panel.leave') }))) return;
    await this.#change((api) => api.leave(this.#id));
  }

  async #end() {
    const { name } = this.#group;
    const asked = { title: say('panel.disband-ask', name), text: say('panel.disband-text') };
    if (!(await confirm({ ...asked, yes: say('panel.disband') }))) return;
    await this.#change((api) => api.disband(this.#id));
  }

  // Whatever happened, the server says how things are now.
  async #change(act) {
    const { groups } = this.#chat;
    const worked = await this.#dialog.attempt(() => act(groups.api));
    try {
      await groups.refresh();
      await this.#fetch();
    } catch (error) {
      console.warn('the group could not be fetched', error);
    }
    return worked;
  }
}
