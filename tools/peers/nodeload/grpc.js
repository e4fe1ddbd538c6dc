'use strict';

// The calls of tools/peers/grpcload, on one connection.

const { Client, credentials, Metadata, status } = require('@grpc/grpc-js');
const { once } = require('node:events');
const { paced, All } = require('./pace');

const raw = (message) => message;
const LARGEST = 16 << 20;

// orders are the modes that the server knows, where they are not the first letter of the client's.
const orders = { deadline: 'l', burst: 'l' };

const wanted = { cancel: status.CANCELLED, deadline: status.DEADLINE_EXCEEDED, burst: status.DEADLINE_EXCEEDED };

function hedging(most, delay) {
  const hedgingPolicy = { maxAttempts: most, hedgingDelay: `${delay / 1e3}s`, nonFatalStatusCodes: [] };
  const retryPolicies = { methodConfig: [{ name: [{ service: 'weir.Load' }], hedgingPolicy }] };
  return { 'grpc.service_config': JSON.stringify(retryPolicies) };
}

class Load {
  constructor(mode, address, order) {
    Object.assign(this, order);
    this.mode = mode;
    this.order = Buffer.alloc(13);
    this.order.write(orders[mode] ?? mode[0]);
    [this.rate, this.seconds, this.size].forEach((n, i) => this.order.writeUInt32BE(n, 1 + 4 * i));
    this.client = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': LARGEST, 'grpc.max_send_message_length': LARGEST,
      ...mode === 'hedge' ? hedging(2, this.size / 2) : {}, ...mode === 'quick' ? hedging(5, 0) : {},
    });
  }

  // begin opens a call; over is settled when it has ended, and fails if it ends in another way than the mode says.
  begin() {
    this.counts.calls++;
    const want = wanted[this.mode] ?? status.OK;
    const options = want === status.DEADLINE_EXCEEDED ? { deadline: Date.now() + this.size } : {};
    const metadata = new Metadata({ waitForReady: true });
    const stream = this.client.makeBidiStreamRequest('/weir.Load/Run', raw, raw, metadata, options);
    stream.on('error', () => {}); // what it is, the status says
    stream.on('data', () => {
      this.counts.came++;
      if (this.mode === 'cancel') {
        stream.cancel();
      }
    });
    const over = new Promise((resolve) => { stream.once('status', resolve); }).then((s) => {
      if (s.code !== want) {
        throw new Error(`a call ended with ${s.code}, not ${want}: ${s.details}`);
      }
    });
    stream.write(this.order);
    return { stream, over };
  }

  // stream is one call with many messages.
  async stream() {
    const { stream, over } = this.begin();
    if (this.mode !== 'down') {
      let ended = false;
      over.catch(() => {}).finally(() => { ended = true; });
      const message = Buffer.alloc(this.size);
      await paced(this.rate, this.seconds, async () => {
        this.counts.sent++;
        if (!stream.write(message)) {
          await Promise.race([once(stream, 'drain'), over]);
        }
        return !ended;
      });
    }
    stream.end();
    await over;
  }

  // calls makes calls one by one, or as many as are made in a second all at once.
  async calls() {
    const all = new All();
    const [rate, times] = this.mode === 'burst' ? [1, this.rate] : [this.rate, 1];
    await paced(rate, this.seconds, () => {
      for (let i = 0; i < times; i++) {
        const { stream, over } = this.begin();
        if (this.mode === 'hedge' || this.mode === 'quick') {
          stream.end();
        }
        all.add(over);
      }
    });
    await all.end();
  }
}

function run(mode, address, order) {
  const load = new Load(mode, address, order);
  return ['down', 'up', 'echo'].includes(mode) ? load.stream() : load.calls();
}

module.exports = { run };
