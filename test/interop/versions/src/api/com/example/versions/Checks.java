package com.example.versions;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** What clients do, whatever they speak. Each check prints a line that begins with "ok", or throws. */
final class Checks {
    private Checks() {
    }

    static void run(Echo echo, String check, int n) throws Exception {
        switch (check) {
            case "echo":
                echo(echo, n);
                break;
            case "big":
                big(echo, n);
                break;
            case "at-once":
                atOnce(echo, n);
                break;
            case "endless":
                endless(echo);
                break;
            default:
                throw new IllegalArgumentException("there is no check " + check);
        }
    }

    /** n calls, one after the other. */
    private static void echo(Echo echo, int n) {
        for (int i = 0; i < n; i++) {
            String text = "h\u00e9llo " + i;
            String got = echo.echo(text);
            if (!text.equals(got)) {
                throw new IllegalStateException(text + " came back as " + got);
            }
        }
        System.out.println("ok: " + n + " calls");
    }

    /** An answer of n bytes, with calls beside it. */
    private static void big(Echo echo, int n) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(2);
        Future<?> others = pool.submit(() -> echo(echo, 200));
        byte[] got = echo.bytes(n);
        byte[] want = new EchoService().bytes(n);
        if (!java.util.Arrays.equals(got, want)) {
            throw new IllegalStateException("an answer of " + got.length + " bytes");
        }
        others.get();
        pool.shutdown();
        System.out.println("ok: " + n + " bytes");
    }

    /** n calls at a time, each of which takes a while. */
    private static void atOnce(Echo echo, int n) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(n);
        List<Future<Integer>> all = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            all.add(pool.submit(() -> echo.later(500)));
        }
        for (Future<Integer> f : all) {
            f.get(60, TimeUnit.SECONDS);
        }
        pool.shutdown();
        System.out.println("ok: " + n + " calls at a time");
    }

    /** Calls from eight threads until standard input ends, and then how many failed. */
    private static void endless(Echo echo) throws Exception {
        AtomicInteger calls = new AtomicInteger();
        AtomicInteger failures = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        boolean[] over = new boolean[1];
        for (int i = 0; i < 8; i++) {
            Thread t = new Thread(() -> {
                while (!over[0]) {
                    try {
                        calls.incrementAndGet();
                        echo.echo("x");
                        Thread.sleep(2);
                    } catch (Exception e) {
                        failures.incrementAndGet();
                        System.err.println(e);
                    }
                }
            });
            t.start();
            threads.add(t);
        }
        System.out.println("calling");
        while (System.in.read() >= 0) {
            // the test ends it
        }
        over[0] = true;
        for (Thread t : threads) {
            t.join();
        }
        if (failures.get() > 0) {
            throw new IllegalStateException(failures + " of " + calls + " calls failed");
        }
        System.out.println("ok: " + calls + " calls");
    }
}
