package com.example.triple;

import static com.example.triple.Report.describe;
import static com.example.triple.Report.expect;

import com.example.Missing;
import java.util.concurrent.Callable;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.TriRpcStatus;

/** What goes wrong arrives as what it is. */
final class FaultChecks {
    private static final int TIMEOUT_MILLIS = 300;
    private static final int SLEEP_MILLIS = 2000;
    private static final int PATIENCE_MILLIS = 8000;
    private static final int PROMPT_MILLIS = 2500;

    private final Report report;
    private final Remote remote;

    FaultChecks(Report report, Remote remote) {
        this.report = report;
        this.remote = remote;
    }

    void run() {
        report.check("business-exception", this::businessException);
        report.check("runtime-exception", this::runtimeException);
        report.check("timeout", this::timeout);
    }

    private void businessException() {
        Echo echo = remote.refer(Echo.class);
        Throwable thrown = thrownBy(() -> {
            echo.spend("ada", 1000);
            return null;
        });
        expect(QuotaExceededException.class, thrown.getClass(), "exception (" + describe(thrown) + ")");
        expect("account ada is over its limit of 1000", thrown.getMessage(), "message");
        expect("ada", ((QuotaExceededException) thrown).getAccount(), "account");
        expect(1000, ((QuotaExceededException) thrown).getLimit(), "limit");
    }

    private void runtimeException() {
        Echo echo = remote.refer(Echo.class);
        Throwable thrown = thrownBy(() -> {
            echo.reject("no, \ud83d\ude80");
            return null;
        });
        expect(IllegalArgumentException.class, thrown.getClass(), "exception (" + describe(thrown) + ")");
        expect("no, \ud83d\ude80", thrown.getMessage(), "message");
    }

    /** The caller gives up in time, and the answer that comes too late harms nobody. */
    private void timeout() throws InterruptedException {
        Echo impatient = remote.refer(Echo.class, reference -> reference.setTimeout(TIMEOUT_MILLIS));
        Echo echo = remote.refer(Echo.class);
        echo.text("connected");
        long start = System.nanoTime();
        RpcException thrown = rpcException(() -> impatient.sleep(SLEEP_MILLIS));
        long took = millisSince(start);
        expect(isTimeout(thrown), "code " + thrown.getCode() + ", not a timeout: " + describe(thrown));
        boolean inTime = took >= TIMEOUT_MILLIS - 50 && took < SLEEP_MILLIS - 200;
        expect(inTime, "timeout of " + TIMEOUT_MILLIS + " ms after " + took + " ms");
        expect("after", echo.text("after"), "echo after a timeout");
        Thread.sleep(SLEEP_MILLIS - TIMEOUT_MILLIS);
        expect("after", echo.text("after"), "echo after a late answer");
    }

    /** A service that nobody has: an error now, not a timeout later; twice, as the first must not spoil the connection. */
    void missingService() {
        Missing missing = remote.refer(Missing.class, reference -> reference.setTimeout(PATIENCE_MILLIS));
        for (int call = 1; call <= 2; call++) {
            long start = System.nanoTime();
            RpcException thrown = rpcException(() -> missing.hello("nobody"));
            long took = millisSince(start);
            System.out.printf("call %d: RpcException code=%d after %d ms: %s%n", call, thrown.getCode(), took, describe(thrown));
            expect(!isTimeout(thrown), "the call timed out after " + took + " ms");
            expect(took < PROMPT_MILLIS, "the error took " + took + " ms");
        }
    }

    /** Two timers of Dubbo's run for a call. The exception says that it is a timeout, or its message does, as to which was first. */
    private static boolean isTimeout(RpcException thrown) {
        return thrown.isTimeout() || String.valueOf(thrown.getMessage()).contains(TriRpcStatus.Code.DEADLINE_EXCEEDED.name());
    }

    private static long millisSince(long nanoTime) {
        return (System.nanoTime() - nanoTime) / 1_000_000;
    }

    private static RpcException rpcException(Callable<?> call) {
        Throwable thrown = thrownBy(call);
        expect(thrown instanceof RpcException, "not an RpcException: " + describe(thrown));
        return (RpcException) thrown;
    }

    static Throwable thrownBy(Callable<?> call) {
        Object result;
        try {
            result = call.call();
        } catch (Throwable e) {
            return e;
        }
        throw new AssertionError("no exception, but " + result);
    }
}
