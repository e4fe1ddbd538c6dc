'use strict';

// What the libraries do not do, or not alone: heartbeats when we want them, one-way calls, equal ids.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { KINDS, HEARTBEATS, request, read, assertFrame, bytes } = require('./frames');
const { MISSING } = require('./service');
const { withWire } = require('./wire');

async function checkFrames(checks, address, kind, proxied) {
  const wired = (use) => withWire(address, KINDS[kind].length, use);
  for (const [name, { ping, pong }] of Object.entries(HEARTBEATS[kind])) {
    await checks.run(`heartbeat, ${name}`, () => wired(async (wire) => {
      wire.send(bytes(ping));
      assertFrame(await wire.next(), pong);
    }));
  }
  await checks.run('heartbeats between calls', () => wired((wire) => heartbeatsBetweenCalls(wire, kind)));
  await checks.run('one-way call', () => wired((wire) => oneWayCall(wire, kind, proxied)));
  await checks.run('equal ids on two connections', () => wired((a) => wired((b) => equalIDs(a, b, kind))));
}

// heartbeatsBetweenCalls sends calls and heartbeats at once. Their answers may come in any order.
async function heartbeatsBetweenCalls(wire, kind) {
  const [{ ping, pong }] = Object.values(HEARTBEATS[kind]);
  const calls = await Promise.all([101, 102, 103].map((id) => request(kind, id, 'delay', [20, `call ${id}`])));
  wire.send(Buffer.concat(calls.flatMap((call) => [bytes(ping), call])));
  const results = [];
  for (let i = 0; i < 2 * calls.length; i++) {
    const frame = await wire.next();
    results.push(frame.equals(bytes(pong)) ? 'pong' : (await read(kind, frame)).result);
  }
  assert.deepEqual(results.sort(), ['call 101', 'call 102', 'call 103', 'pong', 'pong', 'pong']);
}

// oneWayCall sends a call that asks for no answer, then asks until it has been carried out. sofa-rpc-node's server answers
// the first one all the same; a proxy must keep that answer to itself.
async function oneWayCall(wire, kind, proxied) {
  const text = randomUUID();
  wire.send(await request(kind, 1, 'note', [text], { oneWay: true }));
  let unasked = false;
  for (let id = 2; id < 200; id++) {
    wire.send(await request(kind, id, 'noted', [text]));
    let answer = await read(kind, await wire.next());
    if (answer.id === 1) {
      unasked = true;
      answer = await read(kind, await wire.next());
    }
    assert.equal(answer.id, id);
    if (answer.result) {
      assert.ok(!proxied || !unasked, 'a one-way call was answered');
      return unasked ? 'answered, though it asked for none' : 'not answered';
    }
  }
  throw new Error('it was not carried out');
}

async function equalIDs(a, b, kind) {
  const id = 7;
  a.send(await request(kind, id, 'delay', [20, 'for a']));
  b.send(await request(kind, id, 'delay', [0, 'for b']));
  for (const [wire, want] of [[a, 'for a'], [b, 'for b']]) {
    const answer = await read(kind, await wire.next());
    assert.deepEqual([answer.id, answer.result], [id, want]);
  }
}

// checkLostOneWay sends a one-way call that has nowhere to go, and a heartbeat: only the heartbeat is answered.
async function checkLostOneWay(checks, address, kind) {
  await checks.run('no such service, one-way', () => withWire(address, KINDS[kind].length, async (wire) => {
    const [{ ping, pong }] = Object.values(HEARTBEATS[kind]);
    wire.send(await request(kind, 1, 'note', ['lost'], { oneWay: true, service: MISSING }));
    wire.send(bytes(ping));
    assertFrame(await wire.next(), pong);
  }));
}

module.exports = { checkFrames, checkLostOneWay };
