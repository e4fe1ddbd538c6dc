package com.example.sofarpc;

import static com.example.sofarpc.Checks.expect;

import com.alipay.remoting.rpc.exception.InvokeTimeoutException;
import com.alipay.sofa.rpc.api.future.SofaResponseFuture;
import com.alipay.sofa.rpc.common.RpcConstants;
import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.alipay.sofa.rpc.core.exception.RpcErrorType;
import com.alipay.sofa.rpc.core.exception.SofaRpcException;
import com.example.Missing;

/** Calls to a service that has no route or no host: each fails at once, and the connection outlives it. */
final class MissingChecks {
    private static final int TIMEOUT_MILLIS = 10_000;

    /** Far from the timeout, and enough for the first call of a JVM on a busy machine. */
    private static final int PROMPT_MILLIS = TIMEOUT_MILLIS / 2;
    private static final int REPEATS = 50;

    private final Services services;
    private final Missing missing;

    MissingChecks(Services services) {
        this.services = services;
        missing = missing().refer();
    }

    private ConsumerConfig<Missing> missing() {
        return services.of(Missing.class).setTimeout(TIMEOUT_MILLIS);
    }

    void run(Checks checks) {
        checks.check("missing-sync", () -> print("missing-sync", refused(() -> missing.call("x"))));
        checks.check("missing-future", this::future);
        checks.check("missing-oneway", this::oneway);
        checks.check("missing-repeated", this::repeated);
    }

    private void future() {
        Missing sender = missing().setInvokeType(RpcConstants.INVOKER_TYPE_FUTURE).refer();
        print("missing-future", refused(() -> {
            sender.call("x");
            SofaResponseFuture.getResponse(TIMEOUT_MILLIS, true);
        }));
    }

    /** A one-way call has no answer to fail with; what follows it on the connection must not suffer. */
    private void oneway() {
        Missing sender = missing().setInvokeType(RpcConstants.INVOKER_TYPE_ONEWAY).refer();
        sender.send("x");
        refused(() -> missing.call("x"));
    }

    /** SOFARPC takes seconds to reconnect, so a connection closed by an error would show in the next call. */
    private void repeated() {
        for (int i = 0; i < REPEATS; i++) {
            refused(() -> missing.call("x"));
        }
    }

    /** Runs a call that the other side must refuse, and hands back the exception it raised. */
    private static SofaRpcException refused(Checks.Body call) {
        long start = System.nanoTime();
        SofaRpcException e = raised(call);
        long millis = (System.nanoTime() - start) / 1_000_000;
        expect(millis < PROMPT_MILLIS, "raised only after " + millis + " ms: " + describe(e));
        expect(byOtherSide(e), "not what the other side answered: " + describe(e));
        return e;
    }

    /** Excludes timeouts, and what SOFARPC raises by itself: no connection (CLIENT_ROUTER) and its own faults. */
    private static boolean byOtherSide(SofaRpcException e) {
        int type = e.getErrorType();
        return !(e.getCause() instanceof InvokeTimeoutException)
            && (type >= RpcErrorType.SERVER_BUSY && type <= RpcErrorType.SERVER_UNDECLARED_ERROR
                || type == RpcErrorType.CLIENT_NETWORK
                || type == RpcErrorType.CLIENT_UNDECLARED_ERROR);
    }

    private static SofaRpcException raised(Checks.Body call) {
        try {
            call.run();
        } catch (SofaRpcException e) {
            return e;
        } catch (Throwable e) {
            throw new AssertionError("want SofaRpcException, got " + e, e);
        }
        throw new AssertionError("want SofaRpcException, but the call returned");
    }

    private static void print(String check, SofaRpcException e) {
        System.out.println("error " + check + ": " + describe(e));
    }

    private static String describe(SofaRpcException e) {
        return "class=" + e.getClass().getName() + " type=" + e.getErrorType()
            + " message=" + Checks.oneLine(String.valueOf(e.getMessage()));
    }
}
