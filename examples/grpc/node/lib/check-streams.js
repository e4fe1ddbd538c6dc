'use strict';

// Calls with many messages in either direction, or both.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const grpc = require('@grpc/grpc-js');
const { send, failure, same, bytes, metadata } = require('./peer');

const ROUNDS = 200;

// clientStream sends many messages, of many sizes, and none at all.
async function clientStream(peer) {
  for (const messages of [0, 1, 1000]) {
    const { stream, answer } = collect(peer);
    let payloadBytes = 0;
    let numberTotal = 0;
    for (let number = 0; number < messages; number++) {
      const payload = bytes((number * 13) % 5000, number);
      payloadBytes += payload.length;
      numberTotal += number;
      await send(stream, { payload, number });
    }
    stream.end();
    const want = { messages: `${messages}`, payloadBytes: `${payloadBytes}`, numberTotal: `${numberTotal}` };
    assert.deepEqual({ ...(await answer) }, want);
  }
}

function collect(peer) {
  let stream;
  const answer = new Promise((resolve, reject) => {
    stream = peer.echo.collect((err, sum) => (err ? reject(err) : resolve(sum)));
  });
  return { stream, answer };
}

// serverStream gets many small messages, some large ones, and none at all.
async function serverStream(peer) {
  for (const request of [{ times: 0 }, { times: 1000, payload: bytes(10, 0) }, { times: 8, payload: bytes(1 << 20, 1) }]) {
    const messages = peer.echo.repeat(request)[Symbol.asyncIterator]();
    await receiveAll(messages, request, 1);
    await receiveEnd(messages);
  }
}

// receiveAll wants the messages of Repeat, from some number on.
async function receiveAll(messages, { times, payload }, from) {
  for (let number = from; number <= times; number++) {
    const { value, done } = await messages.next();
    assert.ok(!done, `the stream ended before message ${number} of ${times}`);
    same(value, { payload, number });
  }
}

async function receiveEnd(messages) {
  const { value, done } = await messages.next();
  assert.ok(done, `a message after the last one: ${value?.number}`);
}

// chat opens a stream. exchange sends a message and wants it back; end ends this half, and wants the number of messages and the
// end of the other half.
function chat(peer, metadata = new grpc.Metadata()) {
  const stream = peer.echo.chat(metadata);
  const messages = stream[Symbol.asyncIterator]();
  const exchange = async (message) => {
    await send(stream, message);
    same((await messages.next()).value, message);
  };
  const end = async (number) => {
    stream.end();
    same((await messages.next()).value, { number });
    await receiveEnd(messages);
  };
  return { stream, messages, exchange, end };
}

// bidiStream sends a message only after the one before it has come back, so whoever holds one back stops it. What ends the
// caller's half must not end the other one.
async function bidiStream(peer) {
  const { exchange, end } = chat(peer);
  for (let number = 0; number < ROUNDS; number++) {
    await exchange({ text: 'round', payload: bytes((number * 37) % 3000, number), number });
  }
  await end(ROUNDS);
}

// headersFirst wants the header of an answer before there is any message, in either direction.
async function headersFirst(peer) {
  const { stream, exchange, end } = chat(peer, metadata({ 'echo-first': ['header'] }));
  const trailer = once(stream, 'status');
  const [header] = await once(stream, 'metadata');
  assert.deepEqual(header.get('echo-first'), ['header'], 'header');
  await exchange({ text: 'after the header' });
  await end(1);
  const [status] = await trailer;
  assert.deepEqual(status.metadata.get('echo-first'), ['header'], 'trailer');
}

// earlyStatus is answered while its own half is still open.
async function earlyStatus(peer) {
  const { stream, answer } = collect(peer);
  const failed = failure(answer, grpc.status.ABORTED, 'stopped at message 2');
  stream.write({ text: 'go' });
  stream.write({ text: 'stop' });
  await failed;
}

// statusAfterMessages is a call that fails after it has answered: the status may not overtake the messages.
async function statusAfterMessages(peer) {
  const request = { times: 100, payload: bytes(1000, 2), code: grpc.status.DATA_LOSS };
  const messages = peer.echo.repeat(request)[Symbol.asyncIterator]();
  await receiveAll(messages, request, 1);
  await failure(messages.next(), grpc.status.DATA_LOSS, 'after 100 messages');
}

// pausedStream leaves a stream unread until its window is used up. Other calls on the connection must not notice.
async function pausedStream(peer) {
  const request = { times: 128, payload: bytes(64 << 10, 3) };
  const messages = peer.echo.repeat(request)[Symbol.asyncIterator]();
  same((await messages.next()).value, { payload: request.payload, number: 1 });
  for (let n = 0; n < 50; n++) await peer.say({ payload: bytes(100000, n) });
  await receiveAll(messages, request, 2);
  await receiveEnd(messages);
}

module.exports = {
  clientStream, serverStream, bidiStream, headersFirst, earlyStatus, statusAfterMessages, pausedStream, chat,
};
