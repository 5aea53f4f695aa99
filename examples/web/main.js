// The page: who is signed in, which conversation is open, and when to draw.
//
// Not here: drawing (ui/), the chat itself (chat/), the protocol (wire/, net/), words (words/).

import { Chat } from './chat/chat.js';
import { Applications } from './chat/applications.js';
import { addressing, roomId } from './chat/history.js';
import { allProfiles, keepProfile, profileOf } from './chat/profiles.js';
import { deviceNameOf, deviceOf } from './device.js';
import { demoLogin } from './net/api.js';
import { claimName } from './tab.js';
import { showAvatar } from './ui/avatar.js';
import { Composer } from './ui/composer.js';
import { confirm } from './ui/confirm.js';
import { isDialogOpen } from './ui/dialog.js';
import { byId, setText } from './ui/dom.js';
import { GroupPanel } from './ui/group_panel.js';
import { renderHead } from './ui/head.js';
import { NewGroup } from './ui/new_group.js';
import { reasonOf } from './ui/reason.js';
import { Roster, unreadInAll } from './ui/roster.js';
import { SignIn } from './ui/signin.js';
import { Status } from './ui/status.js';
import { Thread } from './ui/thread.js';
import { toast } from './ui/toast.js';
import { onLanguage, otherLanguage, say, setLanguage, translatePage } from './words/words.js';

const DRAW_MS = 16;

// Where both columns fit; the same width stands in style.css.
const wide = matchMedia('(min-width: 760px)');

let chat = null;
let claim = null;
let drawing = null;

const signInPage = new SignIn((name) => signIn(name, { byPerson: true, take: true }));
const status = new Status();
const roster = new Roster({
  open: (conversation) => {
    location.hash = conversation;
  },
  changed: () => drawSoon(),
});
const thread = new Thread({
  retry: (msgId) => chat.retry(msgId),
  revoke: (from, msgId) => revoke(chat.history.find(from, msgId)),
});
const composer = new Composer({
  send: (conversation, text) => chat.send(conversation, text),
  drafted: (conversation, text) => chat.drafted(conversation, text),
});
const newGroup = new NewGroup({
  opened: (id) => {
    location.hash = roomId(id);
    enterThread();
  },
});
const panel = new GroupPanel();
const applications = new Applications(() => drawSoon());

byId('back').addEventListener('click', () => leaveThread());
byId('sign-out').addEventListener('click', signOut);
byId('new-group-button').addEventListener('click', () => newGroup.open(chat));
for (const id of ['group-button', 'thread-waiting']) {
  byId(id).addEventListener('click', () => panel.open(chat, addressing(current()).target));
}
for (const button of document.querySelectorAll('button.language')) {
  button.addEventListener('click', () => setLanguage(otherLanguage()));
}
addEventListener('hashchange', () => {
  roster.endSearch();
  openCurrent();
  enterThread();
});
addEventListener('keydown', ({ key }) => {
  if (key === 'Escape' && chat && !wide.matches && !isDialogOpen()) leaveThread();
});
addEventListener('online', () => chat?.retryNow());
// A page that goes for good says so, and is not kept a session; a killed one cannot.
addEventListener('pagehide', ({ persisted }) => {
  if (!persisted) chat?.close();
});
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible') return;
  chat?.retryNow();
  drawSoon();
});
wide.addEventListener('change', openCurrent);
onLanguage(translate);
translatePage();
translate();

if (isSecureContext) await resume();
else await showSignIn(say('sign-in.insecure'));

// The tab's own name after a reload; in a new tab the last one used, unless a tab has it open.
async function resume() {
  const own = sessionStorage.getItem('name');
  const name = own ?? (await allProfiles()).find(({ usedAt }) => usedAt > 0)?.name;
  if (name) await signIn(name, { byPerson: false, take: own !== null });
  else await showSignIn();
}

async function signIn(name, { byPerson, take }) {
  try {
    giveUpClaim();
    const lost = () => claim === mine && heldElsewhere();
    const mine = await claimName(name, { take, lost });
    if (!mine) return await showSignIn();
    claim = mine;
    const profile = await profileOf(name);
    if (profile.address === '') profile.address = (await demoLogin(name)).address;
    await openChat(profile, { byPerson });
  } catch (error) {
    giveUpClaim();
    console.warn('signing in failed', error);
    await showSignIn(signInProblem(error));
  }
}

async function openChat(profile, { byPerson }) {
  profile.usedAt = Date.now();
  await keepProfile(profile);
  sessionStorage.setItem('name', profile.name);
  const device = deviceOf(location.search);
  const deviceName = deviceNameOf(navigator.userAgent);
  chat?.close();
  const opened = await Chat.open({ ...profile, device, deviceName });
  chat = opened;
  roster.clear();
  composer.clear();
  opened.addEventListener('change', drawSoon);
  opened.addEventListener('groups', () => opened === chat && groupsChanged());
  opened.addEventListener('state', () => opened === chat && stateChanged());
  opened.addEventListener('moved', ({ detail: address }) => {
    openChat({ ...profile, address }, { byPerson });
  });
  signInPage.hide();
  byId('chat').hidden = false;
  setText(byId('my-name'), profile.name);
  showAvatar(byId('my-avatar'), profile);
  opened.start({ byPerson });
  openCurrent();
  if (wide.matches) composer.focus();
}

async function showSignIn(error = '') {
  byId('chat').hidden = true;
  const known = (await allProfiles()).map(({ name }) => name);
  signInPage.show({ known, error });
}

async function signOut() {
  const { name } = chat.profile;
  chat.close();
  chat = null;
  giveUpClaim();
  sessionStorage.removeItem('name');
  await keepProfile({ ...(await profileOf(name)), usedAt: 0 });
  document.title = 'Comet';
  location.hash = '';
  await showSignIn();
}

function giveUpClaim() {
  claim?.release();
  claim = null;
}

function heldElsewhere() {
  chat?.close();
  showState({ name: 'elsewhere', place: 'another-tab' });
}

function stateChanged() {
  showState(chat.storageFailed ? { name: 'storage-failed' } : chat.state);
  groupsChanged();
  drawSoon();
}

function showState(state) {
  status.show(state, {
    useHere: () => signIn(chat.profile.name, { byPerson: true, take: true }),
    retry: () => chat.retryNow(),
  });
}

function groupsChanged() {
  panel.refresh();
  applications.refresh(chat, current());
}

async function revoke(record) {
  const { conversation, logId } = record;
  const words = { title: say('revoke.title'), text: say('revoke.text'), yes: say('revoke.do') };
  if (!(await confirm(words))) return;
  try {
    await chat.revoke({ conversation, logId });
  } catch (error) {
    toast(reasonOf(error));
  }
}

function current() {
  const asked = location.hash.slice(1);
  if (/^(person|room):./.test(asked)) return asked;
  return wide.matches && chat.room !== null ? roomId(chat.room) : null;
}

function openCurrent() {
  if (!chat) return;
  const conversation = current();
  document.body.dataset.view = conversation ? 'thread' : 'list';
  byId('thread').dataset.conversation = conversation ?? '';
  if (conversation) {
    thread.open(conversation);
    composer.open(conversation);
    applications.refresh(chat, conversation);
  }
  draw();
}

// A person who opens a conversation wants to write; on a narrow screen, where a keyboard would
// cover half of it, to read first.
function enterThread() {
  if (!chat || isDialogOpen() || !current()) return;
  if (wide.matches) composer.focus();
  else byId('thread-title').focus();
}

function leaveThread() {
  const left = current();
  location.hash = '';
  openCurrent();
  if (left) roster.focus(left);
}

function drawSoon() {
  drawing ??= setTimeout(draw, DRAW_MS);
}

function draw() {
  clearTimeout(drawing);
  drawing = null;
  if (!chat) return;
  const conversation = current();
  if (conversation && byId('thread').dataset.conversation !== conversation) return openCurrent();
  if (conversation) {
    if (document.visibilityState === 'visible') chat.readAll(conversation);
    renderHead(chat, conversation, applications.waiting(conversation));
    thread.render(chat);
  }
  roster.render(chat, conversation);
  newGroup.refresh();
  panel.refreshPeople();
  const unread = unreadInAll(chat);
  document.title = `${unread > 0 ? `(${unread}) ` : ''}Comet – ${chat.profile.name}`;
}

function translate() {
  const other = otherLanguage();
  for (const button of document.querySelectorAll('button.language')) {
    button.textContent = { en: 'English', zh: '中文' }[other];
    button.lang = other;
  }
  if (!chat) return;
  thread.forget();
  panel.forget();
  stateChanged();
  draw();
}

function signInProblem(error) {
  if (error.demoOff) return say('sign-in.demo-off');
  if (error.refused) return say('sign-in.refused', error.message);
  return say('sign-in.failed', error.code === undefined ? error.message : say('code.0'));
}
