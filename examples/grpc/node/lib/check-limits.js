'use strict';

// Calls that end before their time, and many at a time.

const assert = require('node:assert/strict');
const grpc = require('@grpc/grpc-js');
const { missing } = require('./check-calls');
const { chat } = require('./check-streams');
const { unary, failure, same, bytes } = require('./peer');

// All in milliseconds; PROMPT is when a call that ends early must have ended, on a busy machine.
const IMPATIENCE = 300;
const SLOWNESS = 5000;
const PROMPT = SLOWNESS - 1000;
const TIMEOUT = 12000;

const WORKERS = 16;
const CALLS = 200;
const STREAMS = 50;
const ROUNDS = 5;

const within = (milliseconds) => new Date(Date.now() + milliseconds);

// deadline gives up in time, and so does the server. If the server is first, it resets the stream, which this library takes for a
// cancellation.
async function deadline(peer) {
  const { metadata, want } = await peer.follow();
  const begin = Date.now();
  const slow = unary(peer.echo, 'sleep', { millis: SLOWNESS }, { metadata, deadline: within(IMPATIENCE) });
  const err = await slow.then(() => assert.fail('the call was answered'), (err) => err);
  assert.ok([grpc.status.DEADLINE_EXCEEDED, grpc.status.CANCELLED].includes(err.code), err.message);
  await want('BEGUN');
  await want('CANCELLED');
  const took = Date.now() - begin;
  assert.ok(took >= IMPATIENCE - 10 && took < PROMPT, `a timeout of ${IMPATIENCE} ms ended after ${took} ms`);
  await peer.say({ text: 'after' });
}

// deadlinePropagation asks the server how much time it was given.
async function deadlinePropagation(peer) {
  const { response: unlimited } = await unary(peer.echo, 'sleep', {});
  assert.equal(unlimited.timeoutMillis, '-1', 'a call without a limit');
  const { response } = await unary(peer.echo, 'sleep', {}, { deadline: within(TIMEOUT) });
  const got = Number(response.timeoutMillis);
  assert.ok(got > TIMEOUT / 2 && got <= TIMEOUT, `of ${TIMEOUT} ms, ${got} ms arrived`);
}

// cancelCall cancels a call once the server is at it, which must let it go.
async function cancelCall(peer) {
  const { metadata, want } = await peer.follow();
  let call;
  const onCall = (made) => { call = made; };
  const ended = failure(unary(peer.echo, 'sleep', { millis: SLOWNESS }, { metadata, onCall }), grpc.status.CANCELLED);
  await want('BEGUN');
  call.cancel();
  await ended;
  await want('CANCELLED');
  await peer.say({ text: 'after' });
}

// cancelStream cancels a stream that would go on for ever. The server is let go although the stream's window is used up.
async function cancelStream(peer) {
  const { metadata, want } = await peer.follow();
  const payload = bytes(64 << 10, 4);
  const stream = peer.echo.repeat({ times: 2 ** 31 - 1, payload }, metadata);
  const messages = stream[Symbol.asyncIterator]();
  for (let number = 1; number <= 3; number++) same((await messages.next()).value, { payload, number });
  await want('BEGUN');
  stream.on('error', () => {}); // that it was cancelled
  stream.cancel();
  await want('CANCELLED');
  await peer.say({ text: 'after' });
}

// concurrent makes many calls at a time, each of which must get its own answer.
async function concurrent(peer) {
  await Promise.all(Array.from({ length: WORKERS }, async (_, worker) => {
    for (let number = 0; number < CALLS; number++) {
      await peer.say({ text: `worker ${worker}`, payload: bytes((number * 37) % 3000, number), number });
    }
  }));
}

// openStreams has many streams open at once, and uses them in turn.
async function openStreams(peer) {
  const open = Array.from({ length: STREAMS }, () => chat(peer));
  for (let number = 0; number < ROUNDS; number++) {
    for (const [n, { exchange }] of open.entries()) await exchange({ text: `stream ${n}`, number });
  }
  for (const { end } of open) await end(ROUNDS);
}

// oneConnection wants all calls so far to have had one connection: nothing that went wrong with a call may close it. Calls in gzip
// had another.
async function oneConnection(peer) {
  assert.equal(peer.sockets - peer.extra, 1, 'connections');
}

// missingService wants an error at once, on a connection that lives on. Which one depends on who says so: the server or weir.
async function missingService(peer) {
  const begin = Date.now();
  const err = await missing(peer, '/weir.example.Missing/Say', { deadline: within(SLOWNESS) }).then(
    () => assert.fail('the call was answered'),
    (err) => err,
  );
  const took = Date.now() - begin;
  assert.equal(peer.echo.getChannel().getConnectivityState(false), grpc.connectivityState.READY, `no connection: ${err.message}`);
  console.log(`${grpc.status[err.code]} after ${took} ms: ${err.details}`);
  assert.ok(err.code !== grpc.status.DEADLINE_EXCEEDED && took < PROMPT, `not at once: after ${took} ms`);
}

module.exports = {
  deadline, deadlinePropagation, cancelCall, cancelStream, concurrent, openStreams, oneConnection, missingService,
};
