package com.example.sofarpc;

import static com.example.sofarpc.Checks.expect;
import static com.example.sofarpc.Checks.same;

import com.alipay.sofa.rpc.common.RpcConstants;
import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.alipay.sofa.rpc.context.RpcInvokeContext;
import com.alipay.sofa.rpc.core.exception.SofaRpcException;
import com.alipay.sofa.rpc.core.exception.SofaTimeOutException;
import com.alipay.sofa.rpc.core.invoke.SofaResponseCallback;
import com.alipay.sofa.rpc.core.request.RequestBase;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Calls whose answers, exceptions and timeouts arrive in a callback. */
final class CallbackChecks {
    private static final int CALLS = 50;

    private final Services services;

    CallbackChecks(Services services) {
        this.services = services;
    }

    void run(Checks checks) {
        checks.check("callback", this::answers);
        checks.check("callback-exception", this::exception);
        checks.check("callback-timeout", this::timeout);
    }

    private void answers() throws Exception {
        EchoService echo = callback(Services.TIMEOUT_MILLIS).refer();
        Outcome[] outcomes = new Outcome[CALLS];
        for (int i = 0; i < CALLS; i++) {
            outcomes[i] = Outcome.ofNextCall();
            echo.echo("callback " + i);
        }
        for (int i = 0; i < CALLS; i++) {
            same("callback " + i, outcomes[i].get());
        }
    }

    private void exception() throws Exception {
        EchoService echo = callback(Services.TIMEOUT_MILLIS).refer();
        Outcome outcome = Outcome.ofNextCall();
        echo.reject(Order.sample(1), 43);
        Object got = outcome.get();
        expect(got instanceof OrderException e && e.code() == 43, "got " + got);
    }

    private void timeout() throws Exception {
        EchoService echo = callback(300).refer();
        Outcome outcome = Outcome.ofNextCall();
        echo.sleep("late", 2000);
        Object got = outcome.get();
        expect(got instanceof SofaTimeOutException, "got " + got);
    }

    private ConsumerConfig<EchoService> callback(int timeoutMillis) {
        return services.of(EchoService.class)
            .setInvokeType(RpcConstants.INVOKER_TYPE_CALLBACK)
            .setTimeout(timeoutMillis);
    }

    /** What one call's callback was given: the answer or the exception. */
    private static final class Outcome implements SofaResponseCallback<Object> {
        private final CompletableFuture<Object> value = new CompletableFuture<>();

        /** Makes the callback of the next call that this thread makes. */
        static Outcome ofNextCall() {
            Outcome outcome = new Outcome();
            RpcInvokeContext.getContext().setResponseCallback(outcome);
            return outcome;
        }

        Object get() throws Exception {
            return value.get(Services.TIMEOUT_MILLIS + 1000, TimeUnit.MILLISECONDS);
        }

        @Override
        public void onAppResponse(Object answer, String method, RequestBase request) {
            value.complete(answer);
        }

        @Override
        public void onAppException(Throwable e, String method, RequestBase request) {
            value.complete(e);
        }

        @Override
        public void onSofaException(SofaRpcException e, String method, RequestBase request) {
            value.complete(e);
        }
    }
}
