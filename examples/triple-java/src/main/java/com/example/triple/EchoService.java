package com.example.triple;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.rpc.RpcContext;

/** The server's {@link Echo}. */
final class EchoService implements Echo {
    @Override
    public String text(String text) {
        return text;
    }

    @Override
    public Order order(Order order) {
        return order;
    }

    @Override
    public String attachment(String key) {
        String value = RpcContext.getServerAttachment().getAttachment(key);
        RpcContext.getServerContext().setAttachment("echo-" + key, String.valueOf(value));
        return value;
    }

    @Override
    public CompletableFuture<String> later(String text, int delayMillis) {
        Executor afterDelay = CompletableFuture.delayedExecutor(delayMillis, TimeUnit.MILLISECONDS);
        return CompletableFuture.supplyAsync(() -> text, afterDelay);
    }

    @Override
    public String sleep(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "interrupted";
        }
        return "slept";
    }

    @Override
    public void spend(String account, int limit) throws QuotaExceededException {
        throw new QuotaExceededException(account, limit);
    }

    @Override
    public void reject(String reason) {
        throw new IllegalArgumentException(reason);
    }
}
