package com.example.versions;

import io.grpc.CallOptions;
import io.grpc.ClientStreamTracer;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ClientResponseObserver;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/** Makes calls of one mode on one connection. */
class Client {
    private final String mode;
    private final String address;
    private final Order order;
    private final ManagedChannel channel;
    private final Phaser running = new Phaser(1);
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong attempts = new AtomicLong();
    private final AtomicLong sent = new AtomicLong();
    private final AtomicLong came = new AtomicLong();
    private final AtomicReference<String> failed = new AtomicReference<>();

    Client(String address, String mode, int rate, int seconds, int size) {
        this.mode = mode;
        this.address = address;
        order = new Order(Map.of("deadline", 'l', "burst", 'l').getOrDefault(mode, mode.charAt(0)), rate, seconds, size);
        NettyChannelBuilder builder = NettyChannelBuilder.forTarget("dns:///" + address).usePlaintext().maxInboundMessageSize(Order.LARGEST);
        switch (mode) {
            case "hedge" -> builder.defaultServiceConfig(hedging(2.0, size / 2));
            case "quick" -> builder.defaultServiceConfig(hedging(5.0, 0));
            default -> { }
        }
        channel = builder.build();
    }

    private static Map<String, ?> hedging(double most, int delay) {
        return Map.of("methodConfig", List.of(Map.of(
                "name", List.of(Map.of("service", "weir.Load")),
                "hedgingPolicy", Map.of("maxAttempts", most, "hedgingDelay", delay / 1e3 + "s"))));
    }

    /** Waits for the connection, so that its time, and that of the JVM, is none of the load's. */
    private void connect() throws InterruptedException {
        ConnectivityState state = channel.getState(true);
        while (state != ConnectivityState.READY) {
            CountDownLatch changed = new CountDownLatch(1);
            channel.notifyWhenStateChanged(state, changed::countDown);
            changed.await();
            state = channel.getState(true);
        }
    }

    boolean run() throws Exception {
        connect();
        long begin = System.nanoTime();
        switch (mode) {
            case "down" -> new Call(Status.Code.OK).done();
            case "up", "echo" -> {
                Call call = new Call(Status.Code.OK);
                order.paced(() -> {
                    sent.incrementAndGet();
                    return call.ready.send(new byte[order.size()]);
                });
                call.done();
            }
            case "hedge", "quick" -> order.paced(() -> {
                new Call(Status.Code.OK).done();
                return true;
            });
            case "cancel" -> order.paced(() -> {
                new Call(Status.Code.CANCELLED);
                return true;
            });
            case "deadline" -> order.paced(() -> {
                new Call(Status.Code.DEADLINE_EXCEEDED);
                return true;
            });
            case "burst" -> new Order('l', 1, order.seconds(), 0).paced(() -> {
                for (int i = 0; i < order.rate(); i++) {
                    new Call(Status.Code.DEADLINE_EXCEEDED);
                }
                return true;
            });
            default -> throw new IllegalArgumentException("there is no mode " + mode);
        }
        running.arrive();
        running.awaitAdvanceInterruptibly(0, 60, TimeUnit.SECONDS);
        System.out.printf("%s of %s: %d calls in %d attempts, %d messages sent, %d came, %.1f s, failure: %s%n", mode, address,
                calls.get(), attempts.get(), sent.get(), came.get(), (System.nanoTime() - begin) / 1e9, failed.get());
        channel.shutdownNow();
        return failed.get() == null;
    }

    /** A call that is to end with a status. */
    private class Call implements ClientResponseObserver<byte[], byte[]> {
        private final Status.Code want;
        private ClientCallStreamObserver<byte[]> to;
        private Ready ready;

        Call(Status.Code want) {
            this.want = want;
            calls.incrementAndGet();
            running.register();
            CallOptions options = CallOptions.DEFAULT.withWaitForReady().withStreamTracerFactory(new ClientStreamTracer.Factory() {
                @Override
                public ClientStreamTracer newClientStreamTracer(ClientStreamTracer.StreamInfo info, Metadata headers) {
                    attempts.incrementAndGet();
                    return new ClientStreamTracer() { };
                }
            });
            if (want == Status.Code.DEADLINE_EXCEEDED) {
                options = options.withDeadlineAfter(order.size(), TimeUnit.MILLISECONDS);
            }
            ClientCalls.asyncBidiStreamingCall(channel.newCall(Order.METHOD, options), this);
            to.onNext(order.message());
        }

        void done() {
            to.onCompleted();
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<byte[]> to) {
            this.to = to;
            ready = new Ready(to);
        }

        @Override
        public void onNext(byte[] message) {
            came.incrementAndGet();
            if (want == Status.Code.CANCELLED) {
                to.cancel("enough", null);
            }
        }

        @Override
        public void onError(Throwable e) {
            end(Status.fromThrowable(e));
        }

        @Override
        public void onCompleted() {
            end(Status.OK);
        }

        private void end(Status status) {
            ready.end();
            if (status.getCode() != want) {
                failed.compareAndSet(null, status.toString());
            }
            running.arriveAndDeregister();
        }
    }
}
