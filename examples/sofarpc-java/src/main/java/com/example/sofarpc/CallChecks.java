package com.example.sofarpc;

import static com.example.sofarpc.Checks.expect;
import static com.example.sofarpc.Checks.same;
import static com.example.sofarpc.Checks.thrown;

import com.alipay.remoting.rpc.exception.InvokeTimeoutException;
import com.alipay.sofa.rpc.api.future.SofaResponseFuture;
import com.alipay.sofa.rpc.common.RpcConstants;
import com.alipay.sofa.rpc.core.exception.SofaRpcException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** One-way and future calls, and many calls at once. */
final class CallChecks {
    private static final int ONEWAY_CALLS = 50;
    private static final int FUTURES = 50;
    private static final int THREADS = 16;
    private static final int CALLS_PER_THREAD = 200;

    private final Services services;
    private final EchoService echo;

    CallChecks(Services services) {
        this.services = services;
        echo = services.echo();
    }

    void run(Checks checks) {
        checks.check("oneway", this::oneway);
        checks.check("future", this::future);
        checks.check("future-timeout", this::futureTimeout);
        checks.check("concurrent", this::concurrent);
    }

    private void oneway() throws InterruptedException {
        EchoService sender = services.of(EchoService.class).setInvokeType(RpcConstants.INVOKER_TYPE_ONEWAY).refer();
        String key = UUID.randomUUID().toString();
        for (int i = 0; i < ONEWAY_CALLS; i++) {
            sender.record(key);
        }
        // The server handles one-way calls beside the synchronous ones, so the last of them may still be under way.
        long deadline = System.nanoTime() + 3_000_000_000L;
        while (echo.recorded(key) < ONEWAY_CALLS && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
        // Had one been delivered twice, the second copy would have arrived by the end of this call.
        echo.sleep("settle", 300);
        same(ONEWAY_CALLS, echo.recorded(key));
    }

    private void future() throws Exception {
        EchoService sender = services.of(EchoService.class).setInvokeType(RpcConstants.INVOKER_TYPE_FUTURE).refer();
        List<Future<?>> answers = new ArrayList<>();
        for (int i = 0; i < FUTURES; i++) {
            sender.sleep("future " + i, FUTURES - i);
            answers.add(SofaResponseFuture.getFuture(true));
        }
        for (int i = 0; i < FUTURES; i++) {
            same("future " + i, answers.get(i).get());
        }
    }

    /** A future hands out its call's timeout as the cause of a plain SofaRpcException. */
    private void futureTimeout() {
        EchoService sender = services.of(EchoService.class)
            .setInvokeType(RpcConstants.INVOKER_TYPE_FUTURE).setTimeout(300).refer();
        sender.sleep("late", 2000);
        SofaRpcException e = thrown(SofaRpcException.class, () -> SofaResponseFuture.getResponse(1500, true));
        expect(e.getCause() instanceof InvokeTimeoutException, "cause: " + e.getCause());
    }

    private void concurrent() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(THREADS);
        List<Future<?>> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int thread = i;
            threads.add(pool.submit(() -> manyCalls(thread)));
        }
        pool.shutdown();
        try {
            for (Future<?> thread : threads) {
                thread.get();
            }
        } finally {
            pool.shutdownNow();
        }
    }

    /** Mixes small messages with some that take several reads to arrive. */
    private void manyCalls(int thread) {
        for (int i = 0; i < CALLS_PER_THREAD; i++) {
            String value = "thread " + thread + " call " + i + (i % 20 == 0 ? " and so on".repeat(4000) : "");
            same(value, echo.echo(value));
        }
    }
}
