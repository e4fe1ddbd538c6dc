package com.example.bolt;

import static com.example.bolt.Checks.expect;
import static com.example.bolt.Checks.same;

import com.alipay.remoting.InvokeContext;
import com.alipay.remoting.rpc.RpcResponseFuture;
import com.example.bolt.Messages.CountQuery;
import com.example.bolt.Messages.CountRequest;
import com.example.bolt.Messages.EchoReply;
import com.example.bolt.Messages.EchoRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Every way to call that bolt has, for one peer. */
final class CallChecks {
    private static final int ONEWAY_CALLS = 50;
    private static final int FUTURES = 50;
    private static final int LARGE_BYTES = 2 << 20;
    private static final int THREADS = 16;
    private static final int CALLS_PER_THREAD = 200;

    private final Peer peer;

    CallChecks(Peer peer) {
        this.peer = peer;
    }

    void run(Checks checks) {
        checks.check(peer.label + "-sync", this::sync);
        checks.check(peer.label + "-same-protocol", this::sameProtocol);
        checks.check(peer.label + "-oneway", this::oneway);
        checks.check(peer.label + "-future", this::future);
        checks.check(peer.label + "-callback", this::callback);
        checks.check(peer.label + "-large-body", this::largeBody);
        checks.check(peer.label + "-concurrent", this::concurrent);
        if (peer.version == 2) {
            checks.check(peer.label + "-switched-off", this::crcSwitchedOff);
        }
    }

    private void sync() throws Exception {
        same("hello", peer.echo(new EchoRequest("hello")).text);
        same(null, peer.echo(new EchoRequest(null)).text);
        same("\u8a02\u55ae \ud83d\ude00", peer.echo(new EchoRequest("\u8a02\u55ae \ud83d\ude00")).text);
    }

    /** A bolt server answers in the version that a connection opened with, so a proxy has to keep versions apart. */
    private void sameProtocol() throws Exception {
        EchoReply reply = peer.echo(new EchoRequest("hello"));
        same(peer.protocol, reply.protocol);
        same(peer.version, reply.version);
    }

    private void oneway() throws Exception {
        String key = UUID.randomUUID().toString();
        for (int i = 0; i < ONEWAY_CALLS; i++) {
            peer.client.oneway(peer.address, new CountRequest(key));
        }
        // The server handles one-way calls beside the synchronous ones, so the last of them may still be under way.
        long deadline = System.nanoTime() + 3_000_000_000L;
        while (counted(key) < ONEWAY_CALLS && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
        // Had one been delivered twice, the second copy would have arrived by the end of this call.
        peer.echo(new EchoRequest("settle").sleep(300));
        same(ONEWAY_CALLS, counted(key));
    }

    private int counted(String key) throws Exception {
        return (Integer) peer.call(new CountQuery(key));
    }

    /** The answers come in the opposite order of the calls. */
    private void future() throws Exception {
        List<RpcResponseFuture> answers = new ArrayList<>();
        for (int i = 0; i < FUTURES; i++) {
            EchoRequest request = new EchoRequest("future " + i).sleep(FUTURES - i);
            answers.add(peer.client.invokeWithFuture(peer.address, request, Peer.TIMEOUT_MILLIS));
        }
        for (int i = 0; i < FUTURES; i++) {
            same("future " + i, ((EchoReply) answers.get(i).get(Peer.TIMEOUT_MILLIS)).text);
        }
    }

    private void callback() throws Exception {
        List<Outcome> outcomes = new ArrayList<>();
        for (int i = 0; i < FUTURES; i++) {
            Outcome outcome = new Outcome();
            peer.client.invokeWithCallback(peer.address, new EchoRequest("callback " + i), outcome, Peer.TIMEOUT_MILLIS);
            outcomes.add(outcome);
        }
        for (int i = 0; i < FUTURES; i++) {
            Object got = outcomes.get(i).get();
            expect(got instanceof EchoReply reply && reply.text.equals("callback " + i), "answer " + i + ": " + got);
        }
    }

    private void largeBody() throws Exception {
        byte[] body = new byte[LARGE_BYTES];
        new Random(1).nextBytes(body);
        for (int i = 0; i < 3; i++) {
            body[0] = (byte) i;
            expect(Arrays.equals(body, peer.echo(new EchoRequest("large").body(body)).body), "other bytes came back");
        }
    }

    private void concurrent() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(THREADS);
        List<Future<?>> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int thread = i;
            threads.add(pool.submit(() -> manyCalls(thread)));
        }
        pool.shutdown();
        try {
            for (Future<?> thread : threads) {
                thread.get();
            }
        } finally {
            pool.shutdownNow();
        }
    }

    /** Mixes small messages with some that take several reads to arrive. */
    private Void manyCalls(int thread) throws Exception {
        for (int i = 0; i < CALLS_PER_THREAD; i++) {
            byte[] body = new byte[i % 20 == 0 ? 40_000 : 100];
            Arrays.fill(body, (byte) thread);
            String text = "thread " + thread + " call " + i;
            EchoReply reply = peer.echo(new EchoRequest(text).body(body));
            same(text, reply.text);
            expect(Arrays.equals(body, reply.body), "other bytes came back for " + text);
        }
        return null;
    }

    /** A version 2 client may leave the checksum off single requests, so frames with and without one share a connection. */
    private void crcSwitchedOff() throws Exception {
        for (int i = 0; i < 20; i++) {
            InvokeContext context = new InvokeContext();
            context.put(InvokeContext.BOLT_CRC_SWITCH, i % 3 == 0);
            Object reply = peer.client.invokeSync(peer.address, new EchoRequest("mixed " + i), context, Peer.TIMEOUT_MILLIS);
            same("mixed " + i, ((EchoReply) reply).text);
        }
    }
}
