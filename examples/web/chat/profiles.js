// Who uses this browser: the names that were picked here, each with its device's identity.
//
// Not here: their chats (store.js), which tab holds a name (../tab.js).

import { done } from './store.js';

const VERSION = 1;
const STORE = 'profiles';

/** The profile of a name: `{ name, address, uuid, usedAt }`; a new one gets a uuid of its own. */
export async function profileOf(name) {
  const db = await open();
  try {
    const known = await done(db.transaction(STORE).objectStore(STORE).get(name));
    return known ?? { name, address: '', uuid: crypto.randomUUID(), usedAt: 0 };
  } finally {
    db.close();
  }
}

/** All profiles, the one used last first. */
export async function allProfiles() {
  const db = await open();
  try {
    const profiles = await done(db.transaction(STORE).objectStore(STORE).getAll());
    return profiles.sort((a, b) => b.usedAt - a.usedAt);
  } finally {
    db.close();
  }
}

/** Keeps a profile. A phone that forgot its uuid would count as a new phone, so this is durable. */
export async function keepProfile(profile) {
  const db = await open();
  try {
    const transaction = db.transaction(STORE, 'readwrite', { durability: 'strict' });
    transaction.objectStore(STORE).put(profile);
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    db.close();
  }
}

function open() {
  const opening = indexedDB.open('comet-profiles', VERSION);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: 'name' });
  return done(opening);
}
