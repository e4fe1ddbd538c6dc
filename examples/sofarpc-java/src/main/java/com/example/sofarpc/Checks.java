package com.example.sofarpc;

import java.util.Objects;

/** Runs named checks and prints one line for each: {@code ok NAME}, or {@code FAIL NAME: reason}. */
final class Checks {
    /** The body of a check; it fails by throwing. */
    interface Body {
        void run() throws Throwable;
    }

    private volatile String running = "(none)";
    private int failed;

    void check(String name, Body body) {
        running = name;
        try {
            body.run();
            System.out.println("ok " + name);
        } catch (Throwable e) {
            failed++;
            System.out.println("FAIL " + name + ": " + oneLine(e.toString()));
        }
    }

    /** The exit code for what has run so far. */
    int exitCode() {
        return failed == 0 ? 0 : 1;
    }

    /** Ends the process when the checks take longer than this, so that a call that hangs is a failed check. */
    void limit(int seconds) {
        Thread watchdog = new Thread(() -> {
            try {
                Thread.sleep(seconds * 1000L);
            } catch (InterruptedException e) {
                return;
            }
            System.out.println("FAIL " + running + ": still running after " + seconds + " s");
            Runtime.getRuntime().halt(1);
        }, "watchdog");
        watchdog.setDaemon(true);
        watchdog.start();
    }

    static void expect(boolean condition, String otherwise) {
        if (!condition) {
            throw new AssertionError(otherwise);
        }
    }

    static void same(Object want, Object got) {
        if (!Objects.equals(want, got)) {
            throw new AssertionError("want " + shortened(want) + ", got " + shortened(got));
        }
    }

    /** Runs a body that must throw this very class, and hands the exception back. */
    static <E extends Throwable> E thrown(Class<E> want, Body body) {
        try {
            body.run();
        } catch (Throwable e) {
            if (e.getClass() == want) {
                return want.cast(e);
            }
            throw new AssertionError("want " + want.getName() + ", got " + e, e);
        }
        throw new AssertionError("want " + want.getName() + ", but the call returned");
    }

    static String oneLine(String text) {
        return shortened(text.replaceAll("\\s+", " "));
    }

    private static String shortened(Object value) {
        String text = String.valueOf(value);
        return text.length() <= 300 ? text : text.substring(0, 300) + "... (" + text.length() + " characters)";
    }
}
