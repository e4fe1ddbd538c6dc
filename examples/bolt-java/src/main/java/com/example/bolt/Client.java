package com.example.bolt;

import static com.example.bolt.Checks.same;

import com.alipay.remoting.config.Configs;
import com.example.bolt.Messages.AskMeRequest;
import java.util.List;

/** Talks to {@link Server} through the address given to it, in each version of bolt, and checks every answer. */
public final class Client {
    private static final int LIMIT_SECONDS = 55;

    private Client() {
    }

    public static void main(String[] args) {
        System.setProperty(Configs.TCP_IDLE, String.valueOf(HeartbeatChecks.INTERVAL_MILLIS));
        List<Peer> peers = Peer.all(args[0]);
        Checks checks = new Checks();
        checks.limit(LIMIT_SECONDS);
        if (args.length > 1 && args[1].equals("callback-request")) {
            checks.check("callback-request", () -> callbackRequests(peers));
        } else {
            peers.forEach(peer -> new CallChecks(peer).run(checks));
            peers.forEach(peer -> new FailureChecks(peer).run(checks));
            new HeartbeatChecks(peers).run(checks);
        }
        System.exit(checks.exitCode());
    }

    /** The server calls back on the connection a request came by, which reaches this client only if it leads here alone. */
    private static void callbackRequests(List<Peer> peers) throws Exception {
        for (Peer peer : peers) {
            for (int i = 0; i < 20; i++) {
                same(peer.label + " answers question " + i, peer.call(new AskMeRequest("question " + i)));
            }
        }
    }
}
