package com.example.triple;

import static com.example.triple.Report.expect;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Many calls in flight on one connection. */
final class FlowChecks {
    private static final int FUTURES = 50;
    private static final int THREADS = 16;
    private static final int CALLS_PER_THREAD = 200;

    private final Report report;
    private final Remote remote;

    FlowChecks(Report report, Remote remote) {
        this.report = report;
        this.remote = remote;
    }

    void run() {
        report.check("async", this::async);
        report.check("concurrent", this::concurrent);
    }

    /** The first call is answered last. */
    private void async() throws Exception {
        Echo echo = remote.refer(Echo.class);
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int call = 0; call < FUTURES; call++) {
            answers.add(echo.later("answer " + call, 10 * (FUTURES - call)));
        }
        for (int call = 0; call < FUTURES; call++) {
            expect("answer " + call, answers.get(call).get(10, TimeUnit.SECONDS), "call " + call);
        }
    }

    private void concurrent() throws Exception {
        Echo echo = remote.refer(Echo.class);
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
