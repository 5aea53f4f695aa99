const { Pull } = await import('/chat/pull.js');

// A record that answers when the script says so.
class Record {
  answers = [];
  fetch = () => new Promise((resolve, reject) => this.answers.push({ resolve, reject }));

  async answer(how) {
    this.answers.at(-1)[how]();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

{
  const record = new Record();
  const pull = new Pull(record.fetch);
  equal(pull.complete, true, 'nothing was asked for');
  pull.need();
  equal([pull.complete, record.answers.length], [false, 1], 'at once');
  pull.need();
  equal(record.answers.length, 1, 'one at a time');
  await record.answer('resolve');
  equal([pull.complete, record.answers.length], [false, 2], 'again: it was asked for meanwhile');
  await record.answer('resolve');
  equal([pull.complete, record.answers.length], [true, 2], 'all is here');
}

{
  const record = new Record();
  const pull = new Pull(record.fetch);
  pull.need();
  await record.answer('reject');
  equal([pull.complete, record.answers.length], [false, 1], 'a pause');
  pull.hurry();
  await new Promise((resolve) => setTimeout(resolve));
  equal(record.answers.length, 2, 'that can be ended');
  await record.answer('reject');
  pull.stop();
  await new Promise((resolve) => setTimeout(resolve));
  equal([pull.complete, record.answers.length], [false, 2], 'no more');
}
