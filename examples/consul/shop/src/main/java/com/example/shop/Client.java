package com.example.shop;

import static com.example.shop.Report.expect;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Does what standard input says, line by line, because servers come and go in between; after each line's checks it prints
 * {@code done}. WHEN is a word for the checks' names.
 *
 * <pre>
 * check        what a client notices of any server
 * by WHEN A B  waits until these instances answer, and no others
 * begin ask    calls from now on, with what may be done twice; or with what may not: begin change
 * end WHEN     until now: none of these calls may have failed
 * </pre>
 */
public final class Client {
    private static final int PATIENCE_SECONDS = 120;
    private static final int ROUND = 40;

    private final Remote remote;
    private final Calls calls;
    private final Report report;
    private Load load;
    private int asked;

    private Client(Remote remote, List<String> passedOnBy) {
        this.remote = remote;
        calls = new Calls(remote, passedOnBy);
        report = new Report(remote.name());
    }

    /** Runs until standard input ends. */
    public static void run(Remote remote, String... passedOnBy) throws IOException {
        Client client = new Client(remote, List.of(passedOnBy));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            client.obey(List.of(line.split(" ")));
            System.out.println("done");
        }
        System.exit(0);
    }

    private void obey(List<String> words) {
        switch (words.get(0)) {
            case "check" -> check();
            case "by" -> report.check(words.get(1) + "-answers", () -> answeredBy(words.subList(2, words.size())));
            case "begin" -> {
                load = new Load(words.get(1).equals("ask") ? calls::ask : calls::change);
                load.begin();
            }
            case "end" -> report.check(words.get(1) + "-calls", load::end);
            default -> throw new IllegalArgumentException(String.join(" ", words));
        }
    }

    private void check() {
        report.check("questions", () -> many(calls::ask));
        report.check("changes", () -> many(calls::change));
        report.check("exception", this::exception);
        report.check("concurrent", this::concurrent);
        report.check("missing-service", this::missing);
    }

    private String many(Load.Call call) throws Exception {
        for (int i = 0; i < 100; i++) {
            call.run(i);
        }
        return null;
    }

    private String exception() throws Exception {
        try {
            remote.change("a rare article", Rules.LIMIT + 1);
        } catch (RefusedException e) {
            expect(Rules.LIMIT, e.getLimit(), "limit");
            expect(e.getMessage().endsWith(" has no 1001 of a rare article"), "message: " + e.getMessage());
            return null;
        }
        throw new AssertionError("the call returned");
    }

    private String concurrent() throws Exception {
        int threads = 8;
        Throwable[] failed = new Throwable[threads];
        CountDownLatch over = new CountDownLatch(threads);
        for (int i = 0; i < threads; i++) {
            int thread = i;
            new Thread(() -> {
                try {
                    many(n -> calls.ask(1000 * thread + n));
                } catch (Exception | AssertionError e) {
                    failed[thread] = e;
                }
                over.countDown();
            }).start();
        }
        expect(over.await(PATIENCE_SECONDS, TimeUnit.SECONDS), "not done after " + PATIENCE_SECONDS + " s");
        for (Throwable e : failed) {
            expect(e == null, e == null ? "" : Report.describe(e));
        }
        return null;
    }

    /** An error, which is not that of a call that nobody answers. */
    private String missing() {
        try {
            remote.missing();
        } catch (Exception e) {
            expect(!remote.timedOut(e), "the call timed out: " + Report.describe(e));
            return null;
        }
        throw new AssertionError("the call returned");
    }

    /** Asks in rounds, until a round is answered by these instances alone, each with its share. No question may fail. */
    private String answeredBy(List<String> instances) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        Map<String, Integer> round;
        do {
            round = new TreeMap<>();
            for (int i = 0; i < ROUND; i++) {
                round.merge(calls.ask(asked++), 1, Integer::sum);
            }
            if (evenly(round, instances)) {
                return round + " of " + ROUND;
            }
        } while (System.nanoTime() < end);
        throw new AssertionError("still answered by " + round + " after " + PATIENCE_SECONDS + " s");
    }

    private static boolean evenly(Map<String, Integer> round, List<String> instances) {
        int least = ROUND / instances.size() / 2;
        return round.size() == instances.size()
            && instances.stream().allMatch(name -> round.getOrDefault(name, 0) >= least);
    }
}
