'use strict';

// HTTP/2 without gRPC, on one connection. RATE streams write single characters, up, or down, or to have them echoed, one each time
// around the event loop; or RATE requests a second are cancelled once the answer has begun, or all at once after SIZE milliseconds
// without one.

const http2 = require('node:http2');
const { once } = require('node:events');
const { setTimeout: pause } = require('node:timers/promises');
const { paced, All } = require('./pace');

const CANCEL = http2.constants.NGHTTP2_CANCEL;

// characters writes one each time around the event loop.
async function characters(stream, seconds) {
  let n = 0;
  await paced(0, seconds, async () => {
    n++;
    if (!stream.write('x')) {
      await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
    }
    return !stream.destroyed;
  });
  stream.end();
  return n;
}

async function length(stream) {
  let n = 0;
  for await (const data of stream) {
    n += data.length;
  }
  return n;
}

const answers = {
  async '/sink'(stream) {
    const n = await length(stream);
    stream.end(String(n));
  },
  async '/echo'(stream) { stream.pipe(stream); },
  async '/chars'(stream, seconds) { await characters(stream, seconds); },
};

function serve(port) {
  const server = http2.createServer();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 });
    answers[headers[':path']](stream, Number(headers['x-seconds'])).catch(() => {});
  });
  server.listen(port, '127.0.0.1', () => console.log(`ready ${port}`));
}

class Load {
  constructor(mode, address, order) {
    Object.assign(this, order);
    this.mode = mode;
    this.session = http2.connect(`http://${address}`);
    this.failed = new Promise((_, reject) => {
      this.session.on('error', reject);
      this.session.on('goaway', (code, _last, text) => reject(new Error(`GOAWAY ${code}: ${text}`)));
    });
    this.failed.catch(() => {});
  }

  open(path) {
    this.counts.calls++;
    return this.session.request({ ':method': 'POST', ':path': path, 'x-seconds': String(this.seconds) });
  }

  // writes is a stream of which all characters that were sent must have come.
  async writes() {
    const stream = this.open(`/${this.mode}`);
    if (this.mode === 'chars') {
      stream.end();
      this.counts.came += await length(stream);
      return;
    }
    const answer = this.mode === 'echo' ? length(stream) : stream.setEncoding('utf8').toArray().then((all) => Number(all.join('')));
    const [sent, came] = await Promise.all([characters(stream, this.seconds), answer]);
    this.counts.sent += sent;
    this.counts.came += came;
    if (sent !== came) {
      throw new Error(`${came} of ${sent} characters came`);
    }
  }

  async cancelled() {
    const stream = this.open('/begun');
    await once(stream, 'data');
    this.counts.came++;
    await this.close(stream);
  }

  async close(stream) {
    stream.on('error', () => {}); // it is our own
    const closed = once(stream, 'close');
    stream.close(CANCEL);
    await closed;
  }

  async late() {
    const streams = Array.from({ length: this.rate }, () => this.open('/hang'));
    await pause(this.size);
    await Promise.all(streams.map((stream) => this.close(stream)));
  }

  async run() {
    const all = new All();
    switch (this.mode) {
      case 'cancel':
        await paced(this.rate, this.seconds, () => all.add(this.cancelled()));
        break;
      case 'burst':
        await paced(1, this.seconds, () => all.add(this.late()));
        break;
      default:
        for (let i = 0; i < this.rate; i++) {
          all.add(this.writes());
        }
    }
    await all.end();
  }
}

function run(mode, address, order) {
  const load = new Load(mode, address, order);
  return Promise.race([load.run(), load.failed]);
}

module.exports = { run, serve };
