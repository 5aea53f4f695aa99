// The pull against a record that the script makes up.
const { syncRecords } = await import('/net/api.js');
const { Writer } = await import('/wire/protobuf.js');

const record = ([channelType, logId]) => {
  const common = new Writer().uint(1, channelType).uint(2, logId).string(3, `m${logId}`).uint(6, 1);
  const proto = new Writer().bytes(2, common.finish()).finish();
  return btoa(String.fromCharCode(...proto));
};
const answers = [];
const asked = [];
const fetchBefore = globalThis.fetch;
globalThis.fetch = async (path, { body }) => {
  asked.push(JSON.parse(body));
  const { records, more } = answers.shift();
  const data = { records: records.map(record), has_more: more };
  return new Response(JSON.stringify({ result: 0, data }));
};
const pull = async (start, ...pages) => {
  answers.push(...pages);
  asked.length = 0;
  return (await syncRecords('T', start)).map(({ logId }) => logId);
};

const count = 1000;
const newest = { records: [[0, 70], [0, 80], [1, 60], [1, 90]], more: true };
const older = { records: [[0, 50], [1, 55], [1, 60]], more: true };
const oldest = { records: [[0, 45]], more: false };

equal(await pull(40, newest, older, oldest), [70, 80, 60, 90, 50, 55, 60, 45], 'everything');
equal(
  asked,
  [{ count, start: 40 }, { count, start: 40, before: 70 }, { count, start: 40, before: 55 }],
  'each page begins where the shorter kind of the last ended',
);
equal(await pull(0, newest), [70, 80, 60, 90], 'at the first visit the newest are enough');
equal(asked, [{ count }], 'one page');
equal(await pull(90, { records: [], more: true }), [], 'an empty page is the last');
globalThis.fetch = fetchBefore;
