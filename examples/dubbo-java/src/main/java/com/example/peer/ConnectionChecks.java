package com.example.peer;

import static com.example.peer.Report.await;
import static com.example.peer.Report.expect;

import com.example.api.Echo;
import com.example.api.TickListener;
import com.example.api.Ticker;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;

/** What depends on the connection itself, and not only on the calls. */
final class ConnectionChecks {
    private static final int HEARTBEAT_MILLIS = 500;
    private static final int IDLE_MILLIS = 2000;
    private static final int TICKS = 5;

    /**
     * Argument 2 of subscribe is not to be sent, but to be called; without a registry the client has to be told, too.
     * Dubbo 3 looks for this only if the method has a plainer parameter as well.
     */
    private static final String CALLBACK = "subscribe.2.callback=true&subscribe.retries=0";

    private final Report report;
    private final String address;

    ConnectionChecks(Report report, String address) {
        this.report = report;
        this.address = address;
    }

    void run() {
        report.check("heartbeat", this::heartbeat);
        report.check("callback-argument", this::callback);
    }

    /** Dubbo closes a connection whose heartbeats stay unanswered for three intervals, and opens another one. */
    private void heartbeat() throws Exception {
        try (WireTap tap = new WireTap(address);
                Remote remote = new Remote(tap.address(), "heartbeat=" + HEARTBEAT_MILLIS)) {
            Echo echo = remote.refer(Echo.class);
            expect("before", echo.text("before"), "echo before the pause");
            Thread.sleep(IDLE_MILLIS);
            List<Frame> beats = tap.frames(frame -> frame.fromClient() && frame.isRequest() && frame.isEvent());
            expect("after", echo.text("after"), "echo after the pause");

            expect(1, tap.connections(), "connections");
            expect(beats.size() >= 2, beats.size() + " heartbeats in " + IDLE_MILLIS + " ms");
            for (Frame beat : beats) {
                await(() -> answered(tap, beat), 1000, "one answer to heartbeat " + beat);
            }
        }
    }

    private static boolean answered(WireTap tap, Frame beat) {
        List<Frame> answers = tap.frames(frame -> frame.answers(beat));
        return answers.size() == 1 && answers.get(0).isEvent();
    }

    /** The server calls an object of this client: requests run the other way on the connection that the client opened. */
    private void callback() throws Exception {
        List<String> heard = new CopyOnWriteArrayList<>();
        TickListener listener = (topic, tick) -> {
            heard.add(topic + " " + tick);
            return "heard " + tick;
        };
        try (WireTap tap = new WireTap(address); Remote remote = new Remote(tap.address(), CALLBACK)) {
            Ticker ticker = remote.refer(Ticker.class);
            String topic = UUID.randomUUID().toString();
            expect("subscribed to " + topic, ticker.subscribe(topic, TICKS, listener), "subscribe");
            await(() -> ticker.acknowledged(topic).size() >= TICKS, 5000, TICKS + " ticks acknowledged");

            for (int tick = 1; tick <= TICKS; tick++) {
                expect("heard " + tick, ticker.acknowledged(topic).get(tick - 1), "answer to tick " + tick);
                expect(topic + " " + tick, heard.get(tick - 1), "tick " + tick);
            }
            List<Frame> calls = tap.frames(frame -> frame.isRequest() && !frame.isEvent() && !frame.fromClient());
            expect(TICKS, calls.size(), "requests from the server on the wire");
            expect(1, tap.connections(), "connections");
        }
    }
}
