'use strict';

// server.js PORT bolt|dubbo: offers the echo service on 127.0.0.1 and prints "ready PORT". PORT 0 means any free port.

const net = require('node:net');
const { RpcServer } = require('sofa-rpc-node').server;
const logger = require('./lib/log');
const { NAMES, echoService } = require('./lib/service');
const { PROTOCOLS, loadProto } = require('./lib/protocols');

// LoopbackServer listens on 127.0.0.1 only; RpcServer itself would listen on every address.
class LoopbackServer extends RpcServer {
  _startServer(port) {
    const server = net.createServer((socket) => this._handleSocket(socket));
    server.once('error', (err) => this.emit('error', err));
    server.once('listening', () => console.log(`ready ${server.address().port}`));
    return server.listen(port, '127.0.0.1');
  }
}

// dubbo-remoting writes a result that JavaScript takes for false (null, 0, '', false) without the byte that says what
// kind of result follows, which no Dubbo client can read. With its Java type given, it writes it as Dubbo has it.
function typed(service) {
  const withType = (method) => async (...args) => {
    const result = await method(...args);
    return result || { $class: 'java.lang.Object', $: result };
  };
  return Object.fromEntries(Object.entries(service).map(([name, method]) => [name, withType(method)]));
}

function main([port, protocol]) {
  if (!/^\d+$/.test(port) || !Object.hasOwn(PROTOCOLS, protocol)) {
    console.error('usage: server.js PORT bolt|dubbo');
    process.exit(2);
  }
  const server = new LoopbackServer({ logger, port: Number(port), protocol: PROTOCOLS[protocol] });
  if (protocol === 'bolt') server.proto = loadProto();
  server.on('error', (err) => {
    console.error(err.message);
    if (err.syscall === 'listen') process.exit(1);
  });
  const service = echoService();
  server.addService({ interfaceName: NAMES[protocol] }, protocol === 'dubbo' ? typed(service) : service);
  server.start();
}

main(process.argv.slice(2));
