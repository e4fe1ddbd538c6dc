package com.example.peer;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Runs checks, and prints one line for each. */
final class Report {
    private static final int LIMIT_SECONDS = 30;

    private boolean failed;

    /** Something to run; it fails by throwing. */
    interface Check {
        void run() throws Exception;
    }

    /** Says that a check asks for what one of the two Dubbo versions does not have. */
    static final class Skip extends Exception {
        private static final long serialVersionUID = 1L;

        Skip(String reason) {
            super(reason);
        }
    }

    boolean failed() {
        return failed;
    }

    /** Runs one check on a thread of its own, as RpcContext is per thread, and for a limited time. */
    void check(String name, Check check) {
        FutureTask<Void> task = new FutureTask<>(() -> {
            check.run();
            return null;
        });
        Thread thread = new Thread(task, "check-" + name);
        thread.setDaemon(true);
        thread.start();
        try {
            task.get(LIMIT_SECONDS, TimeUnit.SECONDS);
            System.out.println("ok " + name);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Skip skip) {
                System.out.println("skip " + name + ": " + skip.getMessage());
            } else {
                fail(name, describe(e.getCause()));
            }
        } catch (TimeoutException e) {
            thread.interrupt();
            fail(name, "not done after " + LIMIT_SECONDS + " s");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            fail(name, "interrupted");
        }
    }

    private void fail(String name, String reason) {
        failed = true;
        System.out.println("FAIL " + name + ": " + reason);
    }

    static void expect(Object want, Object got, String what) {
        if (!want.equals(got)) {
            throw new AssertionError(what + ": got " + shorten(String.valueOf(got)) + ", want " + shorten(String.valueOf(want)));
        }
    }

    static void expect(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    /** Waits until the condition holds. */
    static void await(Condition condition, int millis, String what) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        while (!condition.holds()) {
            expect(System.nanoTime() < deadline, what + ": not so after " + millis + " ms");
            Thread.sleep(20);
        }
    }

    /** What {@link #await} asks again and again. */
    interface Condition {
        boolean holds();
    }

    /** Class and first line of the message, without what makes Dubbo's messages long: the remote stack trace, and urls. */
    static String describe(Throwable thrown) {
        if (thrown instanceof ExecutionException && thrown.getCause() != null) {
            return describe(thrown.getCause());
        }
        String text = thrown instanceof AssertionError ? thrown.getMessage() : thrown.toString();
        return shorten(text.lines().findFirst().orElse("").replaceAll("dubbo://([^/]+/[^?]*)\\?[^ ,]*", "$1"));
    }

    /** Begin and end of a long text: Dubbo's messages have the cause at the end. */
    private static String shorten(String text) {
        return text.length() <= 500 ? text : text.substring(0, 150) + " ... " + text.substring(text.length() - 350);
    }
}
