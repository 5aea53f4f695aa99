// The groups of a user, from lists that the script makes up; and notices.
const { Groups } = await import('/chat/groups.js');
const { decodeDelivery } = await import('/wire/bodies.js');
const { contentOf } = await import('/ui/label.js');

const group = (id, rest = {}) => ({
  id, name: `g${id}`, role: 0, mutedUntil: 0, allMuted: false, ...rest,
});
{
  const lists = [];
  let asked = 0;
  const api = { list: async () => (asked += 1, lists.shift()) };
  const written = [];
  const keep = async (writes) => written.push(...writes);
  const groups = new Groups(api, [group('1'), group('2')], keep);
  equal(groups.joined().map(({ id }) => id), ['1', '2'], 'what was kept');

  lists.push([group('1'), group('3', { role: 2 })]);
  await groups.refresh();
  equal(groups.joined().map(({ id }) => id), ['1', '3'], 'the list of the server');
  equal(groups.find('2').name, 'g2', 'a group that was left is known by name');
  equal(written.map(({ put }) => put.id), ['3', '2'], 'only changes are written');
  equal([groups.silence('2', 0), groups.silence('9', 0)], ['outside', null], 'outside; unknown');
  equal(['1', '3', '9'].map((id) => groups.isStaff(id)), [false, true, false], 'staff');

  const until = { mutedUntil: 500 };
  const all = { allMuted: true };
  lists.push([group('1', until), group('3', { role: 2, ...all }), group('4', all)]);
  await groups.refresh();
  equal([groups.silence('1', 499), groups.silence('1', 500)], ['muted', null], 'a mute ends');
  equal([groups.silence('3', 0), groups.silence('4', 0)], [null, 'all-muted'], 'staff may write');

  asked = 0;
  lists.push([], [group('5')]);
  await Promise.all([groups.refresh(), groups.refresh(), groups.refresh()]);
  const ids = groups.joined().map(({ id }) => id);
  equal([asked, ids], [2, ['5']], 'changes while it is asked: once more');
}

const chat = { me: 'me', directory: { nameOf: (address) => address.toUpperCase() } };
const said = (hex) => {
  const content = Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
  const { Writer } = bodies;
  const common = new Writer().uint(2, 7).string(3, 'm').string(4, 'o').string(5, '5').uint(6, 7);
  const proto = new Writer().bytes(2, common.bytes(7, content).finish()).finish();
  return contentOf(chat, decodeDelivery(proto).message).event;
};
const bodies = await import('/wire/protobuf.js');
equal(said('0803120b080512016f1a01611a0162'), 'O removed A and B', 'members');
equal(said('0801120b080512016f1a016f1a0162'), 'O and B joined', 'their own inviter is nobody');
equal(said('0805120808051202' + '6d651801'), 'You muted everybody', 'a setting');
equal(said('0800120908051201' + '6f1a026869'), 'O renamed the group to “hi”', 'a name');
equal(said('08ff01'), 'Something changed in this group', 'a newer notice');
equal(said('0805120a'), 'Something changed in this group', 'one that is cut');
