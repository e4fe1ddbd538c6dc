package com.example.peer;

import static com.example.peer.Report.describe;
import static com.example.peer.Report.expect;

import com.example.Missing;
import com.example.api.Echo;
import com.example.api.Faults;
import com.example.api.QuotaExceededException;
import java.util.concurrent.Callable;
import org.apache.dubbo.rpc.RpcException;

/** What goes wrong arrives as what it is. */
final class FaultChecks {
    private static final int TIMEOUT_MILLIS = 300;
    private static final int SLEEP_MILLIS = 2000;
    private static final int PATIENCE_MILLIS = 8000;
    private static final int PROMPT_MILLIS = 2500;

    private final Report report;
    private final Remote remote;

    FaultChecks(Report report, String address) {
        this.report = report;
        this.remote = new Remote(address, "");
    }

    void run() {
        report.check("business-exception", this::businessException);
        report.check("runtime-exception", this::runtimeException);
        report.check("timeout", this::timeout);
    }

    private void businessException() {
        Faults faults = remote.refer(Faults.class);
        Throwable thrown = thrownBy(() -> {
            faults.spend("ada", 1000);
            return null;
        });
        expect(QuotaExceededException.class, thrown.getClass(), "exception (" + describe(thrown) + ")");
        expect("account ada is over its limit of 1000", thrown.getMessage(), "message");
        expect("ada", ((QuotaExceededException) thrown).getAccount(), "account");
        expect(1000, ((QuotaExceededException) thrown).getLimit(), "limit");
    }

    private void runtimeException() {
        Faults faults = remote.refer(Faults.class);
        Throwable thrown = thrownBy(() -> {
            faults.reject("no, \ud83d\ude80");
            return null;
        });
        expect(IllegalArgumentException.class, thrown.getClass(), "exception (" + describe(thrown) + ")");
        expect("no, \ud83d\ude80", thrown.getMessage(), "message");
    }

    /** The caller gives up in time, and the answer that comes too late harms nobody. */
    private void timeout() throws InterruptedException {
        Faults faults = remote.refer(Faults.class, reference -> reference.setTimeout(TIMEOUT_MILLIS));
        Echo echo = remote.refer(Echo.class);
        echo.text("connected");
        long start = System.nanoTime();
        RpcException thrown = rpcException(() -> faults.sleep(SLEEP_MILLIS));
        long took = millisSince(start);
        expect(thrown.isTimeout(), "code " + thrown.getCode() + ", not a timeout: " + describe(thrown));
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
            expect(!thrown.isTimeout(), "the call timed out after " + took + " ms");
            expect(took < PROMPT_MILLIS, "the error took " + took + " ms");
        }
    }

    private static long millisSince(long nanoTime) {
        return (System.nanoTime() - nanoTime) / 1_000_000;
    }

    private static RpcException rpcException(Callable<?> call) {
        Throwable thrown = thrownBy(call);
        expect(thrown instanceof RpcException, "not an RpcException: " + describe(thrown));
        return (RpcException) thrown;
    }

    private static Throwable thrownBy(Callable<?> call) {
        Object result;
        try {
            result = call.call();
        } catch (Throwable e) {
            return e;
        }
        throw new AssertionError("no exception, but " + result);
    }
}
