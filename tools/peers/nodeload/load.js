'use strict';

// Puts weir under load as Node does, with its defaults.
//
//   load.js server PORT
//   load.js grpc down|up|echo|cancel|deadline|burst|hedge|quick ADDR RATE SECONDS SIZE
//   load.js http2 sink|echo|chars|cancel|burst ADDR RATE SECONDS SIZE
//
// The server is that of http2's clients, the one of gRPC's is tools/peers/grpcload. It ends with an error if a call fails in another
// way than it is meant to. grpc.js and http2.js say what each does.

const modes = { grpc: require('./grpc'), http2: require('./http2') };

async function main([kind, ...args]) {
  if (kind === 'server') {
    modes.http2.serve(Number(args[0]));
    return;
  }
  const [mode, address, ...numbers] = args;
  const [rate, seconds, size] = numbers.map(Number);
  const begin = Date.now();
  let failure;
  const counts = { calls: 0, sent: 0, came: 0 };
  try {
    await modes[kind].run(mode, address, { rate, seconds, size, counts });
  } catch (e) {
    failure = e;
  }
  const { calls, sent, came } = counts;
  const took = ((Date.now() - begin) / 1e3).toFixed(1);
  console.log(`${kind} ${mode} of ${address}: ${calls} calls, ${sent} sent, ${came} came, ${took} s, failure: ${failure?.stack}`);
  process.exit(failure ? 1 : 0);
}

main(process.argv.slice(2));
