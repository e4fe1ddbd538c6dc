package com.example.peer;

import com.example.api.Echo;
import com.example.api.Profile;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.common.Version;
import org.apache.dubbo.rpc.RpcContext;

/** The server's {@link Echo}. */
final class EchoService implements Echo {
    @Override
    public String text(String text) {
        return text;
    }

    @Override
    public long number(long number) {
        return number;
    }

    @Override
    public Profile profile(Profile profile) {
        return profile;
    }

    @Override
    public String attachment(String key) {
        String value = RpcContext.getContext().getAttachment(key);
        RpcContext.getServerContext().setAttachment("echo-" + key, String.valueOf(value));
        return value;
    }

    @Override
    public CompletableFuture<String> later(String text, int delayMillis) {
        Executor afterDelay = CompletableFuture.delayedExecutor(delayMillis, TimeUnit.MILLISECONDS);
        return CompletableFuture.supplyAsync(() -> text, afterDelay);
    }

    @Override
    public String dubboVersion() {
        return Version.getVersion();
    }
}
