package com.example.versions;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.nio.ByteBuffer;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** The server's end of a call. */
class Answer implements StreamObserver<byte[]> {
    private static final ScheduledExecutorService LATER = Executors.newSingleThreadScheduledExecutor();

    private final ServerCallStreamObserver<byte[]> to;
    private final Ready ready;
    private Order order;
    private int received;

    private Answer(ServerCallStreamObserver<byte[]> to) {
        this.to = to;
        ready = new Ready(to);
        to.setOnCancelHandler(ready::end);
    }

    static StreamObserver<byte[]> of(StreamObserver<byte[]> to) {
        return new Answer((ServerCallStreamObserver<byte[]>) to);
    }

    @Override
    public void onNext(byte[] message) {
        if (order != null) {
            received++;
            if (order.mode() == 'e') {
                to.onNext(message);
            }
            return;
        }
        order = Order.parse(message);
        switch (order.mode()) {
            case 'd' -> new Thread(this::stream).start();
            case 'c' -> to.onNext(message);
            case 'h' -> answerIn(order.size(), message);
            case 'q' -> answerIn(ThreadLocalRandom.current().nextInt(order.size() + 1), message);
            default -> { } // it waits for more, or for nothing
        }
    }

    /** Sends messages at the rate ordered. */
    private void stream() {
        try {
            order.paced(() -> ready.send(new byte[order.size()]));
            if (!to.isCancelled()) {
                to.onCompleted();
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void answerIn(int milliseconds, byte[] message) {
        LATER.schedule(() -> {
            if (!to.isCancelled()) {
                to.onNext(message);
                to.onCompleted();
            }
        }, milliseconds, TimeUnit.MILLISECONDS);
    }

    @Override
    public void onCompleted() {
        if (order.mode() == 'u') {
            to.onNext(ByteBuffer.allocate(4).putInt(received).array());
        }
        if (order.mode() == 'u' || order.mode() == 'e') {
            to.onCompleted();
        }
    }

    @Override
    public void onError(Throwable e) {
        ready.end();
    }
}
