package com.example.triple;

import java.util.StringJoiner;
import org.apache.dubbo.common.stream.StreamObserver;
import org.apache.dubbo.rpc.TriRpcStatus;

/** The server's {@link Greeter}, which is made from greeter.proto. */
final class GreeterService extends DubboGreeterTriple.GreeterImplBase {
    /** Who is not greeted. */
    static final String NOBODY = "nobody";

    @Override
    public GreetReply greet(GreetRequest request) {
        if (request.getName().equals(NOBODY)) {
            throw TriRpcStatus.NOT_FOUND.withDescription("no " + NOBODY + " here").asException();
        }
        return reply(request, 1);
    }

    @Override
    public void greetOften(GreetRequest request, StreamObserver<GreetReply> replies) {
        for (int number = 1; number <= request.getTimes(); number++) {
            replies.onNext(reply(request, number));
        }
        replies.onCompleted();
    }

    @Override
    public StreamObserver<GreetRequest> greetAll(StreamObserver<GreetReply> replies) {
        return new StreamObserver<>() {
            private final StringJoiner names = new StringJoiner(", ");
            private int number;

            @Override
            public void onNext(GreetRequest request) {
                names.add(request.getName());
                number++;
            }

            @Override
            public void onError(Throwable thrown) {}

            @Override
            public void onCompleted() {
                replies.onNext(GreetReply.newBuilder().setGreeting("Hello " + names).setNumber(number).build());
                replies.onCompleted();
            }
        };
    }

    @Override
    public StreamObserver<GreetRequest> greetEach(StreamObserver<GreetReply> replies) {
        return new StreamObserver<>() {
            private int number;

            @Override
            public void onNext(GreetRequest request) {
                replies.onNext(reply(request, ++number));
            }

            @Override
            public void onError(Throwable thrown) {}

            @Override
            public void onCompleted() {
                replies.onCompleted();
            }
        };
    }

    private static GreetReply reply(GreetRequest request, int number) {
        String greeting = "Hello " + request.getName();
        return GreetReply.newBuilder().setGreeting(greeting).setNumber(number).setPayload(request.getPayload()).build();
    }
}
