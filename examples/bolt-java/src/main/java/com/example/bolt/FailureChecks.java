package com.example.bolt;

import static com.example.bolt.Checks.expect;
import static com.example.bolt.Checks.same;
import static com.example.bolt.Checks.thrown;

import com.alipay.remoting.rpc.RpcResponseFuture;
import com.alipay.remoting.rpc.exception.InvokeServerException;
import com.alipay.remoting.rpc.exception.InvokeTimeoutException;
import com.example.bolt.Messages.EchoRequest;
import com.example.bolt.Messages.FailRequest;
import com.example.bolt.Messages.UnknownRequest;

/** Calls that fail, for one peer: the exception on this side is the one that belongs there. */
final class FailureChecks {
    private static final int SHORT_MILLIS = 300;
    private static final int SLEEP_MILLIS = 1500;

    private final Peer peer;

    FailureChecks(Peer peer) {
        this.peer = peer;
    }

    void run(Checks checks) {
        checks.check(peer.label + "-server-exception", this::serverException);
        checks.check(peer.label + "-no-processor", this::noProcessor);
        checks.check(peer.label + "-timeout", this::timeout);
        checks.check(peer.label + "-future-timeout", this::futureTimeout);
        checks.check(peer.label + "-callback-timeout", this::callbackTimeout);
        checks.check(peer.label + "-late-answer", this::lateAnswer);
    }

    private void serverException() {
        Throwable e = thrown(InvokeServerException.class, () -> peer.call(new FailRequest("out of order")));
        expect(String.valueOf(e.getCause()).contains("out of order"), "cause: " + e.getCause());
    }

    private void noProcessor() {
        Throwable e = thrown(InvokeServerException.class, () -> peer.call(new UnknownRequest()));
        expect(String.valueOf(e.getCause()).contains("No user processor"), "cause: " + e.getCause());
    }

    private void timeout() {
        long start = System.nanoTime();
        thrown(InvokeTimeoutException.class, () -> peer.client.invokeSync(peer.address, slow(), SHORT_MILLIS));
        long millis = (System.nanoTime() - start) / 1_000_000;
        expect(millis >= SHORT_MILLIS - 50, "timed out after only " + millis + " ms");
        expect(millis < SLEEP_MILLIS, "timed out after " + millis + " ms");
    }

    private void futureTimeout() throws Exception {
        RpcResponseFuture future = peer.client.invokeWithFuture(peer.address, slow(), SHORT_MILLIS);
        thrown(InvokeTimeoutException.class, () -> future.get(SLEEP_MILLIS - 500));
    }

    private void callbackTimeout() throws Exception {
        Outcome outcome = new Outcome();
        peer.client.invokeWithCallback(peer.address, slow(), outcome, SHORT_MILLIS);
        Object got = outcome.get();
        expect(got instanceof InvokeTimeoutException, "got " + got);
    }

    /** The answers to the calls given up above arrive while another one is waiting on the same connection. */
    private void lateAnswer() throws Exception {
        thrown(InvokeTimeoutException.class, () -> peer.client.invokeSync(peer.address, slow(), SHORT_MILLIS));
        same("at once", peer.echo(new EchoRequest("at once")).text);
        same("patient", peer.echo(new EchoRequest("patient").sleep(SLEEP_MILLIS)).text);
    }

    private static EchoRequest slow() {
        return new EchoRequest("late").sleep(SLEEP_MILLIS);
    }
}
