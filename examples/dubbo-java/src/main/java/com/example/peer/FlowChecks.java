package com.example.peer;

import static com.example.peer.Report.await;
import static com.example.peer.Report.expect;

import com.example.api.Echo;
import com.example.api.Tally;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.config.MethodConfig;

/** Many calls in flight on one connection, and calls that get no answer. */
final class FlowChecks {
    private static final int FUTURES = 50;
    private static final int ONE_WAY_CALLS = 100;
    private static final int THREADS = 16;
    private static final int CALLS_PER_THREAD = 200;

    private final Report report;
    private final String address;

    FlowChecks(Report report, String address) {
        this.report = report;
        this.address = address;
    }

    void run() {
        report.check("async", this::async);
        report.check("one-way", this::oneWay);
        report.check("concurrent", this::concurrent);
    }

    /** The first call is answered last, so every answer has to find its call by id. */
    private void async() throws Exception {
        Echo echo = new Remote(address, "").refer(Echo.class);
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int call = 0; call < FUTURES; call++) {
            answers.add(echo.later("answer " + call, 10 * (FUTURES - call)));
        }
        for (int call = 0; call < FUTURES; call++) {
            expect("answer " + call, answers.get(call).get(5, TimeUnit.SECONDS), "call " + call);
        }
    }

    /** Each call is heard exactly once, and nothing is sent back for it. */
    private void oneWay() throws Exception {
        MethodConfig record = new MethodConfig();
        record.setName("record");
        record.setReturn(false);
        record.setSent(true);
        try (WireTap tap = new WireTap(address); Remote remote = new Remote(tap.address(), "")) {
            Tally tally = remote.refer(Tally.class, reference -> reference.setMethods(List.of(record)));
            String key = UUID.randomUUID().toString();
            for (int call = 0; call < ONE_WAY_CALLS; call++) {
                tally.record(key);
            }
            await(() -> tally.count(key) >= ONE_WAY_CALLS, 5000, ONE_WAY_CALLS + " one-way calls arrived");
            Thread.sleep(300); // time for a duplicate to show
            expect(ONE_WAY_CALLS, tally.count(key), "calls counted by the server");

            List<Frame> sent = tap.frames(frame -> frame.isRequest() && !frame.isTwoWay() && !frame.isEvent());
            expect(ONE_WAY_CALLS, sent.size(), "one-way frames on the wire");
            for (Frame request : sent) {
                expect(List.of(), tap.frames(frame -> frame.answers(request)), "answers to " + request);
            }
        }
    }

    private void concurrent() throws Exception {
        Echo echo = new Remote(address, "").refer(Echo.class);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<?>> workers = new ArrayList<>();
            for (int thread = 0; thread < THREADS; thread++) {
                String name = "thread " + thread;
                workers.add(threads.submit(() -> manyCalls(echo, name)));
            }
            for (Future<?> worker : workers) {
                worker.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static void manyCalls(Echo echo, String name) {
        for (int call = 0; call < CALLS_PER_THREAD; call++) {
            String text = name + " call " + call + " " + "x".repeat(call * 37 % 3000);
            expect(text, echo.text(text), name);
        }
    }
}
