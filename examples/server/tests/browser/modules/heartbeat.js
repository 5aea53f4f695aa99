const { Heartbeat } = await import('/session/heartbeat.js');

{
  const beat = new Heartbeat(30_000, 0);
  beat.handleSaid(20_000);
  equal(beat.silence(29_999), 'fine', 'not yet');
  equal(beat.silence(30_000), 'ask', 'nothing was heard for so long');
  beat.handleAsked(30_000);
  equal([beat.due, beat.silence(44_999)], [45_000, 'fine'], 'patience');
  equal(beat.silence(45_000), 'lost', 'nothing at all');
  beat.handleHeard(44_000);
  equal(beat.due, 50_000, 'last said at 20 s');
}

{
  const beat = new Heartbeat(4000, 0);
  beat.handleAsked(4000);
  equal(beat.due, 9000, 'at least five seconds');
}

{
  const beat = new Heartbeat(30_000, 0);
  const stamp = beat.handleAsked(30_000.25);
  beat.handlePong(31_000, new Uint8Array(8));
  equal(beat.roundTripMs, 0, 'the pong of another ping');
  beat.handlePong(30_100.25, stamp);
  beat.handlePong(40_000, stamp);
  equal(beat.roundTripMs, 100, 'only the first pong measures');
  beat.handlePong(70_180, beat.handleAsked(70_000));
  equal(beat.roundTripMs, 110, 'smoothed');
}
