'use strict';

// probe.js HOST:PORT [--only bolt,dubbo,http]: speaks each protocol to one port, on connections of its own and one byte at a
// time, which is the hardest way to be recognised. Prints "ok NAME" or "FAIL NAME: reason"; exits with 0 only if all are ok.

const assert = require('node:assert/strict');
const { Checks, parse } = require('./lib/checks');
const { KINDS, HEARTBEATS, request, read, assertFrame, bytes } = require('./lib/frames');
const { withWire } = require('./lib/wire');

const PARTS = { bolt: probeBolt, dubbo: probeDubbo, http: probeHTTP };

async function probeBolt(checks, address) {
  const wired = (use) => withWire(address, KINDS.bolt.length, use);
  await checks.run('bolt v1', () => wired((wire) => echo(wire, 'bolt', 1)));
  await checks.run('bolt v2 with CRC', () => wired((wire) => echo(wire, 'boltV2', 1)));
  for (const [name, beat] of Object.entries(HEARTBEATS.bolt)) {
    await checks.run(`heartbeat first, bolt ${name}`, () => wired(async (wire) => {
      await heartbeat(wire, beat);
      await echo(wire, 'bolt', 2);
    }));
  }
  await checks.run('bolt v1 and v2 in turn', () => wired(async (wire) => {
    await echo(wire, 'bolt', 1);
    await echo(wire, 'boltV2', 2);
    await heartbeat(wire, HEARTBEATS.bolt.v1);
    await heartbeat(wire, HEARTBEATS.bolt['v2 with CRC']);
    await echo(wire, 'bolt', 3);
  }));
  await checks.run('bolt v1 and v2 at once', () => wired(mixedAtOnce));
}

async function probeDubbo(checks, address) {
  const wired = (use) => withWire(address, KINDS.dubbo.length, use);
  await checks.run('dubbo', () => wired((wire) => echo(wire, 'dubbo', 1)));
  for (const [name, beat] of Object.entries(HEARTBEATS.dubbo)) {
    await checks.run(`heartbeat first, ${name}`, () => wired(async (wire) => {
      await heartbeat(wire, beat);
      await echo(wire, 'dubbo', 2);
    }));
  }
}

async function probeHTTP(checks, address) {
  await checks.run('http', () => withWire(address, lineLength, async (wire) => {
    await wire.trickle(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'));
    const status = (await wire.next()).toString('latin1').trimEnd();
    assert.match(status, /^HTTP\/1\.1 \d{3}( |$)/);
    return status;
  }));
}

function lineLength(received) {
  const end = received.indexOf('\r\n');
  return end < 0 ? 0 : end + 2;
}

async function echo(wire, kind, id) {
  const text = `${kind} ${id}`;
  await wire.trickle(await request(kind, id, 'echo', [text]));
  verify(kind, id, await read(kind, await wire.next()), text);
}

// verify wants the answer in the protocol, and its version, that the request came in.
function verify(kind, id, answer, text) {
  const protocol = { bolt: 'bolt', boltV2: 'bolt2', dubbo: 'dubbo' }[kind];
  assert.deepEqual(answer, { id, protocol, crc: kind === 'boltV2', error: null, result: text });
}

async function heartbeat(wire, { ping, pong }) {
  await wire.trickle(bytes(ping));
  assertFrame(await wire.next(), pong);
}

// mixedAtOnce sends frames of both versions in one piece. Their answers may come in any order.
async function mixedAtOnce(wire) {
  const kinds = ['bolt', 'boltV2', 'boltV2', 'bolt', 'bolt', 'boltV2'];
  const frames = await Promise.all(kinds.map((kind, i) => request(kind, i + 1, 'echo', [`mixed ${i + 1}`])));
  wire.send(Buffer.concat(frames));
  const unanswered = new Set(kinds.keys());
  while (unanswered.size > 0) {
    const answer = await read('bolt', await wire.next());
    const i = answer.id - 1;
    assert.ok(unanswered.delete(i), `an answer with the id ${answer.id}`);
    verify(kinds[i], i + 1, answer, `mixed ${i + 1}`);
  }
}

function usage() {
  console.error('usage: probe.js HOST:PORT [--only bolt,dubbo,http]');
  process.exit(2);
}

async function main(args) {
  const parsed = parse(args, { only: { type: 'string' } });
  const parts = parsed?.options.only?.split(',') ?? Object.keys(PARTS);
  if (!parsed || parsed.words.length > 0 || !parts.every((part) => Object.hasOwn(PARTS, part))) usage();
  const checks = new Checks();
  for (const part of parts) await PARTS[part](checks, parsed.address);
  checks.exit();
}

main(process.argv.slice(2));
