package com.example.bolt;

import static com.example.bolt.Checks.expect;
import static com.example.bolt.Checks.same;

import com.alipay.remoting.Connection;
import com.alipay.remoting.rpc.HeartbeatAckCommand;
import com.alipay.remoting.rpc.HeartbeatCommand;
import com.example.bolt.Messages.EchoRequest;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** Connections that are idle live on heartbeats: every one is answered, and the next call finds the same connection. */
final class HeartbeatChecks {
    static final int INTERVAL_MILLIS = 500;

    /** bolt waits a second for an answer and closes after three without one: this is longer than that takes. */
    private static final int IDLE_MILLIS = 8 * INTERVAL_MILLIS;
    private static final int AT_LEAST = 3;

    private final List<Peer> peers;

    HeartbeatChecks(List<Peer> peers) {
        this.peers = peers;
    }

    void run(Checks checks) {
        List<Idle> idle = new ArrayList<>();
        for (Peer peer : peers) {
            checks.check(peer.label + "-connection", () -> idle.add(new Idle(peer)));
        }
        checks.check("idle", () -> Thread.sleep(IDLE_MILLIS));
        for (Idle one : idle) {
            checks.check(one.peer.label + "-heartbeat", one::check);
        }
    }

    /** One peer's connection, watched from before its idle time. */
    private static final class Idle {
        final Peer peer;
        private final Connection connection;
        private final Tap tap = new Tap();

        /** Fails if the peer's earlier calls took more than one connection. */
        Idle(Peer peer) throws Exception {
            this.peer = peer;
            connection = peer.client.getConnection(peer.address, Peer.TIMEOUT_MILLIS);
            connection.getChannel().pipeline().addAfter("encoder", "tap", tap);
            same(1, peer.connects.get());
            same(0, peer.closes.get());
        }

        void check() throws Exception {
            int acks = tap.acks.get();
            int sent = tap.sent.get();
            expect(acks >= AT_LEAST, "only " + acks + " heartbeats answered of " + sent);
            expect(sent - acks <= 2, sent + " heartbeats sent, " + acks + " answered");
            same("awake", peer.echo(new EchoRequest("awake")).text);
            expect(connection == peer.client.getConnection(peer.address, Peer.TIMEOUT_MILLIS), "another connection");
            same(1, peer.connects.get());
            same(0, peer.closes.get());
        }
    }

    /** Counts heartbeats on their way out and the answers to them on their way in; it stands between codec and client. */
    private static final class Tap extends ChannelDuplexHandler {
        final AtomicInteger sent = new AtomicInteger();
        final AtomicInteger acks = new AtomicInteger();

        @Override
        public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
            if (message instanceof HeartbeatCommand) {
                sent.incrementAndGet();
            }
            context.write(message, promise);
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            for (Object command : message instanceof List<?> batch ? batch : List.of(message)) {
                if (command instanceof HeartbeatAckCommand) {
                    acks.incrementAndGet();
                }
            }
            context.fireChannelRead(message);
        }
    }
}
