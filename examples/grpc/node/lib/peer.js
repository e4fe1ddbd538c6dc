'use strict';

// The address that is called, and the forms of a call as promises.

const assert = require('node:assert/strict');
const diagnostics = require('node:diagnostics_channel');
const { randomUUID } = require('node:crypto');
const { once } = require('node:events');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const LOADED = loader.loadSync(['echo.proto', 'health.proto'], {
  includeDirs: [path.join(__dirname, '../../echo'), __dirname],
  longs: String,
  enums: String,
  defaults: true,
});
const { weir, grpc: { health } } = grpc.loadPackageDefinition(LOADED);

const OPTIONS = {
  'grpc.max_receive_message_length': 16 << 20,
  'grpc.enable_retries': 0, // a retry would hide what the first try met
  'grpc.enable_http_proxy': 0,
};

class Peer {
  // sockets is how many connections were made so far, extra those of them that with asked for.
  sockets = 0;
  extra = 0;

  constructor(target) {
    this.target = target;
    diagnostics.subscribe('net.client.socket', () => this.sockets++);
    const credentials = grpc.credentials.createInsecure();
    this.echo = new weir.example.Echo(target, credentials, OPTIONS);
    this.health = new health.v1.Health(target, credentials, OPTIONS);
  }

  // with is an Echo client with more options, and a connection of its own.
  with(options) {
    this.extra++;
    return new weir.example.Echo(this.target, grpc.credentials.createInsecure(), { ...OPTIONS, ...options });
  }

  // say sends a message and wants it back.
  async say(message) {
    const { response } = await unary(this.echo, 'say', message);
    same(response, message);
  }

  // follow follows one call: the one made with the metadata that it returns. want awaits the state that the server reports.
  async follow() {
    const key = randomUUID();
    const states = this.echo.follow({ key })[Symbol.asyncIterator]();
    const want = async (state) => {
      const { value } = await states.next();
      assert.equal(value?.state, `CALL_STATE_${state}`, 'what the server reports');
    };
    await want('FOLLOWED');
    return { metadata: metadata({ 'call-key': [key] }), want };
  }
}

// unary makes a unary call; what it returns has the metadata of the answer, too. onCall gets the call once it is made.
function unary(client, method, request, { metadata = new grpc.Metadata(), onCall, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const answer = {};
    const call = client[method](request, metadata, options, (err, response) => {
      if (err) return reject(err);
      answer.response = response;
      if (answer.trailer) resolve(answer);
    });
    call.on('metadata', (header) => { answer.header = header; });
    call.on('status', (status) => {
      answer.trailer = status.metadata;
      if (answer.response) resolve(answer);
    });
    onCall?.(call);
  });
}

// send writes a message, and waits if the stream wants it.
async function send(stream, message) {
  if (!stream.write(message)) await once(stream, 'drain');
}

// failure is the error that a promise ends with, which must be of some code, and have some text if one is given.
async function failure(promise, code, text) {
  const err = await promise.then(
    () => assert.fail(`no error, want ${grpc.status[code]}`),
    (err) => err,
  );
  wantStatus(err, code, text);
  return err;
}

function wantStatus(err, code, text) {
  assert.equal(grpc.status[err?.code], grpc.status[code], `got "${err?.message}", want ${grpc.status[code]}`);
  if (text !== undefined) assert.equal(err.details, text);
}

// same compares a message with what was sent. A long payload is not shown in full.
function same(got, { text = '', payload = Buffer.alloc(0), number = '0' }) {
  assert.deepEqual({ text: got?.text, number: got?.number }, { text, number: String(number) });
  assert.ok(payload.equals(got.payload), `a payload of ${got.payload.length} bytes came back, not the one of ${payload.length}`);
}

// bytes are n bytes that differ with their seed, and do not repeat in a rhythm that frames might have.
const bytes = (n, seed) => Buffer.alloc(n).map((_, i) => (i % 251) + Math.floor(i / 65521) + seed);

function metadata(values) {
  const all = new grpc.Metadata();
  for (const [name, list] of Object.entries(values)) {
    for (const value of list) all.add(name, value);
  }
  return all;
}

module.exports = { Peer, unary, send, failure, wantStatus, same, bytes, metadata };
