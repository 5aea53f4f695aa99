const { Backoff } = await import('/session/backoff.js');

const waits = (backoff, count) => Array.from({ length: count }, () => backoff.nextMs());

const low = new Backoff(() => 0);
equal(waits(low, 8), [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000], 'the shortest waits');
low.reset();
equal(low.nextMs(), 250, 'from the beginning');

const high = new Backoff(() => 1);
equal(waits(high, 8), [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000], 'the longest waits');
