'use strict';

// client.js HOST:PORT [errors]: calls the echo service in many ways and prints "ok NAME" for each check, or "FAIL NAME: reason"
// for the first that fails; exits with 0 only if all are ok. With "errors" it calls a service that nobody has.

const { runChecks } = require('./lib/checks');
const { Peer } = require('./lib/peer');
const calls = require('./lib/check-calls');
const streams = require('./lib/check-streams');
const limits = require('./lib/check-limits');

// CHECKS are in the order in which they run: what the later ones rely on comes first.
const CHECKS = {
  'unary': calls.unary,
  'large-messages': calls.largeMessages,
  'gzip': calls.compressed,
  'client-stream': streams.clientStream,
  'server-stream': streams.serverStream,
  'bidi-stream': streams.bidiStream,
  'headers-first': streams.headersFirst,
  'early-status': streams.earlyStatus,
  'status-after-messages': streams.statusAfterMessages,
  'error-codes': calls.errorCodes,
  'error-details': calls.errorDetails,
  'unimplemented': calls.unimplemented,
  'metadata': calls.metadataEcho,
  'deadline': limits.deadline,
  'deadline-propagation': limits.deadlinePropagation,
  'cancel': limits.cancelCall,
  'cancel-stream': limits.cancelStream,
  'concurrent': limits.concurrent,
  'open-streams': limits.openStreams,
  'health': calls.healthService,
  'paused-stream': streams.pausedStream,
  'one-connection': limits.oneConnection,
};

// MISSING call a service that nobody has. The second one shows that the first did no harm to the connection.
const MISSING = {
  'missing-service': limits.missingService,
  'missing-service-again': limits.missingService,
  'one-connection': limits.oneConnection,
};

async function main([target, mode, ...rest]) {
  if (!/^.+:\d+$/.test(target ?? '') || ![undefined, 'errors'].includes(mode) || rest.length > 0) {
    console.error('usage: client.js HOST:PORT [errors]');
    process.exit(2);
  }
  const ok = await runChecks(new Peer(target), mode === 'errors' ? MISSING : CHECKS);
  process.exit(ok ? 0 : 1);
}

main(process.argv.slice(2));
