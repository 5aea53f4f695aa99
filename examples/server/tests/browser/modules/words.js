// Both tables say the same things, and every word that index.html asks for.
const { TABLES, say } = await import('/words/words.js');

const [en, zh] = [Object.keys(TABLES.en).sort(), Object.keys(TABLES.zh).sort()];
equal(zh, en, 'the words of both languages');
for (const key of en) {
  const [one, other] = [TABLES.en[key], TABLES.zh[key]];
  equal(typeof other, typeof one, `what ${key} is`);
  if (typeof one === 'function') equal(other.length, one.length, `what stands in ${key}`);
}
const page = new DOMParser().parseFromString(await (await fetch('/')).text(), 'text/html');
let asked = 0;
for (const node of page.querySelectorAll('*')) {
  for (const name of ['say', 'sayLabel', 'sayPlaceholder']) {
    const key = node.dataset[name];
    if (key === undefined) continue;
    asked += 1;
    if (!Object.hasOwn(TABLES.en, key)) throw new Error(`there is no word ${key}`);
  }
}
if (asked < 20) throw new Error(`only ${asked} words are asked for`);
equal(say('presence.members', 1), '1 member', 'one');
equal(say('presence.members', 2), '2 members', 'many');
