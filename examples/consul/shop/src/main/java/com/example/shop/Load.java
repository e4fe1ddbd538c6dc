package com.example.shop;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/** Calls that go on, four at a time, while other things happen. */
final class Load {
    private static final int THREADS = 4;
    private static final int PAUSE_NANOS = 5_000_000;

    /** A call, by its number. */
    interface Call {
        String run(int n) throws Exception;
    }

    private final Call call;
    private final AtomicInteger begun = new AtomicInteger();
    private final AtomicInteger answered = new AtomicInteger();
    private final AtomicReference<Throwable> first = new AtomicReference<>();
    private final AtomicInteger failed = new AtomicInteger();
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean stopping;

    Load(Call call) {
        this.call = call;
    }

    /** Begins, and returns when the first calls are answered, or have failed. */
    void begin() {
        for (int i = 0; i < THREADS; i++) {
            Thread thread = new Thread(this::run, "load-" + i);
            thread.setDaemon(true);
            threads.add(thread);
            thread.start();
        }
        while (answered.get() < 10 * THREADS && failed.get() == 0) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private void run() {
        while (!stopping) {
            try {
                call.run(begun.incrementAndGet());
                answered.incrementAndGet();
            } catch (Exception | AssertionError e) {
                failed.incrementAndGet();
                first.compareAndSet(null, e);
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /** Ends it when all calls are over. None of them may have failed. */
    String end() throws InterruptedException {
        stopping = true;
        for (Thread thread : threads) {
            thread.join();
        }
        int all = begun.get();
        Throwable e = first.get();
        if (e != null) {
            throw new AssertionError(failed + " of " + all + " calls failed, the first with " + Report.describe(e));
        }
        return all + " calls, none failed";
    }
}
