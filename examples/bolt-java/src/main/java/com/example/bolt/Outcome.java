package com.example.bolt;

import com.alipay.remoting.InvokeCallback;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** What one call's callback was given: the answer or the exception. */
final class Outcome implements InvokeCallback {
    private final CompletableFuture<Object> value = new CompletableFuture<>();

    Object get() throws Exception {
        return value.get(Peer.TIMEOUT_MILLIS + 1000, TimeUnit.MILLISECONDS);
    }

    @Override
    public void onResponse(Object answer) {
        value.complete(answer);
    }

    @Override
    public void onException(Throwable e) {
        value.complete(e);
    }

    @Override
    public Executor getExecutor() {
        return null;
    }
}
