// The page: who is signed in, which conversation is open, and when to draw.
//
// Not here: drawing (ui/), the chat itself (chat/), the protocol (wire/, net/).

import { Chat } from './chat/chat.js';
import { personId, roomId } from './chat/history.js';
import { allProfiles, keepProfile, profileOf } from './chat/profiles.js';
import { deviceNameOf, deviceOf } from './device.js';
import { demoLogin } from './net/api.js';
import { claimName } from './tab.js';
import { showAvatar } from './ui/avatar.js';
import { Composer } from './ui/composer.js';
import { byId, setText } from './ui/dom.js';
import { Roster } from './ui/roster.js';
import { SignIn } from './ui/signin.js';
import { Status } from './ui/status.js';
import { Thread } from './ui/thread.js';

const DRAW_MS = 16;

// Where both columns fit; the same width stands in style.css.
const wide = matchMedia('(min-width: 760px)');

let chat = null;
let claim = null;
let drawing = null;

const signInPage = new SignIn((name) => signIn(name, { byPerson: true, take: true }));
const status = new Status();
const roster = new Roster((conversation) => {
  location.hash = conversation;
});
const thread = new Thread({ retry: (msgId) => chat.retry(msgId) });
const composer = new Composer((conversation, text) => chat.send(conversation, text));

byId('back').addEventListener('click', () => {
  location.hash = '';
});
byId('sign-out').addEventListener('click', signOut);
addEventListener('hashchange', () => {
  openCurrent();
  if (wide.matches) composer.focus();
});
addEventListener('keydown', ({ key }) => {
  if (key === 'Escape' && chat && !wide.matches) location.hash = '';
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

if (isSecureContext) await resume();
else await showSignIn('Browsers allow this page only over https, or on the machine of the server.');

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
    await showSignIn(reasonOf(error));
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
  showState({ name: 'elsewhere', deviceName: 'another tab of this browser' });
}

function stateChanged() {
  showState(chat.storageFailed ? { name: 'storage-failed' } : chat.state);
  drawSoon();
}

function showState(state) {
  status.show(state, {
    useHere: () => signIn(chat.profile.name, { byPerson: true, take: true }),
    retry: () => chat.retryNow(),
  });
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
  }
  draw();
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
    thread.render(chat);
  }
  roster.render(chat, conversation);
  const unread = unreadInAll();
  document.title = `${unread > 0 ? `(${unread}) ` : ''}Comet – ${chat.profile.name}`;
}

function unreadInAll() {
  const mine = personId(chat.me);
  return chat.history
    .conversations()
    .filter((conversation) => conversation !== mine)
    .reduce((sum, conversation) => sum + chat.unread(conversation), 0);
}

function reasonOf(error) {
  if (error.demoOff) {
    return 'The demo mode of this server is off, so it gives no names away. It is on when the '
      + 'server listens on this machine only.';
  }
  if (error.refused) return `The server refused this name: ${error.message}.`;
  return `Sorry, ${error.message}.`;
}
